import assert from "node:assert/strict";
import type { Block, Item } from "../../src/block.ts";
import type { Job } from "../../src/job.ts";
import { SyncError } from "../../src/errors.ts";
import { SMALL } from "../../src/parcel.ts";
import { Buffers } from "../../src/transfer/buffers.ts";
import { type ReaderOptions, readItems } from "../../src/transfer/reader.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { fill } from "../testing/world.ts";
import { jobOf, memory, readerOptions, taker } from "./parts.ts";

const decoder = new TextDecoder();

/** What a reader yields, each block with its text; memory is given back at once. */
async function read(
  options: ReaderOptions,
  ...jobs: Job[]
): Promise<(Item & { text?: string })[]> {
  const items = [];
  for await (const batch of readItems(taker(...jobs), options)) {
    for (const item of batch) {
      if (item.type !== "block") items.push(item);
      else {
        items.push({ ...item, text: decoder.decode(item.data) });
        item.release();
      }
    }
  }
  return items;
}

function summaryOf(item: Item & { text?: string }): string {
  if (item.type === "begin") return `begin ${item.job.path}`;
  if (item.type === "parcel") return `parcel ${item.names}`;
  const failed = item.carried.failed;
  const end = failed === null ? "" : ` failed ${failed.error.code}`;
  if (item.type === "link") return `link ${item.carried.path}${end}`;
  return `${item.carried.path} ${item.offset} ${item.text}${item.last ? " last" : ""}${end}`;
}

Deno.test("readItems yields the blocks of one file after the other", async () => {
  const tree = {
    "d/long": "0123456789abcdefghij0123",
    "d/exact": "0123456789",
    "d/empty": "",
    "link": { target: "d" },
    "top": "x",
  };
  const items = await read(
    readerOptions(memory(tree)),
    jobOf("d", ["long", "exact", "empty"], tree),
    jobOf("", ["link", "top"], tree),
  );
  assert.deepEqual(items.map(summaryOf), [
    "begin d",
    "d/long 0 0123456789",
    "d/long 10 abcdefghij",
    "d/long 20 0123 last",
    "d/exact 0 0123456789 last",
    "d/empty 0  last",
    "begin ",
    "link link",
    "top 0 x last",
  ]);
  const link = items.find((item) => item.type === "link")!;
  assert.equal(link.type === "link" && link.carried.entry?.target, "d");
});

/** Faults of the file "bad", and what its last item says. */
const FAULTS: readonly { rule: Rule; last: string }[] = [
  { rule: { call: "open", errno: "EACCES" }, last: "bad 0  last failed EACCES" },
  { rule: { call: "open", errno: "ENOENT" }, last: "bad 0  last failed ENOENT" },
  { rule: { call: "read", after: 1, errno: "EIO" }, last: "bad 0  last failed EIO" },
  { rule: { call: "read", after: 2, short: 2 }, last: "bad 0  last failed ECHANGED" },
  { rule: { call: "lookAgain", errno: "EIO" }, last: "bad 0  last failed EIO" },
];

for (const { rule, last } of FAULTS) {
  Deno.test(`readItems ends a file and goes on when ${rule.call} fails (${last})`, async () => {
    const tree = { bad: "0123456789abcdefghij0123", good: "1" };
    const source = withFaults(memory(tree), [{ ...rule, path: "bad" }]);
    const items = (await read(readerOptions(source), jobOf("", ["bad", "good"], tree)))
      .map(summaryOf);
    assert.deepEqual(items.slice(-2), [last, "good 0 1 last"]);
    assert.equal(items.filter((item) => item.includes("last")).length, 2);
  });
}

Deno.test("readItems says how a file changed while it was read", async () => {
  const changes: [() => void, RegExp][] = [
    [() => fill(source, { bad: "x".repeat(30) }), /it was replaced/],
    [() => source.remove("bad"), /it was removed/],
    [() => void source.setTimes("bad", { mtime: 1n, atime: 1n }), /its times differ/],
  ];
  let source = memory();
  for (const [act, says] of changes) {
    source = memory({ bad: "0123456789abcdef" });
    const faulty = withFaults(source, [{ call: "read", after: 1, act }]);
    const items = await read(readerOptions(faulty), jobOf("", ["bad"]));
    const last = items.at(-1) as Block;
    assert.ok(last.last);
    assert.match(last.carried.failed!.error.message, says);
  }
});

Deno.test("readItems stops reading a file that the writer has given up", async () => {
  const source = withFaults(memory({ bad: "x".repeat(1000), good: "1" }), []);
  const items: string[] = [];
  for await (const batch of readItems(taker(jobOf("", ["bad", "good"])), readerOptions(source))) {
    for (const item of batch) {
      items.push(summaryOf(item));
      if (item.type !== "block") continue;
      item.release();
      const error = new SyncError("EIO", "broken");
      if (item.carried.path === "bad") item.carried.failed ??= { side: "destination", error };
    }
  }
  assert.ok(source.calls.get("read")! < 5, `${source.calls.get("read")} reads`);
  assert.match(items.at(-1)!, /^good 0/);
});

Deno.test("readItems fails a link that is none any more", async () => {
  const tree = { a: { target: "x" }, b: { target: "x" } };
  const source = memory(tree);
  fill(source, { a: "a file now" });
  source.remove("b");
  const items = await read(readerOptions(source), jobOf("", ["a", "b"], tree));
  assert.deepEqual(items.map(summaryOf), [
    "begin ",
    "link a failed ECHANGED",
    "link b failed ENOENT",
  ]);
});

Deno.test("readItems throws what stops the run, and the signal's reason", async () => {
  const gone = withFaults(memory({ a: "1" }), [{ call: "open", errno: "ENODEV" }]);
  await assert.rejects(read(readerOptions(gone), jobOf("", ["a"])), { code: "ENODEV" });
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(read(readerOptions(memory(), { signal }), jobOf("", ["a"])), reason);
});

Deno.test("readItems waits for memory, and takes no more than there is", async () => {
  const blockSize = 2 * SMALL;
  const tree = { big: "x".repeat(10 * blockSize) };
  const source = withFaults(memory(tree), []);
  const buffers = new Buffers({ slots: 2, blockSize });
  const options = readerOptions(source, { blockSize, buffers });
  const batches = readItems(taker(jobOf("", ["big"])), options);
  const held: Block[] = [];
  for (let i = 0; i < 2; i++) {
    held.push((await batches.next()).value!.find((item: Item) => item.type === "block") as Block);
  }
  const third = batches.next();
  let arrived = false;
  void third.then(() => arrived = true);
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assert.equal(arrived, false);
  assert.equal(source.calls.get("read"), 2);
  held[0]!.release();
  assert.ok(!(await third).done);
  await batches.return(undefined);
});

Deno.test("readItems gives others a turn while it goes through a hole", async () => {
  const source = memory({ sparse: "" });
  const entry = { ...(await source.look("sparse"))!, size: 5 * 2 ** 20 };
  source.open = () =>
    Promise.resolve({
      entry,
      sparse: true,
      dataFrom: () => Promise.resolve(Infinity),
      read: () => assert.fail("a hole is not read"),
      look: () => Promise.resolve(entry),
      async [Symbol.asyncDispose]() {},
    });
  let turns = 0;
  const breathe = () => {
    turns += 1;
    return undefined;
  };
  const options = readerOptions(source, { breathe });
  const blocks = await read(options, jobOf("", ["sparse"]));
  assert.equal(blocks.filter(({ type }) => type === "block").length, 5);
  assert.ok(turns >= 5, `${turns} turns`);
});
