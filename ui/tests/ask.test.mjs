import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ask } from "../src/ask.ts";
import { turns } from "../src/turns.ts";

const SLOW_MS = 40;
const LIMIT = { timeout: 10_000 };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until something is so; what never is fails the test by its time limit. */
async function until(isSo) {
  while (!isSo()) await pause(5);
}

/** A server that takes its time, and counts; it heeds what is called off. */
function slowServer() {
  const seen = { asked: 0, atOnce: 0, most: 0, calledOff: 0 };
  globalThis.fetch = async (_path, { signal }) => {
    const number = ++seen.asked;
    seen.most = Math.max(seen.most, ++seen.atOnce);
    await Promise.race([pause(SLOW_MS), new Promise((done) => signal.addEventListener("abort", done))]);
    seen.atOnce--;
    if (!signal.aborted) return Response.json({ number });
    seen.calledOff++;
    throw signal.reason;
  };
  return seen;
}

/** A question that is asked by turns, and its answers. */
function question() {
  const answers = [];
  const keep = (answer) => answers.push(answer.number);
  return { answers, ...turns((signal) => ask("/models", signal).then(keep, () => undefined)) };
}

let server;
beforeEach(() => (server = slowServer()));

test("who answers slower than is asked still gets to answer", LIMIT, async () => {
  const { answers, tick, stop } = question();
  const timer = setInterval(tick, SLOW_MS / 8);
  await until(() => answers.length === 3);
  clearInterval(timer);
  stop();
  assert.equal(server.most, 1);
});

test("wishes while one is under way are one question afterwards", LIMIT, async () => {
  const { answers, again, tick } = question();
  tick();
  for (let wish = 0; wish < 3; wish++) again();
  await until(() => answers.length === 2);
  await pause(SLOW_MS * 2);
  assert.deepEqual(answers, [1, 2]);
  assert.equal(server.most, 1);
});

test("a tick while one is under way asks nothing afterwards", LIMIT, async () => {
  const { answers, tick } = question();
  for (let turn = 0; turn < 3; turn++) tick();
  await until(() => answers.length);
  await pause(SLOW_MS * 2);
  assert.deepEqual(answers, [1]);
});

test("who has asked in vain may ask again", LIMIT, async () => {
  globalThis.fetch = () => Promise.reject(new TypeError("no way there"));
  const { answers, again } = question();
  again();
  await pause(5);
  server = slowServer();
  again();
  await until(() => answers.length);
  assert.deepEqual(answers, [1]);
});

test("what is stopped is called off, and asks no more", LIMIT, async () => {
  const { answers, again, stop, tick } = question();
  tick();
  again();
  await pause(5);
  stop();
  again();
  tick();
  await pause(SLOW_MS * 2);
  assert.deepEqual([answers, server.asked, server.calledOff], [[], 1, 1]);
});
