import assert from "node:assert/strict";
import { test } from "node:test";
import { isOfNow, isShown, read, sorted, summary, valued, write } from "../src/pages/models/view.ts";

const row = (name, health, more = {}) => ({
  name,
  health,
  says: "",
  owner: "",
  target: "local",
  tags: [],
  drift: [],
  champion: null,
  verdict: null,
  airflow: null,
  ...more,
});
const asked = { airflow: { approvals: [{ subject: "Release?" }], next_run: null, is_paused: false } };
const ROWS = [
  row("well", "well", { owner: "risk", tags: ["eu"] }),
  row("watched", "watch", { drift: [{ value: 0.2 }] }),
  row("broken", "broken", { target: "" }),
  row("drifting", "act", { drift: [{ value: 0.4 }], target: "docker" }),
  row("asking", "well", asked),
  row("fresh", "new"),
];
const usual = read(new URLSearchParams());
const names = (rows) => rows.map((one) => one.name);

test("what needs a person stands first", () => {
  assert.deepEqual(names(sorted(ROWS, usual, () => undefined)), [
    "asking",
    "drifting",
    "broken",
    "watched",
    "fresh",
    "well",
  ]);
});

test("rows without a value come last, whichever way it is sorted", () => {
  const order = (isDown) => names(sorted(ROWS, { sort: "drift", isDown }, () => undefined));
  assert.deepEqual(order(true).slice(0, 2), ["drifting", "watched"]);
  assert.deepEqual(order(false).slice(0, 2), ["watched", "drifting"]);
  assert.deepEqual(order(true).slice(2), order(false).slice(2));
});

test("what targets say now orders the rows as far as it is known", () => {
  const known = { watched: { per_second: 2, p99_ms: 9 }, drifting: { per_second: 30, p99_ms: null } };
  const live = (name) => known[name] && { champion: known[name] };
  assert.deepEqual(names(sorted(ROWS, { sort: "traffic", isDown: true }, live)).slice(0, 2), ["drifting", "watched"]);
  assert.deepEqual(names(sorted(ROWS, { sort: "p99", isDown: true }, live))[0], "watched");
  assert.deepEqual([valued(ROWS, "traffic", live), valued(ROWS, "p99", live)], [2, 1]);
  assert.deepEqual(["traffic", "p99", "drift", "state"].filter(isOfNow), ["traffic", "p99"]);
});

test("the summary counts what needs somebody and leaves out what there is none of", () => {
  assert.equal(summary(ROWS), "6 pipelines: 3 need you, 1 to watch, 1 new, 1 well");
  assert.equal(summary([row("one", "act")]), "1 pipeline: 1 needs you");
  assert.equal(summary([]), "0 pipelines");
});

test("every word of a search has to be found, in any column", () => {
  const shown = (words) => names(ROWS.filter((one) => isShown(one, { ...usual, words })));
  assert.deepEqual(shown("RISK eu"), ["well"]);
  assert.deepEqual(shown("risk docker"), []);
});

test("filters of one kind add up, of several kinds all hold", () => {
  const shown = (change) => names(ROWS.filter((one) => isShown(one, { ...usual, ...change })));
  assert.deepEqual(shown({ states: ["act", "watch"] }), ["watched", "drifting"]);
  assert.deepEqual(shown({ states: ["act", "watch"], targets: ["docker"] }), ["drifting"]);
});

test("a view survives its address", () => {
  const view = {
    sort: "p99",
    isDown: true,
    words: "a b",
    states: ["act", "well"],
    targets: ["local", "docker"],
    owner: "x & y",
    tag: "eu",
  };
  assert.deepEqual(read(new URLSearchParams(write(view))), view);
  assert.equal(write(usual), "?");
});

test("an address that makes no sense is the usual view", () => {
  assert.deepEqual(read(new URLSearchParams("sort=-nothing&state=odd")), { ...usual, isDown: true });
});
