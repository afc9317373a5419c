import assert from "node:assert/strict";
import { SyncError } from "../../src/errors.ts";
import type { Job } from "../../src/job.ts";
import { writeItems } from "../../src/transfer/writer.ts";
import { essence, fill } from "../testing/world.ts";
import { blockOf, carriedOf, jobOf, memory, one, writerParts } from "./parts.ts";

const source = memory({ a: "one", b: "two", l: { target: "x" } });
const entry = async (path: string) => (await source.look(path))!;
const job = jobOf("", ["a", "b"]);

Deno.test("writeItems puts files together from blocks", async () => {
  const destination = memory();
  const { options, group, settled, jobs } = writerParts(source, destination);
  const [a, b] = [
    carriedOf(job, "a", { entry: await entry("a") }),
    carriedOf(job, "b", { entry: await entry("b") }),
  ];
  let released = 0;
  const release = () => void (released += 1);
  await writeItems(
    one(
      { type: "begin", job },
      blockOf(a, "on", { last: false, release }),
      blockOf(a, "e", { offset: 2, hash: "hash of a", release }),
      blockOf(b, "two", { hash: "hash of b", release }),
    ),
    options,
  );
  await group.drain();
  assert.deepEqual(essence(destination), {
    a: essence(source).a!,
    b: essence(source).b!,
  });
  assert.deepEqual(settled.map(({ path, status, hash, size }) => [path, status, hash, size]), [
    ["a", "success", "hash of a", 3],
    ["b", "success", "hash of b", 3],
  ]);
  assert.deepEqual(jobs, [job]);
  assert.equal(released, 3);
});

Deno.test("writeItems makes the directories that a job needs before its files", async () => {
  const destination = memory();
  const { options, group, settled } = writerParts(source, destination);
  const deep: Job = {
    ...jobOf("d/e", ["f"]),
    missing: [{ directory: 1, path: "d" }, { directory: 2, path: "d/e" }],
  };
  const carried = carriedOf(deep, "f", { entry: await entry("a") });
  await writeItems(one({ type: "begin", job: deep }, blockOf(carried, "one")), options);
  await group.drain();
  assert.deepEqual(settled.map(({ action, path }) => `${action} ${path}`), [
    "mkdir d",
    "mkdir d/e",
    "copy d/e/f",
  ]);
});

Deno.test("writeItems makes a directory once, and tells of it once, for all jobs below it", async () => {
  const destination = memory();
  const { options, group, settled, jobs } = writerParts(source, destination);
  const [d, e, f] = ["d", "d/e", "d/e/f"].map((path, i) => ({ directory: i + 1, path }));
  const items = [[d!, e!], [d!, e!, f!], [d!]].map((missing) => {
    const job: Job = { ...jobOf(missing.at(-1)!.path, []), missing };
    return { type: "begin", job } as const;
  });
  await writeItems(one(...items), options);
  await group.drain();
  assert.deepEqual(settled.map(({ path }) => path), ["d", "d/e", "d/e/f"]);
  assert.deepEqual(Object.keys(destination.tree()).sort(), ["d", "d/e", "d/e/f"]);
  assert.deepEqual(new Set(jobs), new Set(items.map(({ job }) => job)));
});

Deno.test("writeItems fails every file of a job whose directory cannot be made", async () => {
  const destination = memory({ d: "a file" });
  const { options, group, settled } = writerParts(source, destination);
  const deep: Job = {
    ...jobOf("d/e", ["f", "g"]),
    missing: [{ directory: 1, path: "d" }, { directory: 2, path: "d/e" }],
  };
  await writeItems(
    one(
      { type: "begin", job: deep },
      blockOf(carriedOf(deep, "f", { entry: await entry("a") }), "one"),
      blockOf(carriedOf(deep, "g", { entry: await entry("b") }), "two"),
      // the next job is not concerned
      { type: "begin", job },
      blockOf(carriedOf(job, "a", { entry: await entry("a") }), "one"),
    ),
    options,
  );
  await group.drain();
  assert.deepEqual(settled.map(({ action, status, path }) => `${action} ${status} ${path}`), [
    "mkdir failure d",
    "keep skipped d/e",
    "copy failure d/e/f",
    "copy failure d/e/g",
    "copy success a",
  ]);
  assert.deepEqual(Object.keys(destination.tree()), ["a", "d"]);
});

for (const call of ["create", "write", "finish", "commit"] as const) {
  Deno.test(`writeItems leaves nothing of a file whose ${call} fails, and goes on`, async () => {
    const destination = memory({ a: "old" });
    const parts = writerParts(source, destination, [{ call, path: "a", errno: "EIO" }]);
    await writeItems(
      one(
        { type: "begin", job },
        blockOf(carriedOf(job, "a", { entry: await entry("a") }), "one", { hash: "h" }),
        blockOf(carriedOf(job, "b", { entry: await entry("b") }), "two", { hash: "h" }),
      ),
      parts.options,
    );
    await parts.group.drain();
    assert.deepEqual(
      parts.settled.map(({ path, status, hash }) => `${path} ${status} ${hash}`),
      ["a failure null", "b success h"],
    );
    const tree = essence(destination);
    assert.deepEqual(Object.keys(tree), ["a", "b"]);
    assert.equal(tree.a!.content, "old");
    assert.deepEqual(parts.jobs, [job]);
  });
}

Deno.test("writeItems removes the unfinished file when the items end in an error", async () => {
  const destination = memory();
  const { options } = writerParts(source, destination);
  const carried = carriedOf(job, "a", { entry: await entry("a") });
  async function* broken() {
    yield* one({ type: "begin", job }, blockOf(carried, "half", { last: false }));
    throw new Error("enough");
  }
  await assert.rejects(writeItems(broken(), options), /enough/);
  assert.deepEqual(destination.tree(), {});
});

Deno.test("writeItems throws what stops the run and leaves no temporary", async () => {
  for (const call of ["create", "write", "finish"] as const) {
    const destination = memory();
    const { options } = writerParts(source, destination, [{ call, errno: "ENOSPC" }]);
    const carried = carriedOf(job, "a", { entry: await entry("a") });
    const items = one({ type: "begin", job }, blockOf(carried, "one"));
    await assert.rejects(writeItems(items, options), { code: "ENOSPC" });
    assert.deepEqual(destination.tree(), {});
  }
});

Deno.test("writeItems looks at the root before it blames a file", async () => {
  const destination = memory();
  const { options } = writerParts(source, destination);
  const error = new SyncError("ENOENT", "not there", { path: "a" });
  const gone = new SyncError("EROOT", "the source is gone", { scope: "run" });
  const carried = carriedOf(job, "a", { failed: { side: "source", error } });
  const checkRoot = (side: string) => side === "source" ? Promise.reject(gone) : Promise.resolve();
  const items = one({ type: "begin", job }, blockOf(carried, ""));
  await assert.rejects(writeItems(items, { ...options, checkRoot }), gone);
});

Deno.test("writeItems skips a file that the source has no more, and fails one that it has", async () => {
  const destination = memory();
  const { options, group, settled } = writerParts(memory({ b: "two" }), destination);
  const failed = () => ({
    side: "source" as const,
    error: new SyncError("ENOENT", "not there"),
  });
  await writeItems(
    one(
      { type: "begin", job },
      blockOf(carriedOf(job, "a", { failed: failed() }), ""),
      blockOf(carriedOf(job, "b", { failed: failed() }), ""),
    ),
    options,
  );
  await group.drain();
  assert.deepEqual(settled.map(({ path, action, status }) => `${action} ${status} ${path}`), [
    "skip skipped a",
    "copy failure b",
  ]);
});

Deno.test("writeItems puts links in place of what was there", async () => {
  const destination = memory();
  fill(destination, { l: "a file" });
  const { options, group, settled } = writerParts(source, destination);
  const links = jobOf("", ["l"], { l: { target: "x" } });
  const carried = carriedOf(links, "l", { entry: await entry("l") });
  await writeItems(one({ type: "begin", job: links }, { type: "link", carried }), options);
  await group.drain();
  assert.deepEqual(essence(destination), { l: essence(source).l! });
  assert.deepEqual(settled.map(({ kind, status, size }) => [kind, status, size]), [
    ["symlink", "success", 0],
  ]);
});
