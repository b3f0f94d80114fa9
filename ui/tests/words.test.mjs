import assert from "node:assert/strict";
import { test } from "node:test";
import { wording } from "../src/ask.ts";
import { count, figure, ms, percent, rate, signed } from "../src/parts/Figure.tsx";
import { toneOf } from "../src/parts/Badge.tsx";
import { inWords } from "../src/parts/Sparkline.tsx";
import { distance, length, wall } from "../src/zone.ts";

const DAY = 86400_000;

test("figures keep what counts", () => {
  assert.deepEqual([0.6512, -0.0123, 0.00412, 12.345, 12345.6, 0].map(figure), [
    "0.651",
    "−0.012",
    "0.0041",
    "12.35",
    "12,346",
    "0.000",
  ]);
  assert.deepEqual([0.012, -0.012, 0].map(signed), ["+0.012", "−0.012", "0.000"]);
  assert.deepEqual([figure(null), count(null), rate(undefined), ms(null), percent(null)], ["–", "–", "–", "–", "–"]);
  assert.deepEqual(
    [percent(0.1), percent(0.125), rate(3.14), ms(12.6), count(1234)],
    ["10 %", "12.5 %", "3.1", "13 ms", "1,234"],
  );
});

test("lengths of time are in the unit that people count in", () => {
  assert.deepEqual([30_000, 60_000, 90 * 60_000, 3 * DAY, 90 * DAY, 200 * DAY].map(length), [
    "moments",
    "1 min",
    "2 hours",
    "3 days",
    "90 days",
    "7 months",
  ]);
  const now = Date.parse("2026-07-01T06:00:00Z");
  assert.equal(distance(new Date(now - 3 * DAY), now), "3 days ago");
  assert.equal(distance(new Date(now + 2 * 3600_000), now), "in 2 hours");
});

test("instants are told in the zone", () => {
  const at = new Date("2026-07-01T22:30:00Z");
  assert.equal(wall(at, "UTC"), "2026-07-01 22:30");
  assert.equal(wall(at, "Europe/Berlin", { day: true }), "2026-07-02");
});

test("a word means the same wherever it stands", () => {
  assert.deepEqual(["PROMOTE", "ROLLED_BACK", "rolled back", "HOLD", "INCONCLUSIVE", "anything"].map(toneOf), [
    "good",
    "bad",
    "bad",
    "warn",
    "open",
    "told",
  ]);
});

test("a row of windows is told in words", () => {
  const mark = (level, value) => ({ level, value });
  assert.equal(
    inWords([mark("OK", 0.01), mark("OK", 0.02), mark("ACT", 0.31)]),
    "3 windows: 2 OK, 1 ACT; the last ACT, 0.310",
  );
  assert.equal(inWords([]), "no windows");
});

test("a refusal says what the server says, else what its status means", () => {
  assert.equal(wording(400, { detail: "reason: 3 to 500 characters" }), "reason: 3 to 500 characters");
  assert.equal(
    wording(409, { detail: "Human-in-the-loop detail has already been updated for Task Instance" }),
    "Somebody has answered already.",
  );
  assert.match(wording(403, { detail: "Forbidden" }), /may not do this/);
  assert.equal(wording(422, { detail: [{ loc: ["body", "conf"], msg: "is odd" }] }), "conf: is odd");
});
