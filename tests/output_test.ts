import assert from "node:assert/strict";
import { print, teller, warn } from "../src/output.ts";

/** A stream that is full as long as it is said to be. */
class Disk {
  isFull = true;
  text = "";

  writeSync(bytes: Uint8Array): number {
    if (this.isFull) throw new Error("No space left on device (os error 28)");
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }
}

Deno.test("print says in a sentence that what was asked for cannot be written", () => {
  assert.throws(() => print("x", new Disk()), {
    name: "SyncError",
    message: "cannot write to standard output: No space left on device (os error 28)",
  });
});

Deno.test("teller complains once when nothing can be written, and writes again when it can", () => {
  const disk = new Disk();
  const complaints: string[] = [];
  const tell = teller((message) => void complaints.push(message), disk);
  assert.ok(tell("1"));
  assert.ok(tell("2"));
  disk.isFull = false;
  assert.ok(tell("3"));
  assert.equal(disk.text, "3");
  assert.deepEqual(complaints, [
    "cannot write to standard output: No space left on device (os error 28); the run goes on",
  ]);
});

Deno.test("warn ends nothing when standard error cannot be written", () => {
  assert.ok(warn("x", new Disk()));
});
