import assert from "node:assert/strict";
import { checkLine } from "../../src/report/check_lines.ts";
import { sluice } from "../testing/command.ts";
import { shell, sluiceBytes } from "../testing/bytes.ts";
import { DiskWorld, writeTree } from "../testing/world.ts";

/** Makes files with names that are hard to write down. */
const AWKWARD =
  `cd "$1"; mkdir -p $'dir\\nwith\\\\' plain; for name in plain/file $'a\\nb' 'back\\slash' \\
  $'caf\\xe9' $'\\xff\\n\\\\' $'dir\\nwith\\\\/x' ' lead' 'trail ' '*star' '\\start' $'cr\\r' $'c\\rr' \\
  -dash '#hash' 'ümlaut' $'\\x01\\x7f' "'quoted'" '$HOME' 'a  b'; do echo "$name" > "$name"; done
  : > empty; ln -s empty link`;

const CHECKERS = { md5: "md5sum", sha1: "sha1sum", sha256: "sha256sum", blake2b: "b2sum" };

for (const [algorithm, checker] of Object.entries(CHECKERS)) {
  Deno.test(`manifest prints lines that ${checker} -c accepts when names are awkward`, async () => {
    using world = new DiskWorld();
    await shell(AWKWARD, world.source);
    assert.equal((await sluice(world.args("-q", "--checksum", algorithm))).code, 0);
    const { code, stdout, stderr } = await sluiceBytes(["manifest", world.db]);
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
    const lines = `${world.top}/manifest`;
    Deno.writeFileSync(lines, stdout);
    const check = `cd "$1"; ${checker} --strict -c "$2" | LC_ALL=C grep -c ': OK$'`;
    assert.equal(await shell(check, world.destination, lines), "20\n");
    // the very lines that the program itself would print
    const theirs =
      `cd "$1"; find . -type f -printf '%P\\0' | xargs -0 ${checker} -- | LC_ALL=C sort |
      cmp - <(LC_ALL=C sort "$2") && echo same`;
    assert.equal(await shell(theirs, world.destination, lines), "same\n");
    await shell(`echo x >> "$1/"$'caf\\xe9'`, world.destination);
    await assert.rejects(shell(check.replace(/ \|.*/, ""), world.destination, lines), /FAILED/);
  });
}

Deno.test("manifest prints a line that sha256sum -c reads a file for when it is called -", async () => {
  using world = new DiskWorld({ "-": "content", "below/-": "other" });
  assert.equal((await sluice(world.args("-q"))).code, 0);
  const { stdout } = await sluice(["manifest", world.db]);
  Deno.writeTextFileSync(`${world.top}/manifest`, stdout);
  const check = `cd "$1"; sha256sum --strict -c "$2" < /dev/null`;
  const printed = await shell(check, world.destination, `${world.top}/manifest`);
  assert.deepEqual(printed.trim().split("\n").sort(), ["./-: OK", "below/-: OK"]);
});

Deno.test("manifest exits with 1 and says how many when files are missing from it", async () => {
  using world = new DiskWorld({ old: "1", new: "2", blocked: "3" }, { "blocked/inner": "x" });
  await shell(`cp -p "$1/old" "$2/old"`, world.source, world.destination);
  assert.equal((await sluice(world.args("-q"))).code, 1);
  const { code, stdout, stderr } = await sluice(["manifest", world.db]);
  assert.equal(code, 1);
  assert.match(stdout, /^[0-9a-f]{64} {2}new\n$/);
  assert.match(stderr, /^sluice: not in the manifest: 1 file pending$/m);
  assert.match(stderr, /^sluice: not in the manifest: 1 file without a hash, because/m);
});

Deno.test("manifest refuses a mixture of hashes, and takes one with --checksum", async () => {
  using world = new DiskWorld({ first: "1" });
  assert.equal((await sluice(world.args("-q"))).code, 0);
  writeTree(world.source, { second: "2" });
  assert.equal((await sluice(world.args("-q", "--checksum", "md5"))).code, 0);
  const mixed = await sluice(["manifest", world.db]);
  assert.equal(mixed.code, 2);
  assert.equal(mixed.stdout, "");
  assert.match(mixed.stderr, /1 file with md5, 1 file with sha256.* give --checksum .*\n$/);
  const one = await sluice(["manifest", "--db", world.db, "--checksum", "md5"]);
  assert.equal(one.code, 1);
  assert.match(one.stdout, /^[0-9a-f]{32} {2}second\n$/);
  assert.match(one.stderr, /^sluice: not in the manifest: 1 file with a hash of sha256; give/);
});

Deno.test("manifest refuses a database that is missing, another's, or without a run", async () => {
  using world = new DiskWorld({ file: "1" });
  const missing = await sluice(["manifest", world.db]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /^sluice: there is no database .*sluice\.db; [^\n]*\n$/);
  for (const [content, says] of [["", /no record/], ["x".repeat(5000), /cannot use/]] as const) {
    Deno.writeTextFileSync(world.db, content);
    const { code, stderr } = await sluice(["manifest", world.db]);
    assert.equal(code, 2);
    assert.match(stderr, says);
    assert.equal(Deno.readTextFileSync(world.db), content);
  }
});

Deno.test("manifest ends quietly when nobody reads on", async () => {
  using world = new DiskWorld(
    Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`d${i % 7}/f${i}`, `${i}`])),
  );
  assert.equal((await sluice(world.args("-q"))).code, 0);
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const script = `"$1" run -A --quiet "$2" manifest "$3" 2>&1 | head -n 2 | wc -l`;
  assert.equal(await shell(script, Deno.execPath(), main, world.db), "2\n");
  const { code, stdout } = await sluice(["manifest", world.db]);
  assert.equal(code, 0);
  assert.equal(new Set(stdout.split("\n")).size, 4001);
});

Deno.test("checkLine escapes what would break a line and keeps other bytes", () => {
  const line = (path: string) => new TextDecoder("latin1").decode(checkLine("00", path));
  assert.equal(line("a b"), "00  a b\n");
  assert.equal(line("a\nb\\c\rd"), "\\00  a\\nb\\\\c\\rd\n");
  assert.deepEqual(checkLine("00", "\udcff\n").slice(5), Uint8Array.of(0xff, 0x5c, 0x6e, 0x0a));
});
