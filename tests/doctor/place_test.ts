import assert from "node:assert/strict";
import { memoryBackend } from "../../src/backend/memory.ts";
import type { NameHabits } from "../../src/backend/name_map.ts";
import { fitting, type ProblemKind } from "../../src/doctor/fit.ts";
import { findingsOf } from "../../src/doctor/findings.ts";
import { type Fate, type Place, tryPlace } from "../../src/doctor/place.ts";
import { ALL_APART } from "../../src/name_rules.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";

/** What a place that fails in these ways is found to be. */
async function tried(rules: readonly Rule[] = [], names?: NameHabits): Promise<Place> {
  const backend = withFaults(memoryBackend({ names }), rules);
  await backend.makeDirectory("probe");
  return await tryPlace(backend, "probe");
}

const unknownRoom = { unknown: "not asked" };

function limited(place: Place): Record<string, string> {
  return Object.fromEntries(
    findingsOf(place, null, unknownRoom).filter(({ verdict }) => verdict === "limited")
      .map(({ topic, says }) => [topic, says]),
  );
}

Deno.test("tryPlace finds nothing wrong with a place that keeps everything", async () => {
  const place = await tried();
  assert.deepEqual(limited(place), {});
  assert.deepEqual(place.nameLimit, { found: { length: 255, unit: "bytes" } });
  assert.deepEqual(place.pathLimit, { found: null });
});

Deno.test("tryPlace finds out what a place refuses and changes", async () => {
  const refuse = (path: RegExp, errno = "EINVAL"): Rule => ({ call: "makeDirectory", path, errno });
  const place = await tried([
    // deno-lint-ignore no-control-regex
    refuse(/x[\x01-\x1f:"*?<>|\\]y$/),
    refuse(/x[\udce9\udcff]y$/, "EILSEQ"),
    refuse(/\/(CON|con\.txt)$/, "EACCES"),
    refuse(/\/.{101,}$/, "ENAMETOOLONG"),
    refuse(/(d{99}\/){20}/, "ENAMETOOLONG"),
    { call: "createLink", errno: "EOPNOTSUPP" },
    { call: "link", errno: "EPERM" },
    { call: "flush", errno: "EIO" },
  ], { rules: { ...ALL_APART, dots: true, letters: true, forms: true }, form: "NFD" });
  const says = limited(place);
  assert.equal(says["characters"], '\\x01-\\x1f \\ : * ? " < > | refused (EINVAL)');
  assert.equal(says["not UTF-8"], "refused (EILSEQ)");
  assert.equal(says["device names"], "CON con.txt refused (EACCES)");
  assert.match(says["different names"]!, /upper and lower case.*Unicode forms.*dots/);
  assert.equal(says["Unicode form"], "every name is stored as NFD");
  assert.equal(says["symbolic links"], "do not work");
  assert.equal(says["hard links"], "do not work");
  assert.match(says["flush"]!, /fails/);
  assert.match(says["longest path"]!, /bytes below the root/);
});

Deno.test("tryPlace says what it could not try", async () => {
  const place = await tried([{ call: "makeDirectory", path: /names$/, errno: "EACCES" }]);
  assert.ok("unknown" in place.names && /EACCES/.test(place.names.unknown));
  const finding = findingsOf(place, null, unknownRoom).find(({ topic }) => topic === "characters");
  assert.equal(finding?.verdict, "unknown");
});

for (const unit of ["bytes", "UTF-16 units", "characters"] as const) {
  Deno.test(`tryPlace counts the longest name in ${unit}`, async () => {
    const length = (name: string) =>
      unit === "bytes"
        ? new TextEncoder().encode(name).length
        : unit === "UTF-16 units"
        ? name.length
        : [...name].length;
    const inner = memoryBackend();
    const made = new Set<string>();
    // a place of its own kind of limit; what it has is of no interest
    const place = Object.assign(Object.create(inner) as typeof inner, {
      capabilities: inner.capabilities,
      makeDirectory(path: string) {
        const name = path.slice(path.lastIndexOf("/") + 1);
        if (length(name) > 200) return inner.makeDirectory("\0");
        made.add(path);
        return Promise.resolve(true);
      },
      async *list(at: string) {
        const entries = [...made].filter((path) => path.startsWith(`${at}/`))
          .map((path) => ({ name: path.slice(at.length + 1) }));
        yield { entries, problems: [], temporaries: [] };
      },
      look: (path: string) => Promise.resolve(made.has(path) ? { size: 0 } : undefined),
      create: () => inner.create("none/x"),
      createLink: () => inner.create("none/x"),
      link: () => inner.create("none/x"),
      flush: () => Promise.resolve(),
    });
    const found = await tryPlace(place as unknown as typeof inner, "probe");
    assert.deepEqual(found.nameLimit, { found: { length: 200, unit } });
  });
}

Deno.test("fitting finds what is in the way of a name", async () => {
  const good = await tried();
  const names = new Map<string, Fate>(
    [
      ["x:y", { refused: "EINVAL" }],
      ["x\udce9y", { refused: "EILSEQ" }],
      ["end.", "changed"],
      ["end ", { refused: "EINVAL" }],
      [" start", "kept"],
      ["CON", { refused: "EACCES" }],
    ] satisfies [string, Fate][],
  );
  const bad: Place = {
    ...good,
    kind: "vfat",
    names: { found: names },
    nameLimit: { found: { length: 10, unit: "UTF-16 units" } },
    pathLimit: { found: 40 },
    symbolicLinks: { found: false },
  };
  const table: [string, "file" | "symlink" | "directory", number, ProblemKind[]][] = [
    ["good", "file", 0, []],
    ["a:b", "file", 0, ["character"]],
    ["caf\udce9", "file", 0, ["encoding"]],
    ["a.", "directory", 0, ["end"]],
    ["a ", "file", 0, ["end"]],
    [" a", "file", 0, []],
    ["con", "file", 0, ["reserved"]],
    ["Com1.txt", "file", 0, ["reserved"]],
    ["console", "file", 0, []],
    ["0123456789a", "file", 0, ["name"]],
    ["\u{10400}\u{10400}\u{10400}\u{10400}\u{10400}", "file", 0, []],
    ["\u{10400}\u{10400}\u{10400}\u{10400}\u{10400}x", "file", 0, ["name"]],
    ["link", "symlink", 0, ["link"]],
    ["large", "file", 2 ** 32, ["size"]],
    ["a:b.", "file", 0, ["character", "end"]],
  ];
  const fits = fitting(bad), always = fitting(good);
  for (const [name, kind, size, expected] of table) {
    const found = fits({ name, kind, size }, name).map(({ kind }) => kind);
    assert.deepEqual(found, expected, name);
    assert.deepEqual(always({ name, kind, size }, name), [], name);
  }
  const deep = `${"d/".repeat(20)}x`;
  assert.deepEqual(fits({ name: "x", kind: "file", size: 0 }, deep).map(({ kind }) => kind), [
    "path",
  ]);
});
