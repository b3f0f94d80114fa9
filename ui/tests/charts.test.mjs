import assert from "node:assert/strict";
import test from "node:test";
import { DAY, instants, offset } from "../src/charts/calendar.ts";
import { extent, scale, short, ticks } from "../src/charts/scale.ts";
import { plan, whole } from "../src/charts/time-line/plan.ts";
import { nextPlace } from "../src/charts/time-line/pointing.ts";
import { inWords } from "../src/charts/time-line/inWords.ts";
import { apart } from "../src/charts/time-line/spots.ts";
import { LEVELS, lookOf } from "../src/charts/looks.ts";

const at = (day) => new Date(Date.UTC(2026, 0, day)).toISOString();
const event = (day, kind, word, more = {}) => ({
  at: at(day),
  recorded_at: at(day),
  kind,
  word,
  title: `${kind} ${word}`,
  reasons: [],
  version: "",
  by: "",
  why: "",
  ...more,
});
const mark = (day, value, level = "OK") => ({
  window: `${at(day)}/${at(day + 7)}`,
  start: at(day),
  end: at(day + 7),
  level,
  value,
  reasons: [],
});
const line = (more = {}) => ({
  events: [
    event(1, "verdict", "PROMOTE", { why: "version=1" }),
    event(1, "released", "RELEASED"),
    event(9, "decision", "WAIT"),
  ],
  spans: [{ version: "1", generation: 1, start: at(1), end: null, target: "local" }],
  drift: [mark(2, 0.05), mark(9, null, "INCONCLUSIVE"), mark(16, 0.3, "ACT")],
  drift_warn: 0.1,
  drift_act: 0.25,
  drift_method: "psi",
  bands: [],
  left_out: 0,
  until: at(30),
  ...more,
});

test("a scale maps its ends to the ends and back", () => {
  const x = scale([10, 20], [0, 100]);
  assert.deepEqual([x(10), x(15), x(20), x.invert(50)], [0, 50, 100, 15]);
  assert.equal(scale([3, 3], [0, 100])(3), 50);
});

test("ticks are round and stay inside", () => {
  assert.deepEqual(ticks([0.61, 0.69], 4), [0.62, 0.64, 0.66, 0.68]);
  assert.deepEqual(ticks([0, 100], 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks([5, 5], 4), [5]);
});

test("an extent leaves out what is not known", () => {
  assert.deepEqual(extent([null, 3, undefined, 1, NaN]), [1, 3]);
  assert.equal(extent([null]), null);
});

test("numbers on an axis are short", () => {
  assert.deepEqual([short(0.6543), short(-0.00213), short(0), short(null)], ["0.654", "−0.00213", "0", "–"]);
});

test("days begin at midnight of the zone, also where the clocks change", () => {
  const from = Date.UTC(2026, 2, 27);
  const days = instants([from, from + 5 * DAY], 6, "Europe/Berlin");
  assert.ok(days.length >= 4);
  for (const { at: instant } of days) assert.equal((instant + offset(instant, "Europe/Berlin")) % DAY, 0);
});

test("two years are told in months and years", () => {
  const labels = instants([Date.UTC(2024, 10, 1), Date.UTC(2026, 10, 1)], 12, "UTC").map((tick) => tick.label);
  assert.ok(labels.includes("Jan 2025") && labels.includes("Jan 2026"), labels.join());
  assert.ok(labels.length <= 13);
});

test("every kind of verdict looks different without its colour", () => {
  const shapes = ["PROMOTE", "HOLD", "REJECT"].map((word) => lookOf({ kind: "verdict", word }).shape);
  assert.equal(new Set(shapes).size, 3);
  const levels = ["OK", "WARN", "ACT", "INCONCLUSIVE"].map(
    (level) => `${LEVELS[level].shape} ${LEVELS[level].isHollow}`,
  );
  assert.equal(new Set(levels).size, 4);
});

test("a kind that is not known yet still has a look", () => {
  assert.equal(lookOf({ kind: "something_new", word: "" }).name, "something new");
});

test("an empty time line has no range", () => {
  assert.equal(whole(line({ events: [], spans: [], drift: [], until: null })), null);
});

test("what is open ends where the clock of the data stands", () => {
  const full = whole(line());
  const { bars } = plan(line(), full, 1000, []);
  const end = bars[0].x + bars[0].width;
  const x = scale(full, [0, 1000]);
  assert.ok(Math.abs(end - x(Date.parse(at(30)))) < 1, `${end}`);
});

test("the line of a curve lifts its pen where a window has no value", () => {
  const { curves } = plan(line(), whole(line()), 1000, []);
  assert.equal(curves[0].spots.length, 3);
  assert.equal(curves[0].path.match(/M/g).length, 2);
});

test("rows without events take no room", () => {
  assert.deepEqual(
    plan(line(), whole(line()), 1000, []).rows.map((row) => row.title),
    ["Verdicts", "Releases", "Decisions"],
  );
});

test("arrow keys go through a row, and to the nearest mark of the next", () => {
  const { spots } = plan(line(), whole(line()), 1000, []);
  const drift = spots.findIndex((spot) => spot.title.startsWith("Drift"));
  assert.equal(nextPlace(spots, drift, "ArrowRight"), drift + 1);
  assert.equal(nextPlace(spots, drift, "ArrowLeft"), null);
  assert.equal(spots[nextPlace(spots, drift, "ArrowUp")].title, "decision WAIT");
  assert.equal(nextPlace(spots, spots.length - 1, "ArrowDown"), null);
});

test("marks of one instant stand beside each other", () => {
  const [one, other] = apart([{ x: 50 }, { x: 51 }]);
  assert.ok(other.x - one.x >= 9);
});

test("windows of a version that is not live any more are told apart, in words too", () => {
  const spans = [
    { version: "1", generation: 1, start: at(1), end: at(10), target: "local" },
    { version: "2", generation: 2, start: at(10), end: null, target: "local" },
  ];
  const drift = [
    { ...mark(2, 0.8, "WARN"), version: "1" },
    { ...mark(16, 0.1), version: "2" },
    { ...mark(23, null, "INCONCLUSIVE"), version: "" },
  ];
  const seen = (more) => {
    const told = line({ spans, drift, ...more });
    return plan(told, whole(told), 1000, []).spots.filter((spot) => spot.title.startsWith("Drift"));
  };
  assert.deepEqual(
    seen({}).map((spot) => spot.isPast),
    [true, false, false],
  );
  const [past, live] = seen({}).map((spot) => inWords(spot, "UTC"));
  assert.match(past, /2026-01-02 00:00 to 2026-01-09 00:00, answered by version 1, which is not live any more/);
  assert.match(live, /answered by version 2$/);
  assert.ok(
    seen({ spans: [] }).every((spot) => !spot.isPast),
    "nothing is live",
  );
});
