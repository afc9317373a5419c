import assert from "node:assert/strict";
import { SyncError, UsageError } from "../src/errors.ts";

Deno.test("SyncError reaches one entry and is not retryable when nothing else is said", () => {
  const error = new SyncError("EIO", "cannot read");
  assert.ok(error instanceof Error);
  assert.equal(error.name, "SyncError");
  assert.equal(error.message, "cannot read");
  assert.deepEqual([error.code, error.path, error.scope, error.retryable], [
    "EIO",
    "",
    "entry",
    false,
  ]);
});

Deno.test("SyncError.fromData undoes toData after a structured clone", () => {
  const cause = new Error("cause");
  const error = new SyncError("ENOSPC", "full", {
    path: "a/\udcff",
    scope: "run",
    retryable: true,
    cause,
  });
  assert.equal(error.cause, cause);
  const copy = SyncError.fromData(structuredClone(error.toData()));
  assert.ok(copy instanceof SyncError);
  assert.deepEqual(copy.toData(), error.toData());
});

Deno.test("SyncError.from gives a SyncError itself and wraps anything else for the run", () => {
  const error = new SyncError("EIO", "x");
  assert.equal(SyncError.from(error), error);
  const wrapped = SyncError.from(new RangeError("odd"));
  assert.deepEqual([wrapped.code, wrapped.message, wrapped.scope], ["EUNKNOWN", "odd", "run"]);
  assert.ok(wrapped.cause instanceof RangeError);
  assert.equal(SyncError.from("text").message, "text");
  assert.equal(SyncError.from(undefined).message, "undefined");
});

Deno.test("UsageError is an error of its own name", () => {
  assert.equal(new UsageError("no such option").name, "UsageError");
});
