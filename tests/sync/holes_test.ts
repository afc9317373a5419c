/** Whole runs with sparse files, on the disk of temporary files. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { FileReader } from "../../src/backend/backend.ts";
import { openBackend } from "../../src/backend/open.ts";
import { spawnInProcess } from "../../src/hands.ts";
import { withFaults } from "../testing/faulty_backend.ts";
import { DiskWorld } from "../testing/world.ts";

const M = 2 ** 20;

/** Writes a file of `size` bytes that has content only at some places. */
function sparse(path: string, size: number, ...at: number[]): void {
  using file = Deno.openSync(path, { write: true, create: true });
  file.truncateSync(size);
  for (const position of at) {
    file.seekSync(position, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode(`content at ${position}`));
  }
}

function allocated(path: string): number {
  return Deno.statSync(path).blocks! * 512;
}

function hashOf(path: string): string {
  return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
}

const FILES: readonly (readonly [name: string, size: number, ...at: number[]])[] = [
  ["all", 64 * M],
  ["start", 20 * M + 5, 0],
  ["end", 20 * M + 5, 20 * M - 20],
  ["middle", 30 * M, 5 * M - 3, 17 * M + 4096],
];

function fillWith(world: DiskWorld): void {
  for (const [name, size, ...at] of FILES) sparse(`${world.source}/${name}`, size, ...at);
  Deno.writeFileSync(`${world.source}/zeros`, new Uint8Array(M));
}

function check(world: DiskWorld): void {
  for (const [name, size] of FILES) {
    const [from, to] = [`${world.source}/${name}`, `${world.destination}/${name}`];
    assert.equal(Deno.statSync(to).size, size, name);
    assert.equal(hashOf(to), hashOf(from), name);
    assert.ok(allocated(to) <= allocated(from), `${name}: ${allocated(to)} bytes`);
    const [row] = world.query(`SELECT hash, status FROM files WHERE source_path = '${from}'`);
    assert.deepEqual({ ...row }, { hash: hashOf(from), status: "synced" }, name);
  }
  // zeros that are there are content
  assert.equal(allocated(`${world.destination}/zeros`), allocated(`${world.source}/zeros`));
}

/** A run in one thread; gives the bytes that were read from files with more than 64 KiB. */
async function readBytes(world: DiskWorld, { asks }: { asks: boolean }): Promise<number> {
  let bytes = 0;
  const open = async (root: string, temporaryName: () => string) => {
    const backend = withFaults(await openBackend(root, { temporaryName }), []);
    const counted = async (...args: Parameters<typeof backend.open>): Promise<FileReader> => {
      const reader = await backend.open(...args);
      return {
        ...reader,
        // a place that cannot tell holes from content says that all is content
        dataFrom: (at, options) => asks ? reader.dataFrom(at, options) : Promise.resolve(at),
        read: (into, position, options) => {
          bytes += into.length;
          return reader.read(into, position, options);
        },
      };
    };
    return new Proxy(backend, {
      get: (target, key) => key === "open" ? counted : Reflect.get(target, key),
    });
  };
  const { summary } = await world.run({ open, spawn: spawnInProcess(open) });
  assert.equal(summary.exitCode, 0);
  return bytes;
}

Deno.test("sync keeps the holes of sparse files, and hashes the whole content", async () => {
  using world = new DiskWorld();
  fillWith(world);
  assert.equal((await world.run()).summary.exitCode, 0);
  check(world);
});

Deno.test("sync does not read holes where the source can tell where they are", async () => {
  using world = new DiskWorld();
  fillWith(world);
  const bytes = await readBytes(world, { asks: true });
  assert.ok(bytes < 40 * M, `${bytes} bytes were read`);
  check(world);
});

Deno.test("sync finds holes by their zeros when the source cannot tell where they are", async () => {
  using world = new DiskWorld();
  fillWith(world);
  assert.equal(await readBytes(world, { asks: false }), 135 * M + 10);
  check(world);
});
