import assert from "node:assert/strict";
import { test } from "node:test";
import { address, called, evidenceAt, isAbout, keyOf } from "../src/acts/question.ts";

const question = (run_id, version) => ({
  dag_id: "churn.train",
  run_id,
  task_id: "approve_release",
  map_index: -1,
  since: "2026-11-22T10:00:00Z",
  subject: `Release churn ${version}?`,
  approvers: [],
});
const OLD = question("manual__2026-11-22T10:00:00+00:00", "3");
const NEW = question("scheduled__2026-11-23", "13");

test("the evidence is asked for by the question's own run, not by what was judged last", () => {
  assert.equal(evidenceAt("churn", OLD), "/pipelines/churn/candidate?run=manual__2026-11-22T10%3A00%3A00%2B00%3A00");
  assert.equal(evidenceAt("churn", NEW), "/pipelines/churn/candidate?run=scheduled__2026-11-23");
});

test("an answer goes to the question that is shown", () => {
  assert.equal(
    address(OLD),
    "/api/v2/dags/churn.train/dagRuns/manual__2026-11-22T10%3A00%3A00%2B00%3A00/taskInstances/approve_release/-1/hitlDetails",
  );
  assert.notEqual(keyOf(OLD), keyOf(NEW));
});

test("another version's evidence is none", () => {
  assert.ok(isAbout(OLD, "churn", "3"));
  assert.ok(!isAbout(NEW, "churn", "3"));
  assert.ok(!isAbout(OLD, "churn", "13"));
  assert.ok(!isAbout(OLD, "churn_at", "3"));
});

test("every open question can be chosen, and says its place", () => {
  assert.deepEqual(called([OLD, NEW]), [
    [keyOf(OLD), "1 of 2: Release churn 3?"],
    [keyOf(NEW), "2 of 2: Release churn 13?"],
  ]);
});
