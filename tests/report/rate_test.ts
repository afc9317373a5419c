import assert from "node:assert/strict";
import { RateWindow } from "../../src/report/rate.ts";

Deno.test("RateWindow measures exactly when the flow is even", () => {
  const window = new RateWindow(5000);
  for (let now = 5100; now <= 65_000; now += 100) window.add(now, 10);
  assert.ok(Math.abs(window.perSecond(65_000) - 100) < 2, `${window.perSecond(65_000)}`);
});

Deno.test("RateWindow does not exaggerate when the first second has not passed", () => {
  const window = new RateWindow(0);
  window.add(1, 100);
  assert.equal(window.perSecond(1), 100);
});

Deno.test("RateWindow sinks to nothing when nothing comes any more", () => {
  const window = new RateWindow(0);
  for (let now = 0; now < 10_000; now += 50) window.add(now, 5);
  const rates = [10_000, 12_000, 14_000, 16_000, 18_000].map((now) => window.perSecond(now));
  for (let i = 1; i < rates.length; i++) assert.ok(rates[i]! < rates[i - 1]!, `${rates}`);
  assert.equal(rates.at(-1), 0);
  assert.equal(window.perSecond(1e9), 0);
});
