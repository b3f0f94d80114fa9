import assert from "node:assert/strict";
import { test } from "node:test";
import { held } from "../src/pages/models/held.ts";

const gain = (more) => ({ metric: "log_loss", is_gain: true, side: "least", ...more });
const bound = (more) => ({ metric: "calibration_error", is_gain: false, lower: 0.16, upper: 0.2, ...more });
const SURE = { value: 0.025, lower: 0.0072, upper: 0.043, threshold: -0.01 };

test("a bound on a metric says its own side, and nothing of an interval that decides nothing", () => {
  const most = bound({ value: 0.18, threshold: 0.12, side: "most" });
  assert.equal(held(most, "REJECT"), "calibration_error 0.180, at most 0.120 asked");
  const least = bound({ metric: "roc_auc", value: 0.7, threshold: 0.62, side: "least" });
  assert.equal(held(least, "PROMOTE"), "roc_auc 0.700, at least 0.620 asked");
  assert.equal(
    held(bound({ value: 0.18, threshold: 0.12, side: "" }), "REJECT"),
    "calibration_error 0.180, 0.120 asked",
  );
  assert.equal(held(bound({ value: 0.18, threshold: null, side: "" }), "HOLD"), "calibration_error 0.180");
});

test("a gain tells the bound that the verdict rests on, and what is allowed or asked", () => {
  assert.equal(held(gain(SURE), "PROMOTE"), "log_loss +0.025, at worst +0.0072, 0.010 worse allowed");
  assert.equal(
    held(gain({ ...SURE, value: -0.05, lower: -0.08, upper: -0.02 }), "REJECT"),
    "log_loss −0.050, at best −0.020, 0.010 worse allowed",
  );
  assert.equal(
    held(gain({ ...SURE, value: 0, lower: -0.02, upper: 0.02, threshold: 0 }), "HOLD"),
    "log_loss 0.000, between −0.020 and +0.020, no worse allowed",
  );
  assert.equal(held(gain({ ...SURE, threshold: 0.02 }), "PROMOTE"), "log_loss +0.025, at worst +0.0072, +0.020 asked");
});

test("a bound that is not known is left out", () => {
  assert.equal(held(gain({ ...SURE, lower: null }), "PROMOTE"), "log_loss +0.025, 0.010 worse allowed");
  assert.equal(held(gain({ ...SURE, lower: null }), "HOLD"), "log_loss +0.025, at best +0.043, 0.010 worse allowed");
});
