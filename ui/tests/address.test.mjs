import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { requeried } from "../src/address.ts";
import { go } from "../src/router.tsx";

const TAB = "/airloop/ui/at?dag_id=flights.train";

/** As much of a browser as going somewhere needs. */
function open(address) {
  globalThis.location = new URL(address, "http://localhost");
  globalThis.history = { pushState: (_state, _title, to) => (location.href = new URL(to, location).href) };
  globalThis.dispatchEvent = () => true;
  globalThis.scrollTo = () => undefined;
}

const here = () => location.pathname + location.search + location.hash;

beforeEach(() => open("/airloop/ui/pipelines/flights"));

test("a page's query is replaced", () => {
  go("?version=2#candidate");
  assert.equal(here(), "/airloop/ui/pipelines/flights?version=2#candidate");
  go("?version=3#lineage");
  assert.equal(here(), "/airloop/ui/pipelines/flights?version=3#lineage");
  go("?#candidate");
  assert.equal(here(), "/airloop/ui/pipelines/flights#candidate");
});

test("no query is an address without a question mark", () => {
  open("/airloop/ui/?q=fraud");
  go("?");
  assert.equal(here(), "/airloop/ui/");
});

test("a tab of a DAG stays with the DAG when its query changes", () => {
  open(TAB);
  go("?version=2#candidate");
  assert.equal(here(), `${TAB}&version=2#candidate`);
  go("?version=3#lineage");
  assert.equal(here(), `${TAB}&version=3#lineage`);
  go("?#candidate");
  assert.equal(here(), `${TAB}#candidate`);
});

test("a tab of a task stays with its run, whatever stands in the run's name", () => {
  const tab =
    "/team-a/airloop/ui/at?dag_id=flights.train&run_id=manual__2026-01-01T00%3A00%3A00%2B00%3A00&task_id=release";
  assert.equal(requeried("/team-a/airloop/ui/at", new URL(tab, location).search, "?version=2"), `${tab}&version=2`);
});

test("what an address says of a page of Airflow's means nothing elsewhere", () => {
  open("/airloop/ui/pipelines/flights?dag_id=other.train");
  go("?version=2");
  assert.equal(here(), "/airloop/ui/pipelines/flights?version=2");
});

test("a section of a page is another end of the same address", () => {
  open(`${TAB}&version=2`);
  go("#data");
  assert.equal(here(), `${TAB}&version=2#data`);
});
