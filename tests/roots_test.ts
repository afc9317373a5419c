import assert from "node:assert/strict";
import { UsageError } from "../src/errors.ts";
import { resolvePaths, type RunPaths } from "../src/roots.ts";

/** A directory with two roots `from` and `to` in it. */
async function withDirectory(test: (top: string) => Promise<void>): Promise<void> {
  const top = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "sluice-test-" }));
  try {
    Deno.mkdirSync(`${top}/from`);
    Deno.mkdirSync(`${top}/to`);
    await test(top);
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
}

const RELATIVE: RunPaths = { source: "from", destination: "to", db: "x.db", log: "x.jsonl" };

async function refusal(paths: Partial<RunPaths>, base: string): Promise<string> {
  try {
    await resolvePaths({ ...RELATIVE, ...paths }, base);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return assert.fail("it was not refused");
}

Deno.test("resolvePaths makes full real paths of relative ones", () =>
  withDirectory(async (top) => {
    Deno.symlinkSync("from", `${top}/alias`);
    Deno.mkdirSync(`${top}/state`);
    Deno.symlinkSync("state", `${top}/elsewhere`);
    const paths = { source: "alias/", destination: "./to/../to", db: "elsewhere/x.db", log: "y" };
    assert.deepEqual(await resolvePaths(paths, top), {
      source: `${top}/from`,
      destination: `${top}/to`,
      db: `${top}/state/x.db`,
      log: `${top}/y`,
    });
    Deno.writeTextFileSync(`${top}/state/x.db`, "");
    assert.equal((await resolvePaths(paths, top)).db, `${top}/state/x.db`);
  }));

Deno.test("resolvePaths takes roots for separate whose names only begin alike", () =>
  withDirectory(async (top) => {
    Deno.mkdirSync(`${top}/from2`);
    assert.equal(
      (await resolvePaths({ ...RELATIVE, destination: "from2" }, top)).source,
      `${top}/from`,
    );
    assert.equal((await resolvePaths({ ...RELATIVE, db: "from2/x" }, top)).db, `${top}/from2/x`);
  }));

Deno.test("resolvePaths takes a trash that is there, that can be made, or is the destination's own", () =>
  withDirectory(async (top) => {
    const trashOf = async (trash: string) =>
      (await resolvePaths({ ...RELATIVE, trash }, top)).trash;
    assert.equal(await trashOf("trash/"), `${top}/trash`);
    assert.equal(await trashOf("to/.sluice-trash"), `${top}/to/.sluice-trash`);
    Deno.mkdirSync(`${top}/to/.sluice-trash`);
    assert.equal(await trashOf("to/.sluice-trash"), `${top}/to/.sluice-trash`);
    Deno.mkdirSync(`${top}/real`);
    Deno.symlinkSync("real", `${top}/link`);
    assert.equal(await trashOf("link"), `${top}/real`);
    assert.equal(await trashOf("link/new"), `${top}/real/new`);
    assert.equal("trash" in await resolvePaths({ ...RELATIVE, trash: null }, top), false);
  }));

Deno.test("resolvePaths refuses a database with a path that is longer than SQLite takes", () =>
  withDirectory(async (top) => {
    const deep = `${"p".repeat(200)}/${"p".repeat(200)}`;
    Deno.mkdirSync(`${top}/${deep}`, { recursive: true });
    const name = "x".repeat(498 - `${top}/${deep}/`.length);
    assert.equal((await resolvePaths({ ...RELATIVE, db: `${deep}/${name}` }, top)).db.length, 498);
    assert.match(
      await refusal({ db: `${deep}/${name}x` }, top),
      /^the path of the database is too long: \S+; give --db one of at most 498 bytes$/,
    );
  }));

Deno.test("resolvePaths refuses paths in one sentence that says what to do", () =>
  withDirectory(async (top) => {
    Deno.mkdirSync(`${top}/from/sub`);
    Deno.mkdirSync(`${top}/empty`);
    Deno.writeTextFileSync(`${top}/file`, "");
    Deno.symlinkSync("nowhere", `${top}/dangling`);
    Deno.symlinkSync("from/sub", `${top}/inside`);
    const table: [Partial<RunPaths>, RegExp][] = [
      [{ source: "" }, /the source is an empty path; name a directory/],
      [{ destination: "" }, /the destination is an empty path/],
      [{ source: "none" }, /the source none does not exist; is it mounted\?/],
      [{ destination: "dangling" }, /the destination dangling does not exist; mount it, or make/],
      [{ source: "file/x" }, /cannot reach the source file\/x: .*[Nn]ot a directory/],
      [{ source: "file" }, /the source file is not a directory/],
      [{ destination: "from" }, /are the same directory/],
      [{ destination: "inside" }, /the destination is inside the source: .*\/from\/sub is inside/],
      [{ source: "inside", destination: "from" }, /the source is inside the destination/],
      [{ source: "/" }, /the destination is inside the source/],
      [{ db: "" }, /the path of the database is empty; give --db a file/],
      [{ db: "x".repeat(243) }, /name of the database x+ is too long .* --db one of at most 242/],
      [{ db: "none/x.db" }, /the directory of the database none\/x\.db does not exist.*--db/],
      [{ db: "inside/x.db" }, /the database .*\/from\/sub\/x\.db is inside the source/],
      [{ log: "to/x" }, /the audit log .*\/to\/x is inside the destination .*--log/],
      [{ log: "x.db" }, /are the same file/],
      [{ log: "./x.db" }, /are the same file/],
      [{ log: "x.db-lock" }, /is a file that the database keeps beside it/],
      [{ log: "dangling" }, /the audit log dangling is a link that leads nowhere; give --log/],
      [{ db: "file/" }, /the database file\//],
      [{ db: "/dev/null" }, /the database \/dev\/null is not a regular file; give --db one/],
      [{ log: "/dev/null" }, /the audit log \/dev\/null is not a regular file; give --log one/],
      [{ log: "empty" }, /the audit log empty is not a regular file; give --log one/],
      [{ log: "to/../from/" }, /the audit log/],
      [{ trash: "" }, /the trash is an empty path; give --trash a directory/],
      [{ trash: "from" }, /the trash .*\/from is inside the source/],
      [{ trash: "from/new" }, /the trash .*\/from\/new is inside the source/],
      [{ trash: "inside/new" }, /the trash .*\/from\/sub\/new is inside the source/],
      [{ trash: "to" }, /inside the destination.*can only be .*\/to\/\.sluice-trash/],
      [{ trash: "to/.trash" }, /inside the destination.*can only be .*\/to\/\.sluice-trash/],
      [{ trash: "to/.sluice-trash/below" }, /the directory of the trash .* does not exist/],
      [{ trash: "file" }, /the trash file is not a directory/],
      [{ trash: "dangling" }, /the trash dangling leads nowhere/],
      [{ trash: "none/new" }, /the directory of the trash none\/new does not exist/],
      [{ trash: "/proc" }, /the trash \/proc is on another file system than the destination/],
    ];
    for (const [paths, says] of table) {
      const message = await refusal(paths, top);
      assert.match(message, says, JSON.stringify(paths));
      assert.doesNotMatch(message, /\n/);
    }
  }));
