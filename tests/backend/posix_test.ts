import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { AT, loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix, type PosixOptions } from "../../src/backend/posix/posix.ts";
import { unpackListing } from "../../src/listing.ts";
import { ListingPacker } from "../../src/listing_packer.ts";
import { shell } from "../testing/bytes.ts";
import { listAll, namesIn, put, rejectsWith, text, TIMES } from "./actions.ts";
import { backendContract } from "./contract.ts";
import { mountedSubject } from "./mounted.ts";
import { openFiles } from "../testing/open_files.ts";

// outside of a test, where no sanitizer asks for it to be unloaded
const libc = loadLibc();

type Overrides = Pick<PosixOptions, "latency" | "durability" | "flush">;

function make(overrides: Overrides = {}) {
  return mountedSubject(
    (root, temporaryName) => openPosix(root, libc, { temporaryName, ...overrides }),
    { linkTimes: true, earlyTimes: true },
  );
}

/** Runs with a backend for each of the two ways of calling. */
async function each(run: (backend: Backend, root: string) => Promise<void>): Promise<void> {
  for (const latency of ["immediate", "waiting"] as const) {
    const { backend, root, dispose } = await make({ latency });
    try {
      await run(backend, root);
    } finally {
      await dispose();
    }
  }
}

backendContract(
  "openPosix (immediate, group)",
  () => make({ latency: "immediate", durability: "group" }),
);
backendContract(
  "openPosix (waiting, file)",
  () => make({ latency: "waiting", durability: "file" }),
);
// a disk wants whole blocks of aligned memory, or refuses at once: what is not taken so is written all the same
backendContract(
  "openPosix (waiting, direct)",
  () => make({ latency: "waiting", durability: "file", flush: "direct" }),
);

Deno.test("openPosix rejects when the root is no directory", async () => {
  const file = await Deno.makeTempFile();
  const options = { temporaryName: () => "" };
  await rejectsWith(openPosix(file, libc, options), "ENOTDIR");
  await Deno.remove(file);
  const error = await rejectsWith(openPosix(file, libc, options), "ENOENT");
  assert.match(error.message, /^cannot open \//);
});

Deno.test("openPosix takes what the file system says when nothing is overridden", async () => {
  const { backend, dispose } = await make();
  const { capabilities } = backend;
  assert.equal(capabilities.exactNames, true);
  assert.equal(capabilities.timePrecision, 1n);
  assert.notEqual(capabilities.kind, "");
  await dispose();
});

Deno.test("PosixBackend.look has the server of a share asked before it says that nothing is there", async () => {
  const asked: number[] = [];
  let appears = () => {};
  const watched = {
    ...libc,
    pooled: {
      ...libc.pooled,
      statx: (...args: Parameters<typeof libc.pooled.statx>) => {
        // of a directory itself, not of a name in it
        if ((args[2] & AT.FORCE_SYNC) !== 0 && args[1]!.length === 1) {
          asked.push(args[0]);
          appears();
        }
        return libc.pooled.statx(...args);
      },
    },
  };
  const { backend, root, dispose } = await mountedSubject(
    (root, temporaryName) => openPosix(root, watched, { temporaryName, latency: "waiting" }),
    { linkTimes: true, earlyTimes: true },
  );
  try {
    await backend.makeDirectory("a");
    await backend.makeDirectory("a/b");
    assert.equal(await backend.look("none"), undefined);
    assert.equal(asked.length, 1, "the root");
    assert.equal(await backend.look("a/b/none"), undefined);
    assert.equal(asked.length, 4, "the root, a and a/b");
    assert.equal(await backend.look("none/below/that"), undefined);
    assert.equal(asked.length, 5);
    assert.equal((await backend.look("a/b"))?.kind, "directory");
    assert.equal(asked.length, 5, "what is there needs no asking");
    // what the client did not know of shows once the server was asked
    appears = () => Deno.writeTextFileSync(`${root}/a/late`, "x");
    assert.equal((await backend.look("a/late"))?.kind, "file");
  } finally {
    await dispose();
  }
});

Deno.test("PosixBackend.look finds the file when its directory was replaced by another", async () => {
  await each(async (backend, root) => {
    await backend.makeDirectory("a");
    await backend.makeDirectory("a/b");
    assert.equal(await backend.look("a/b/file"), undefined);
    await Deno.rename(`${root}/a`, `${root}/old`);
    await Deno.mkdir(`${root}/a/b`, { recursive: true });
    await Deno.writeTextFile(`${root}/a/b/file`, "here");
    assert.equal((await backend.look("a/b/file"))?.kind, "file");
    assert.equal(await text(backend, "a/b/file"), "here");
  });
});

Deno.test("PosixBackend.open finds the file when its directory was replaced by another", async () => {
  await each(async (backend, root) => {
    await backend.makeDirectory("a");
    await rejectsWith(backend.open("a/file"), "ENOENT");
    await Deno.remove(`${root}/a`);
    await Deno.mkdir(`${root}/a`);
    await Deno.writeTextFile(`${root}/a/file`, "here");
    assert.equal(await text(backend, "a/file"), "here");
    assert.deepEqual(await namesIn(backend, "a"), ["file"]);
  });
});

Deno.test("PosixBackend.create works again when its directory was replaced by another", async () => {
  await each(async (backend, root) => {
    await backend.makeDirectory("a");
    await put(backend, "a/file");
    await Deno.remove(`${root}/a`, { recursive: true });
    await Deno.mkdir(`${root}/a`);
    // the first failure drops the handle of the directory that is gone
    await backend.create("a/file").then((writer) => writer.abort(), () => {});
    await put(backend, "a/file", "again");
    assert.equal(await Deno.readTextFile(`${root}/a/file`), "again");
  });
});

Deno.test("PosixBackend keeps no handle of a directory when hundreds were used", async () => {
  await each(async (backend) => {
    const paths = Array.from({ length: 300 }, (_, i) => `d${i}`);
    await Promise.all(paths.map(async (path) => {
      await backend.makeDirectory(path);
      await put(backend, `${path}/file`);
    }));
    for (const path of paths) await backend.look(`${path}/file`);
    const open = openFiles(backend.root);
    assert.ok(open > 0 && open <= 50, `${open} handles`);
  });
});

Deno.test("PosixBackend.identify tells when another directory has the root's path", async () => {
  const { backend, root, dispose } = await make();
  const before = await backend.identify();
  await Deno.rename(root, `${root}-moved`);
  await rejectsWith(backend.identify(), "ENOENT");
  await Deno.mkdir(root);
  assert.notDeepEqual(await backend.identify(), before);
  await dispose();
});

Deno.test("PosixBackend.open leaves the access time as it is", async () => {
  await each(async (backend) => {
    const atime = BigInt(Date.now() - 3 * 86_400_000) * 1_000_000n + 123n;
    await put(backend, "file", "x", { mtime: TIMES.mtime, atime });
    assert.equal(await text(backend, "file"), "x");
    assert.equal((await backend.look("file"))?.atime, atime);
  });
});

Deno.test("PosixBackend.list keeps names apart that differ only in bytes beyond UTF-8", async () => {
  await each(async (backend, root) => {
    await shell("cd \"$1\"; touch $'x\\xff' $'x\\xfe' $'x\\xef\\xbf\\xbd'", root);
    assert.deepEqual(await namesIn(backend, ""), ["x\udcfe", "x\udcff", "x\ufffd"]);
    assert.deepEqual((await listAll(backend, "")).problems, []);
  });
});

Deno.test("PosixBackend.list packs what it tells otherwise when it is given a packer", async () => {
  await each(async (backend, root) => {
    const script = `cd "$1"
      for name in $'x\\xff' $'x\\xfe' .hidden .sluice-mine $'\\x01' "$(printf 'a%.0s' {1..255})"; do
        printf "%\${#name}s" "" > "$name"
        touch -a -d @0.000000001 "$name"
        touch -m -d @-1.500000001 "$name"
      done
      mkdir below; ln -s $'x\\xff' link; mkfifo pipe; ln .hidden another
      truncate -s $((2 ** 40 + 1)) large`;
    await shell(script, root);
    await backend.setTimes("below", { mtime: -(2n ** 33n) * 10n ** 9n - 1n, atime: 0n });
    for (let i = 0; i < 300; i++) await Deno.writeTextFile(`${root}/file ${i}`, "content");
    const packer = new ListingPacker();
    for await (const { entries } of backend.list("", { into: packer })) {
      for (const entry of entries) packer.add(entry);
    }
    const { data, specials } = packer.take();
    assert.equal(specials, true);
    const { entries } = await listAll(backend, "");
    const expected = entries.map(({ atime: _, ...entry }) =>
      entry.kind === "directory" ? { ...entry, size: 0 } : entry
    );
    const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
    assert.equal(expected.length, 311);
    assert.deepEqual([...unpackListing(data)].sort(byName), expected);
  });
});

Deno.test({
  name: "PosixBackend.open rejects with EACCES when the file may not be read",
  // root may read everything
  ignore: Deno.uid() === 0,
  fn: async () => {
    const { backend, root, dispose } = await make();
    await put(backend, "file");
    await Deno.chmod(`${root}/file`, 0);
    await rejectsWith(backend.open("file"), "EACCES");
    await dispose();
  },
});
