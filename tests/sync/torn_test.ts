/** Files that change while they are copied, on a real disk. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openBackend } from "../../src/backend/open.ts";
import { spawnInProcess } from "../../src/hands.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { DiskWorld } from "../testing/world.ts";

const SIZE = 300_000;
const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
const filled = (byte: number, size = SIZE) => new Uint8Array(size).fill(byte);

/** What somebody does to a file while it is read. */
const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  "appended to": (path) => Deno.writeFileSync(path, filled(2, 10), { append: true }),
  "truncated": (path) => Deno.truncateSync(path, SIZE - 1),
  "replaced": (path) => {
    Deno.writeFileSync(`${path}.new`, filled(3));
    Deno.renameSync(`${path}.new`, path);
  },
  "rewritten at equal size": (path) => Deno.writeFileSync(path, filled(4)),
  "rewritten at equal size, its time put back": (path) => {
    const { mtime, atime } = Deno.statSync(path);
    Deno.writeFileSync(path, filled(5));
    Deno.utimeSync(path, atime!, mtime!);
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  for (const latency of ["immediate", "waiting"] as const) {
    Deno.test(`sync does not settle a file that is ${what} during its copy (${latency})`, async () => {
      using world = new DiskWorld({ "other": "1" });
      const path = `${world.source}/file`;
      Deno.writeFileSync(path, filled(1));
      Deno.utimeSync(path, 1e9, 1e9);
      // changed in the tick of its last change, so that the ctime alone could not tell
      const rule: Rule = {
        call: "read",
        path: "file",
        after: 1,
        times: 1,
        act: () => change(path),
      };
      const open = async (root: string, temporaryName: () => string) =>
        withFaults(
          await openBackend(root, { temporaryName, latency, durability: "file" }),
          root === world.source ? [rule] : [],
        );
      const { summary } = await world.run({
        open,
        spawn: spawnInProcess(open),
        blockSize: 100_000,
      });
      const hashOf = () => world.query("SELECT hash, status FROM files WHERE size > 1000")[0]!;
      const state = sha256(Deno.readFileSync(path));
      const { hash, status } = hashOf();
      // either it failed, or it was read again, as a whole
      if (status === "synced") assert.equal(hash, state);
      else {
        assert.equal(hash, null);
        assert.equal(summary.exitCode, 1);
        assert.throws(() => Deno.statSync(`${world.destination}/file`), Deno.errors.NotFound);
      }
      assert.equal((await world.run({ rescan: true })).summary.exitCode, 0);
      assert.deepEqual({ ...hashOf() }, { hash: state, status: "synced" });
      assert.equal(sha256(Deno.readFileSync(`${world.destination}/file`)), state);
    });
  }
}

Deno.test("sync records no hash that no state of a file had while somebody rewrites it", async () => {
  using world = new DiskWorld();
  const path = `${world.source}/file`, size = 60_000;
  Deno.writeFileSync(path, filled(0, size));
  // each state of the file is all of one letter
  const script = `
    const file = Deno.openSync(Deno.args[0], { write: true });
    for (let i = 0; ; i++) {
      file.seekSync(0, 0);
      file.writeSync(new Uint8Array(${size}).fill(i % 256));
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
    }`;
  Deno.writeTextFileSync(`${world.top}/writer.ts`, script);
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${world.top}/writer.ts`, path],
  }).spawn();
  try {
    const states = new Set(Array.from({ length: 256 }, (_, i) => sha256(filled(i, size))));
    for (let run = 0; run < 12; run++) {
      await world.run({ rescan: true });
      const [{ hash, status }] = world.query("SELECT hash, status FROM files") as [
        Record<string, string | null>,
      ];
      if (status === "synced") assert.ok(states.has(hash!), `a torn copy in run ${run}`);
      else assert.equal(hash, null);
    }
  } finally {
    writer.kill("SIGKILL");
    await writer.status;
  }
});
