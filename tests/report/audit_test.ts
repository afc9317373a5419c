import assert from "node:assert/strict";
import fc from "fast-check";
import { SqliteBacklog } from "../../src/backlog/sqlite.ts";
import { SyncError, UsageError } from "../../src/errors.ts";
import { AuditCheck } from "../../src/report/audit_check.ts";
import { AuditLog } from "../../src/report/audit.ts";
import { MemoryWorld, THEN } from "../testing/world.ts";
import { scratchDirectory } from "../testing/scratch.ts";
import { numRuns } from "../testing/trees.ts";
import { assertGolden } from "./golden.ts";

const DATABASE = "/top/sluice.db";

/** A log file and the database that it belongs to. */
class Fixture implements Disposable {
  readonly directory = scratchDirectory();
  readonly path = `${this.directory}/audit.jsonl`;
  readonly backlog = SqliteBacklog.temporary({ source: "/a", destination: "/b" });

  [Symbol.dispose](): void {
    this.backlog[Symbol.dispose]();
    Deno.removeSync(this.directory, { recursive: true });
  }

  attached(run: number): AuditLog {
    const log = AuditLog.open(this.path);
    log.attach(this.backlog.outbox, run, DATABASE);
    return log;
  }

  /** Adds records in one transaction, as the run does; they are not in the log yet. */
  stage(log: AuditLog, ...messages: string[]): Uint8Array {
    return this.backlog.transaction(() => {
      for (const message of messages) log.add({ type: "note", message });
      return log.stage();
    });
  }

  records(): { type: string; seq: number; run: number; message?: string }[] {
    const text = Deno.readTextFileSync(this.path);
    assert.ok(text === "" || text.endsWith("\n"));
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  append(bytes: Uint8Array): void {
    Deno.writeFileSync(this.path, bytes, { append: true });
  }
}

Deno.test("AuditLog appends what was staged, with numbers that go on over runs", () => {
  using fixture = new Fixture();
  for (const run of [1, 2, 3]) {
    using log = fixture.attached(run);
    log.write(fixture.stage(log, `a${run}`, `b${run}`));
    log.write(fixture.stage(log, `c${run}`));
  }
  assert.deepEqual(fixture.records().map(({ seq, run, message }) => [seq, run, message]), [
    [1, 1, "a1"],
    [2, 1, "b1"],
    [3, 1, "c1"],
    [4, 2, "a2"],
    [5, 2, "b2"],
    [6, 2, "c2"],
    [7, 3, "a3"],
    [8, 3, "b3"],
    [9, 3, "c3"],
  ]);
});

Deno.test("AuditLog keeps nothing of a transaction that failed but the records to come", () => {
  using fixture = new Fixture();
  using log = fixture.attached(1);
  assert.throws(() =>
    fixture.backlog.transaction(() => {
      log.add({ type: "note", message: "lost" });
      throw new Error("no");
    })
  );
  log.write(fixture.stage(log, "kept"));
  assert.deepEqual(fixture.records().map(({ message }) => message), ["lost", "kept"]);
});

Deno.test("AuditLog keeps a large transaction in rows of some lines, and completes the log from all", () => {
  using fixture = new Fixture();
  const messages = Array.from({ length: 300 }, (_, i) => `${i} ${"x".repeat(1000)}`);
  {
    using log = fixture.attached(1);
    const staged = fixture.stage(log, ...messages);
    const rows = fixture.backlog.outbox.rows();
    assert.ok(rows.length > 5, `${rows.length} rows`);
    assert.ok(rows.every(({ lines }) => lines.length < 64 * 1024 && lines.endsWith("\n")));
    assert.equal(rows.map(({ lines }) => lines).join(""), new TextDecoder().decode(staged));
    for (const { sequence, lines } of rows) {
      assert.equal(JSON.parse(lines.trimEnd().split("\n").at(-1)!).seq, sequence);
    }
    // the process ends before the first byte is in the log
  }
  {
    using _log = fixture.attached(2);
    assert.ok(fixture.backlog.outbox.rows().every(({ written }) => written));
  }
  assert.deepEqual(fixture.records().map(({ message }) => message), messages);
});

Deno.test("AuditLog completes a log that a crash cut anywhere, each line once", () => {
  const message = fc.string({ unit: "grapheme", maxLength: 12 });
  const batches = fc.array(fc.array(message, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(batches, fc.nat(), fc.nat(), (batches, written, cut) => {
      using fixture = new Fixture();
      const count = written % (batches.length + 1);
      const lost: Uint8Array[] = [];
      {
        const log = fixture.attached(1);
        batches.forEach((batch, i) => {
          const staged = fixture.stage(log, ...batch);
          if (i < count) return log.write(staged);
          if (lost.length === 0) {
            // from here on nothing gets into the file any more
            log[Symbol.dispose]();
            assert.throws(() => log.write(staged), /cannot write/);
          } else log.write(staged);
          lost.push(staged.slice());
        });
        if (lost.length === 0) log[Symbol.dispose]();
      }
      const bytes = Uint8Array.from(lost.flatMap((batch) => [...batch]));
      const there = bytes.subarray(0, cut % (bytes.length + 1));
      fixture.append(there);
      const isCut = there.length > 0 && there.at(-1) !== 0x0a;
      {
        using log = fixture.attached(2);
        log.write(fixture.stage(log, "next"));
      }
      const records = fixture.records();
      const expected = batches.flat();
      assert.deepEqual(records.slice(0, expected.length).map(({ message }) => message), expected);
      const after = records.slice(expected.length).map(({ message }) => message);
      assert.deepEqual(
        after,
        isCut ? ["the line that a crash had cut was completed", "next"] : ["next"],
      );
      assert.deepEqual(records.map(({ seq }) => seq), records.map((_, i) => i + 1));
    }),
    numRuns(150),
  );
});

/** Writes three runs of some lines each, more than the database keeps, with their starts. */
function writeRuns(fixture: Fixture): void {
  for (const run of [1, 2, 3]) {
    using log = fixture.attached(run);
    log.add({ type: "start", options: { db: DATABASE } });
    log.write(fixture.stage(log, `a${run}`));
    log.write(fixture.stage(log, `b${run}`));
    log.write(fixture.stage(log, `c${run}`));
  }
}

function breaksOf(path: string): number {
  const check = new AuditCheck();
  const lines = Deno.readTextFileSync(path).split("\n").slice(0, -1);
  for (const line of lines) check.line(new TextEncoder().encode(line));
  check.end(new Uint8Array(0));
  return check.breaks;
}

Deno.test("AuditLog does not hide that the end of the log was cut off", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 11 }), fc.nat(40), (whole, rest) => {
    using fixture = new Fixture();
    writeRuns(fixture);
    const before = Deno.readTextFileSync(fixture.path);
    const lines = before.split("\n");
    const end = lines.slice(0, whole).join("\n").length + 1 + (whole < 11 ? rest : 0);
    Deno.writeTextFileSync(fixture.path, before.slice(0, end));
    let said: string | null;
    {
      using log = AuditLog.open(fixture.path);
      said = log.attach(fixture.backlog.outbox, 4, DATABASE);
      log.write(fixture.stage(log, "next"));
    }
    const isMended = Deno.readTextFileSync(fixture.path).startsWith(before);
    // the database has the last line, and whoever cut no more than that, or half of it, finds it there
    assert.equal(isMended, whole === 11);
    assert.equal(said === null, isMended);
    assert.equal(breaksOf(fixture.path) === 0, isMended);
  }));
});

Deno.test("AuditLog goes on in a log of another database, and in one that another has used since", () => {
  using fixture = new Fixture();
  writeRuns(fixture);
  using other = new Fixture();
  writeRuns(other);
  // a log that is shared
  {
    using log = AuditLog.open(fixture.path);
    assert.equal(log.attach(other.backlog.outbox, 4, "/top/other.db"), null);
    log.write(other.stage(log, "of the other"));
  }
  {
    using log = AuditLog.open(fixture.path);
    assert.equal(log.attach(fixture.backlog.outbox, 4, DATABASE), null);
    log.write(fixture.stage(log, "of the first"));
  }
  assert.equal(breaksOf(fixture.path), 0);
});

Deno.test("AuditLog notes a cut line that it cannot complete, and appends below it", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.path, '{"type":"start","seq":1}\n{"type":"oper');
  {
    using log = fixture.attached(1);
    log.write(fixture.stage(log, "next"));
  }
  const lines = Deno.readTextFileSync(fixture.path).split("\n");
  assert.equal(lines[1], '{"type":"oper');
  assert.match(JSON.parse(lines[2]!).message, /cut by a crash and could not be completed/);
  assert.equal(JSON.parse(lines[3]!).message, "next");
});

Deno.test("AuditLog writes nothing more after a write that failed, and the next run does", () => {
  using fixture = new Fixture();
  {
    const log = fixture.attached(1);
    log.write(fixture.stage(log, "before"));
    const staged = fixture.stage(log, "during");
    log[Symbol.dispose]();
    // a closed file is the nearest thing to a full disk that a test can have anywhere
    assert.throws(() => log.write(staged), /cannot write the audit log .*audit\.jsonl/);
    log.write(fixture.stage(log, "after"));
  }
  using log = fixture.attached(2);
  log.write(fixture.stage(log, "next run"));
  assert.deepEqual(fixture.records().map(({ message }) => message), [
    "before",
    "during",
    "after",
    "next run",
  ]);
});

Deno.test("AuditLog.attach says in one sentence that the log can be used no more", () => {
  using fixture = new Fixture();
  const log = AuditLog.open(fixture.path);
  log[Symbol.dispose]();
  assert.throws(() => log.attach(fixture.backlog.outbox, 1, DATABASE), (error) => {
    assert.ok(error instanceof SyncError && error.scope === "run");
    assert.match(error.message, /^cannot read the audit log .*audit\.jsonl: /);
    return true;
  });
});

Deno.test("AuditLog.abandon leaves an empty log that cannot be removed, without a word", () => {
  using fixture = new Fixture();
  const directory = `${fixture.directory}/gone`;
  Deno.mkdirSync(directory);
  const log = AuditLog.open(`${directory}/audit.jsonl`);
  Deno.removeSync(directory, { recursive: true });
  log.abandon();
  assert.throws(() => log.attach(fixture.backlog.outbox, 1, DATABASE), SyncError, "it is closed");
});

Deno.test("AuditLog.open refuses what is no audit log and leaves it as it is", () => {
  using fixture = new Fixture();
  for (const text of ["dear diary\n", '{"other":1}\n', "{", "\n", "[]"]) {
    Deno.writeTextFileSync(fixture.path, text);
    if (text === "{") continue;
    assert.throws(() => AuditLog.open(fixture.path), UsageError, JSON.stringify(text));
    assert.equal(Deno.readTextFileSync(fixture.path), text);
  }
  assert.throws(() => AuditLog.open(fixture.directory), /cannot open the audit log/);
  assert.throws(() => AuditLog.open(`${fixture.directory}/none/x`), /cannot open the audit log/);
});

Deno.test("AuditLog.abandon removes a log that it made, and no other", () => {
  using fixture = new Fixture();
  AuditLog.open(fixture.path).abandon();
  assert.throws(() => Deno.statSync(fixture.path), Deno.errors.NotFound);
  Deno.writeTextFileSync(fixture.path, "");
  AuditLog.open(fixture.path).abandon();
  assert.equal(Deno.statSync(fixture.path).size, 0);
});

Deno.test("the records of runs are exactly the documented ones", async () => {
  using world = new MemoryWorld(
    {
      "a/file": { content: "abc", mode: 0o640, mtime: THEN },
      "a/link": { target: "file" },
      "a/broken": "x",
      "odd\udcff": "x",
      "fifo": { kind: "special" },
    },
    { extra: "gone", "a/link": { target: "other" } },
  );
  await world.run({
    deleteExtras: true,
    faults: {
      source: [{ call: "open", path: "a/broken", errno: "EIO" }],
      destination: [{ call: "removeFile", errno: "EACCES" }],
    },
  });
  await world.run({ deleteExtras: true, bwlimit: 1e9, checksum: "md5" });
  const text = world.records().map((record) => JSON.stringify(plain(world, record)));
  assertGolden("audit.jsonl", sortOperations(text).map((line) => `${line}\n`).join(""));
});

/** A record without what differs from run to run. */
function plain(world: MemoryWorld, record: Record<string, unknown>): Record<string, unknown> {
  const { seq: _, ...rest } = JSON.parse(
    JSON.stringify(record).replaceAll(world.top, "/top"),
  );
  assert.match(rest.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  rest.time = "TIME";
  const { evidence } = rest as { evidence?: Record<string, unknown> };
  for (const name of ["listed_at", "first_missed_at", "looked_at"]) {
    if (typeof evidence?.[name] === "string") evidence[name] = "TIME";
  }
  assert.match(rest.prev, /^[0-9a-f]{64}$/);
  assert.match(rest.check, /^[0-9a-f]{16}$/);
  rest.prev = "PREV";
  rest.check = "CHECK";
  for (const name of ["ctime", "atime", "mtime"]) {
    if (typeof rest[name] !== "string") continue;
    assert.match(rest[name], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    if (name === "ctime" || rest.kind === "directory") rest[name] = "TIME";
    else if (!rest[name].startsWith("2001-")) rest[name] = "TIME";
  }
  if (typeof rest.duration_ms === "number") rest.duration_ms = 0;
  if (rest.type === "start") rest.version = "VERSION";
  return rest;
}

/** Operations of a run end in any order. */
function sortOperations(lines: string[]): string[] {
  const sorted: string[] = [];
  let operations: string[] = [];
  for (const line of [...lines, ""]) {
    if (line.startsWith('{"type":"operation"')) operations.push(line);
    else {
      sorted.push(...operations.sort(), line);
      operations = [];
    }
  }
  return sorted.slice(0, -1);
}
