import assert from "node:assert/strict";
import { shortage } from "../../src/transfer/room.ts";
import { MemoryWorld } from "../testing/world.ts";

const GIB = 2 ** 30;

Deno.test("shortage finds nothing wrong when there is room, without counting every file", () => {
  const never = () => assert.fail("every file was counted");
  for (const files of [null, 1_000_000]) {
    assert.equal(shortage({ files: 10, bytes: GIB }, { bytes: GIB, files }, never), null);
  }
});

Deno.test("shortage tells new bytes from those that replace others", () => {
  const pending = { files: 10, bytes: 5 * GIB };
  const space = { bytes: 3 * GIB, files: null };
  assert.equal(
    shortage(pending, space, () => ({ files: 10, bytes: 5 * GIB, directories: 0 })),
    "room is short: 5.00 GiB to be copied do not fit into the 3.00 GiB that are free at the " +
      "destination",
  );
  assert.equal(
    shortage(pending, space, () => ({ files: 1, bytes: GIB, directories: 0 })),
    "room is short: 5.00 GiB (1.00 GiB of it new) to be copied may not fit into the 3.00 GiB that " +
      "are free at the destination",
  );
});

Deno.test("shortage counts directories as well as files, and only what is new", () => {
  const pending = { files: 1000, bytes: 1 };
  const space = { bytes: GIB, files: 1050 };
  const of = (files: number, directories: number) =>
    shortage(pending, space, () => ({ files, bytes: 1, directories }));
  assert.equal(of(1000, 50), null);
  assert.equal(of(900, 100), null);
  assert.equal(
    of(1000, 51),
    "room is short: 1,051 new files and directories do not fit into the 1,050 that the " +
      "destination can still make",
  );
});

for (const dryRun of [false, true]) {
  Deno.test(`sync warns before it copies what does not fit${dryRun ? ", also in a dry run" : ""}`, async () => {
    using world = new MemoryWorld({ "d/a": "12345", "d/b": "12", c: "x" }, { c: "longer" });
    const destination = [{ call: "space", space: { bytes: 7, files: 2 } } as const];
    const { events, summary } = await world.run({ faults: { destination }, dryRun });
    assert.equal(summary.exitCode, 0);
    const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
    assert.deepEqual(notes.filter((text) => text.startsWith("room is short")), [
      "room is short: 8 B (7 B of it new) to be copied may not fit into the 7 B that are free at " +
      "the destination; 3 new files and directories do not fit into the 2 that the destination " +
      "can still make",
    ]);
    if (dryRun) return;
    const kept = world.records().filter(({ type, message }) =>
      type === "note" && String(message).startsWith("room is short")
    );
    assert.equal(kept.length, 1);
  });
}

Deno.test("sync says nothing of room that it cannot learn of", async () => {
  using world = new MemoryWorld({ a: "1" });
  const destination = [{ call: "space", errno: "EIO" } as const];
  const { events, summary } = await world.run({ faults: { destination } });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(events.filter((event) => event.type === "note"), []);
});
