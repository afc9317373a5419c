import assert from "node:assert/strict";
import { compare, type Compared } from "../../src/plan/compare.ts";
import { EXACT } from "../../src/times.ts";

const file: Compared = { kind: "file", size: 5, mtime: 1000n, target: "" };
const link: Compared = { kind: "symlink", size: 3, mtime: 1000n, target: "a/b" };
const directory: Compared = { kind: "directory", size: 4096, mtime: 1000n, target: "" };
const special: Compared = { kind: "special", size: 0, mtime: 1000n, target: "" };

const TABLE: readonly (readonly [
  what: string,
  source: Compared | undefined,
  destination: Compared | undefined,
  action: string,
  reason: string,
])[] = [
  ["neither side has anything", undefined, undefined, "keep", "in sync"],
  ["only the destination has a file", undefined, file, "delete", "not at the source"],
  ["only the destination has a directory", undefined, directory, "delete", "not at the source"],
  ["only the source has a file", file, undefined, "copy", "not at the destination"],
  ["only the source has a link", link, undefined, "copy", "not at the destination"],
  ["only the source has a directory", directory, undefined, "mkdir", "not at the destination"],
  ["files are equal", file, { ...file }, "keep", "in sync"],
  ["files differ in size", file, { ...file, size: 6 }, "overwrite", "sizes differ"],
  ["files differ by 1 ns", file, { ...file, mtime: 1001n }, "overwrite", "times differ"],
  ["files differ by -1 ns", file, { ...file, mtime: 999n }, "overwrite", "times differ"],
  [
    "files differ in size and time",
    file,
    { ...file, size: 6, mtime: 0n },
    "overwrite",
    "sizes differ",
  ],
  ["links are equal", link, { ...link }, "keep", "in sync"],
  ["links differ only in what their size is", link, { ...link, size: 99 }, "keep", "in sync"],
  ["links differ in target", link, { ...link, target: "a/c" }, "overwrite", "link targets differ"],
  ["links differ in time", link, { ...link, mtime: 1n }, "overwrite", "times differ"],
  ["a link stands where a file must be", file, link, "overwrite", "kinds differ"],
  ["a file stands where a link must be", link, file, "overwrite", "kinds differ"],
  ["a special file stands where a file must be", file, special, "overwrite", "kinds differ"],
  [
    "a directory stands where a file must be",
    file,
    directory,
    "refuse",
    "a directory is in the way at the destination",
  ],
  [
    "a directory stands where a link must be",
    link,
    directory,
    "refuse",
    "a directory is in the way at the destination",
  ],
  ["directories differ in time", directory, { ...directory, mtime: 1n }, "keep", "in sync"],
  ["a file stands where a directory must be", directory, file, "refuse", "kinds differ"],
  ["a link stands where a directory must be", directory, link, "refuse", "kinds differ"],
  [
    "the source has a special file",
    special,
    undefined,
    "skip",
    "a special file: not a file, link or directory",
  ],
  [
    "both sides have a special file",
    special,
    special,
    "skip",
    "a special file: not a file, link or directory",
  ],
];

for (const [what, source, destination, action, reason] of TABLE) {
  Deno.test(`compare says ${action} when ${what}`, () => {
    assert.deepEqual(compare(source, destination), { action, reason });
  });
}

Deno.test("compare goes by the targets of links when their times are not kept", () => {
  const times = { ...EXACT, links: "lost" } as const;
  const action = (source: Compared, there: Compared) => compare(source, there, { times }).action;
  assert.equal(action(link, { ...link, mtime: 1n }), "keep");
  assert.equal(action(link, { ...link, target: "a/c" }), "overwrite");
  assert.equal(action(file, { ...file, mtime: 1n }), "overwrite");
});

Deno.test("compare takes times inside the window for equal", () => {
  const at = (mtime: bigint) =>
    compare(file, { ...file, mtime }, {
      times: { ...EXACT, window: 100n },
    }).action;
  assert.deepEqual([at(1099n), at(1100n), at(901n), at(900n)], [
    "keep",
    "overwrite",
    "keep",
    "overwrite",
  ]);
});
