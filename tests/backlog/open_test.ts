import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SCHEMA_VERSION } from "../../src/backlog/migrate.ts";
import { openDatabase, unusable } from "../../src/backlog/open_database.ts";
import { SqliteBacklog } from "../../src/backlog/sqlite.ts";
import { SyncError, UsageError } from "../../src/errors.ts";
import { mayMount, MountNamespace } from "../testing/mount_namespace.ts";
import { DiskWorld } from "../testing/world.ts";
import { Fixture } from "./fixture.ts";
import { EXACT } from "../../src/times.ts";

function refusal(path: string, pair = { source: "/source", destination: "/destination" }): string {
  try {
    SqliteBacklog.open(path, pair)[Symbol.dispose]();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return assert.fail("it was opened");
}

Deno.test("unusable names the database, and stops the run when it is the disk that fails", () => {
  const thrown = (message: string, errcode: number) =>
    Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });
  for (const message of ["disk I/O error", "database or disk is full"]) {
    const error = unusable("/a/db", thrown(message, 10));
    assert.ok(error instanceof SyncError && error.scope === "run");
    assert.equal(error.message, `cannot use /a/db as the database: ${message}`);
  }
  const error = unusable("/a/db", thrown("database disk image is malformed", 11));
  assert.ok(error instanceof UsageError);
  assert.match(error.message, /^cannot use \/a\/db as the database: .* malformed; move it away/);
});

Deno.test("SqliteBacklog.open refuses a database that is open and names the process", () => {
  using fixture = new Fixture();
  assert.match(refusal(fixture.path), /in use by another sluice that is just starting/);
  const run = { token: "t", pid: 4711, host: "elsewhere", version: "0", resumed: false };
  fixture.backlog.runs.begin(run);
  assert.match(
    refusal(fixture.path),
    /is in use by process 4711 on elsewhere since \d{4}-.*; stop that one first/,
  );
  fixture.reopen();
});

Deno.test("SqliteBacklog.open is not kept out by the lock file of a process that is gone", async () => {
  using fixture = new Fixture();
  fixture.backlog[Symbol.dispose]();
  const script = `
    import { SqliteBacklog } from ${
    JSON.stringify(import.meta.resolve("../../src/backlog/sqlite.ts"))
  };
    SqliteBacklog.open(Deno.args[0], { source: "/source", destination: "/destination" });
    console.log("open");
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const file = `${fixture.directory}/holder.ts`;
  Deno.writeTextFileSync(file, script);
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", file, fixture.path],
    stdout: "piped",
  }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  assert.match(refusal(fixture.path), /is in use by/);
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  fixture.backlog = SqliteBacklog.open(fixture.path, fixture.pair);
});

Deno.test("SqliteBacklog.open takes a database whose making was interrupted", () => {
  using fixture = new Fixture();
  const path = `${fixture.directory}/interrupted.db`;
  const making = new DatabaseSync(`${fixture.directory}/making.db`);
  making.exec("CREATE TABLE early (data); PRAGMA cache_size = 1; BEGIN; DROP TABLE early");
  making.exec("CREATE TABLE late (data); INSERT INTO late VALUES (zeroblob(100000))");
  // the journal is of a process that is gone: to read, SQLite must first take back what it did
  for (const end of ["", "-journal"]) {
    Deno.copyFileSync(`${fixture.directory}/making.db${end}`, path + end);
  }
  making.close();
  assert.ok(Deno.statSync(`${path}-journal`).size > 512);
  assert.match(refusal(path), /it is a database of another program/);

  const empty = new DatabaseSync(`${fixture.directory}/empty.db`);
  empty.exec("PRAGMA cache_size = 1; BEGIN");
  empty.exec("CREATE TABLE late (data); INSERT INTO late VALUES (zeroblob(100000))");
  for (const end of ["", "-journal"]) {
    Deno.copyFileSync(`${fixture.directory}/empty.db${end}`, path + end);
  }
  empty.close();
  const pair = { source: "/source", destination: "/destination" };
  SqliteBacklog.check(path, pair);
  SqliteBacklog.demandFree(path, pair);
  SqliteBacklog.open(path, pair)[Symbol.dispose]();
  SqliteBacklog.check(path, pair);
});

Deno.test("SqliteBacklog.open refuses another pair of roots and tells which it has", () => {
  using fixture = new Fixture();
  fixture.backlog[Symbol.dispose]();
  const before = Deno.readFileSync(fixture.path);
  const message = refusal(fixture.path, { source: "/source", destination: "/other" });
  assert.match(message, /belongs to \/source -> \/destination, not to \/source -> \/other/);
  assert.deepEqual(Deno.readFileSync(fixture.path), before);
  fixture.backlog = SqliteBacklog.open(fixture.path, fixture.pair);
});

Deno.test("SqliteBacklog.open refuses what is no database of this sluice and leaves it as it is", () => {
  using fixture = new Fixture();
  const path = `${fixture.directory}/other.db`;
  const table: [(path: string) => void, RegExp][] = [
    [
      (path) => Deno.writeTextFileSync(path, "x".repeat(4096)),
      /file is not a database; move it away, or name another/,
    ],
    [(path) => foreign(path), /a database of another program/],
    [
      (path) => newer(path),
      new RegExp(`version ${SCHEMA_VERSION + 1}, this sluice knows up to ${SCHEMA_VERSION}`),
    ],
  ];
  for (const [make, says] of table) {
    make(path);
    const before = Deno.readFileSync(path);
    assert.match(refusal(path), says);
    assert.deepEqual(Deno.readFileSync(path), before);
    Deno.removeSync(path);
  }
});

function foreign(path: string): void {
  using database = new DatabaseSync(path);
  database.exec("CREATE TABLE precious (id)");
}

function newer(path: string): void {
  SqliteBacklog.open(path, { source: "/source", destination: "/destination" })[Symbol.dispose]();
  using database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}; PRAGMA wal_checkpoint(TRUNCATE)`);
}

Deno.test("SqliteBacklog.open refuses a path at which no database can be", () => {
  using fixture = new Fixture();
  assert.match(refusal(`${fixture.directory}/none/x.db`), /unable to open database file/);
  Deno.mkdirSync(`${fixture.directory}/directory`);
  assert.match(refusal(`${fixture.directory}/directory`), /cannot use .* as the database/);
});

Deno.test("SqliteBacklog.open takes an empty file for a new database", () => {
  using fixture = new Fixture();
  const path = `${fixture.directory}/empty.db`;
  Deno.writeTextFileSync(path, "");
  SqliteBacklog.open(path, fixture.pair)[Symbol.dispose]();
  SqliteBacklog.open(path, fixture.pair)[Symbol.dispose]();
});

Deno.test("SqliteBacklog.temporary leaves nothing behind", async () => {
  using fixture = new Fixture();
  using backlog = SqliteBacklog.temporary(fixture.pair);
  const root = { inode: 1n, mtime: 0n };
  backlog.beginScan({ source: root, destination: root }, { times: EXACT });
  const names = (await Array.fromAsync(Deno.readDir(fixture.directory))).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => !name.startsWith("sluice.db")), []);
});

/** A tree of one file, an empty one and `state`; what copies the one into the other. */
function runnerIn(namespace: MountNamespace, { db, log }: { db: string; log: string }) {
  const { top } = namespace;
  for (const directory of ["from", "to", "state"]) Deno.mkdirSync(`${top}/${directory}`);
  Deno.writeTextFileSync(`${top}/from/one`, "1");
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const args = [`${top}/from`, `${top}/to`, "--db", db, "--log", log, "-q"];
  return async () => {
    const command = namespace.command(Deno.execPath(), ["run", "-A", "--quiet", main, ...args]);
    const { code, stderr } = await command.output();
    return { code, said: new TextDecoder().decode(stderr) };
  };
}

Deno.test({
  name: "a database that may not be written is refused before anything is touched",
  ignore: !mayMount(),
  async fn() {
    await using namespace = await MountNamespace.make();
    const { top } = namespace, db = `${top}/state/db`;
    const run = runnerIn(namespace, { db, log: `${top}/state/log` });
    assert.deepEqual(await run(), { code: 0, said: "" });
    const log = Deno.readTextFileSync(`${top}/state/log`);
    Deno.writeTextFileSync(`${top}/from/two`, "2");
    // the file alone: what lies beside it can be made
    await namespace.sh(`mount --bind ${top}/state/db ${top}/state/db &&
      mount -o remount,ro,bind ${top}/state/db`);
    const { code, said } = await run();
    assert.equal(
      said,
      `sluice: cannot use ${db} as the database: attempt to write a readonly database; ${db} may ` +
        "not be written: check the owner and mode\n",
    );
    assert.equal(code, 2);
    assert.equal(Deno.readTextFileSync(`${top}/state/log`), log);
    assert.deepEqual([...Deno.readDirSync(`${top}/to`)].map(({ name }) => name), ["one"]);
    // a file beside it, which stays as it was made
    await namespace.sh(`umount ${db} && mount --bind ${db}-shm ${db}-shm &&
      mount -o remount,ro,bind ${db}-shm`);
    const beside = await run();
    assert.match(beside.said, /; \S+\/db-shm may not be written: check the owner and mode\n$/);
    assert.equal(beside.code, 2);
  },
});

Deno.test({
  name: "a database on a read-only mount is read, unless a part of it is beside it",
  ignore: !mayMount(),
  async fn() {
    await using namespace = await MountNamespace.make();
    const { top } = namespace, db = `${top}/state/#db?x%20`;
    assert.deepEqual(await runnerIn(namespace, { db, log: `${top}/log` })(), { code: 0, said: "" });
    Deno.writeTextFileSync(`${top}/from/two`, "2");
    const main = new URL("../../main.ts", import.meta.url).pathname;
    const sluice = async (...words: string[]) => {
      const args = ["run", "-A", "--quiet", main, ...words];
      const { code, stdout, stderr } = await namespace.command(Deno.execPath(), args).output();
      const [out, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, out: out!, said: said! };
    };
    const log = `${top}/log`;
    const readers = [
      ["manifest", db],
      ["why", "one", "--db", db],
      ["audit", "--db", db, log],
      ["doctor", `${top}/from`, `${top}/to`, "--db", db],
      [`${top}/from`, `${top}/to`, "--db", db, "--log", log, "--dry-run"],
    ];
    const before = [];
    for (const words of readers) before.push(await sluice(...words));
    for (const name of ["-lock", "-shm", "-wal"]) {
      if ([...Deno.readDirSync(`${top}/state`)].some((entry) => entry.name === `#db?x%20${name}`)) {
        Deno.removeSync(`${db}${name}`);
      }
    }
    const freeze =
      `mount --bind ${top}/state ${top}/state && mount -o remount,ro,bind ${top}/state`;
    await namespace.sh(freeze);
    for (const [i, words] of readers.entries()) {
      const { code, out, said } = await sluice(...words);
      assert.equal(said, before[i]!.said, words.join(" "));
      assert.equal(code, before[i]!.code);
      if (words[0] !== "doctor") {
        assert.equal(out.replace(/\d:\d\d/g, ""), before[i]!.out.replace(/\d:\d\d/g, ""));
      }
    }
    assert.match(before[0]!.out, /^[0-9a-f]{64} {2}one\n$/);
    const verified = await sluice("verify", db, "--log", log);
    assert.match(verified.said, /db\?x%20 may not be written: check the owner and mode\n$/);
    assert.equal(verified.code, 2);
    await namespace.sh(`umount ${top}/state`);
    Deno.writeTextFileSync(`${db}-wal`, "a part");
    await namespace.sh(freeze);
    for (const words of readers.filter(([name]) => name !== "doctor")) {
      const { code, said } = await sluice(...words);
      assert.match(
        said,
        /db\?x%20-wal has a part of it, .* copy the database, and what is beside it, to/,
      );
      assert.equal(code, 2);
    }
  },
});

Deno.test({
  name: "a database of somebody else is read where this user may not write",
  ignore: !mayMount(),
  async fn() {
    using world = new DiskWorld({ one: "1" });
    assert.equal((await world.run()).summary.exitCode, 0);
    Deno.chmodSync(world.top, 0o755);
    // the user has to be another one before SQLite opens the file
    const script = `
      import { RecordedFiles } from ${
      JSON.stringify(import.meta.resolve("../../src/backlog/recorded_files.ts"))
    };
      import process from "node:process";
      process.setgid(65534);
      process.setuid(65534);
      using files = RecordedFiles.open(Deno.args[0]);
      const tally = await files.tally();
      console.log([...files.hashed("sha256", tally)].flat().map(({ path }) => path).join());`;
    const file = `${world.top}/reader.ts`;
    Deno.writeTextFileSync(file, script);
    Deno.mkdirSync(`${world.top}/cache`);
    Deno.chmodSync(`${world.top}/cache`, 0o777);
    const reader = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", "--no-code-cache", file, world.db],
      // what the runtime keeps of a run (cache, coverage) would not be the reader's to write
      clearEnv: true,
      env: { DENO_DIR: `${world.top}/cache` },
    });
    const { stdout, stderr } = await reader.output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(new TextDecoder().decode(stdout), "one\n");
  },
});

Deno.test({
  name: "a run whose database is on a full disk had to stop, and goes on when there is room",
  ignore: !mayMount(),
  async fn() {
    await using namespace = await MountNamespace.make();
    const { top } = namespace, db = `${top}/state/db`;
    const run = runnerIn(namespace, { db, log: `${top}/log` });
    await namespace.sh(`mount -t tmpfs -o size=2m none ${top}/state`);
    assert.deepEqual(await run(), { code: 0, said: "" });
    Deno.writeTextFileSync(`${top}/from/two`, "2");
    await namespace.sh(`cat /dev/zero > ${top}/state/fill || true`);
    const { code, said } = await run();
    assert.ok(said.startsWith(`sluice: cannot use ${db} as the database: `), said);
    assert.match(said, /: (database or disk is full|disk I\/O error)\n$/);
    assert.equal(code, 3);
    await namespace.sh(`rm ${top}/state/fill`);
    assert.deepEqual(await run(), { code: 0, said: "" });
    assert.equal(Deno.readTextFileSync(`${top}/to/two`), "2");
  },
});

Deno.test("openDatabase refuses a pipe, which it would wait for without an end", async () => {
  const top = Deno.makeTempDirSync({ prefix: "sluice-test-" });
  try {
    const { success } = await new Deno.Command("mkfifo", { args: [`${top}/pipe`] }).output();
    assert.ok(success);
    assert.throws(() => openDatabase(`${top}/pipe`, true), /pipe as the database: .*regular file/);
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
});
