import assert from "node:assert/strict";
import { effects, STEPS } from "../../scripts/lab_ctl.ts";

const MIB = 2 ** 20;

Deno.test("effects tells how long after an answer each second on the wire is as it shall be", () => {
  // given at 10, 20, 30 and 40 s of the copy, answered half a second later
  const steps = "100\n" + [110, 120, 130, 140].map((at) => `${at} ${at + 0.5}\n`).join("");
  const rateAt = (time: number) => {
    if (time < 11) return 20;
    if (time < 22) return 5;
    if (time < 30.5) return 40;
    return time < 42 ? 0 : 40;
  };
  const samples = Array.from({ length: 500 }, (_, i) => {
    const bytes = rateAt(i / 10) * MIB / 10;
    return [bytes, i < 205 ? bytes : 0, i / 10] as const;
  });
  const found = effects(samples, steps);
  assert.deepEqual(found.map(({ words }) => words), STEPS.map(({ words }) => words));
  const rounded = (value: number | null) => value === null ? null : Math.round(value * 10) / 10;
  assert.deepEqual(found.map(({ took }) => rounded(took)), [0.5, 0.5, 0.5, 0.5]);
  // what flows before the answer is given does not count against it
  assert.deepEqual(found.map(({ read }) => rounded(read)), [0.5, 1.4, 0, 1.4]);
  assert.deepEqual(found.map(({ written }) => rounded(written)), [0.5, null, 0, null]);
});
