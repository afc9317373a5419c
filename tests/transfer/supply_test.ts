import assert from "node:assert/strict";
import type { Job } from "../../src/job.ts";
import { isLarge, LARGE_JOB, STOCK, Supply, weightOf } from "../../src/transfer/supply.ts";
import { jobOf } from "./parts.ts";

/** A job of one file. */
function sized(name: string, size: number): Job {
  const job = jobOf("", [name]);
  return { ...job, files: job.files.map((file) => ({ ...file, size })) };
}

/** "L0", "s1": large and small jobs by the letters of a text. */
function supplyOf(letters: string) {
  const jobs = [...letters].map((letter, i) => sized(letter + i, letter === "L" ? LARGE_JOB : 1));
  let taken = 0;
  const supply = new Supply(() => jobs[taken++]);
  const take = (idle: boolean) => supply.take(idle)?.files.at(0)?.name;
  return { supply, take, taken: () => Math.min(taken, jobs.length) };
}

Deno.test("isLarge goes by the bytes of all files of a job", () => {
  assert.equal(isLarge(sized("a", LARGE_JOB - 1)), false);
  assert.equal(isLarge(sized("a", LARGE_JOB)), true);
  const { files } = sized("a", LARGE_JOB / 2);
  assert.equal(isLarge({ files: [...files, ...files] }), true);
  assert.equal(isLarge({ files: [] }), false);
});

Deno.test("weightOf counts what is in the files, where carriers would starve beside it", () => {
  const megabytes = { files: [...Array(9)].flatMap((_, i) => sized(`f${i}`, 2 ** 20).files) };
  assert.equal(weightOf(megabytes, STOCK.share), 9);
  assert.ok(weightOf(megabytes, STOCK.local) > STOCK.local.few);
  const small = { files: [...Array(256)].flatMap((_, i) => sized(`f${i}`, 4096).files) };
  assert.ok(weightOf(small, STOCK.local) < STOCK.local.few);
});

Deno.test("Supply hands large jobs to idle lanes only, and small ones pass them", () => {
  const { supply, take } = supplyOf("LsLss");
  assert.deepEqual([take(false), take(false)], ["s1", "s3"]);
  assert.equal(supply.held, 2);
  assert.deepEqual([take(true), take(true), take(true)], ["L0", "L2", "s4"]);
  assert.equal(take(true), undefined);
  assert.equal(supply.held, 0);
});

Deno.test("Supply keeps back a bounded number of large jobs, and then hands out no small one", () => {
  const { supply, take, taken } = supplyOf("L".repeat(40) + "s");
  assert.equal(take(false), undefined);
  assert.equal(taken(), 16);
  assert.equal(supply.held, 16);
  const all = Array.from({ length: 41 }, () => take(true));
  assert.deepEqual(all, [...Array.from({ length: 40 }, (_, i) => `L${i}`), "s40"]);
});

Deno.test("Supply keeps the job that it found when it was asked whether there is one", () => {
  const { supply, take } = supplyOf("sL");
  assert.ok(supply.hasAny() && supply.hasAny());
  assert.deepEqual([take(false), take(false), take(true)], ["s0", undefined, "L1"]);
  assert.equal(supply.hasAny(), false);
});
