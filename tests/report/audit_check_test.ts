import assert from "node:assert/strict";
import fc from "fast-check";
import { SqliteBacklog } from "../../src/backlog/sqlite.ts";
import { LineSplitter } from "../../src/lib/line_splitter.ts";
import { AuditLog } from "../../src/report/audit.ts";
import { AuditCheck } from "../../src/report/audit_check.ts";
import { GENESIS, linkOf, relink } from "../../src/report/chain.ts";
import { scratchDirectory } from "../testing/scratch.ts";
import { numRuns } from "../testing/trees.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** A directory with logs, and databases that append to them. */
class Fixture implements Disposable {
  readonly directory = scratchDirectory();
  readonly path = `${this.directory}/audit.jsonl`;
  readonly #databases = new Map<string, { backlog: SqliteBacklog; run: number }>();

  [Symbol.dispose](): void {
    for (const { backlog } of this.#databases.values()) backlog[Symbol.dispose]();
    Deno.removeSync(this.directory, { recursive: true });
  }

  /** One run of a database: its records in groups. `lost` bytes at the end do not reach the log. */
  run(messages: readonly string[], { db = "a", lost = 0, path = this.path } = {}): void {
    let database = this.#databases.get(db);
    if (database === undefined) {
      const backlog = SqliteBacklog.temporary({ source: "/a", destination: "/b" });
      this.#databases.set(db, database = { backlog, run: 0 });
    }
    const { backlog } = database;
    const log = AuditLog.open(path);
    log.attach(backlog.outbox, ++database.run, "/top/sluice.db");
    log.add({ type: "start", db });
    const stage = () => backlog.transaction(() => log.stage());
    log.write(stage());
    for (const message of messages) {
      log.add({ type: "operation", action: "copy", status: "success", size: 2, message });
      if (lost === 0) log.write(stage());
    }
    log.add({ type: "end" });
    const last = stage();
    if (lost === 0) {
      log.write(last);
      log.finish();
    }
    log[Symbol.dispose]();
    if (lost === 0) return;
    Deno.writeFileSync(path, last.subarray(0, Math.max(0, last.length - lost)), { append: true });
  }

  bytes(path = this.path): Uint8Array {
    return Deno.readFileSync(path);
  }

  messages(): string[] {
    return lines(this.bytes()).filter((line) => linkOf(encoder.encode(line)).type === "record")
      .map((line) => JSON.parse(line).message).filter((message) => message !== undefined);
  }
}

function check(bytes: Uint8Array, chunk = 1 << 16): { check: AuditCheck; cut: boolean } {
  const check = new AuditCheck();
  const splitter = new LineSplitter(1 << 16);
  for (let at = 0; at < bytes.length; at += chunk) {
    for (const line of splitter.push(bytes.subarray(at, at + chunk))) check.line(line);
  }
  return { check, cut: check.end(splitter.rest()) };
}

function lines(bytes: Uint8Array): string[] {
  return decoder.decode(bytes).split("\n").slice(0, -1);
}

function joined(lines: readonly string[]): Uint8Array {
  return encoder.encode(lines.map((line) => `${line}\n`).join(""));
}

const message = fc.string({ unit: "grapheme", maxLength: 8 });
const messages = fc.array(message, { minLength: 1, maxLength: 6 });

Deno.test("AuditCheck finds a chain whole when runs, kills and databases take turns", () => {
  const runs = fc.array(
    fc.record({ messages, db: fc.constantFrom("a", "b"), lost: fc.nat({ max: 3000 }) }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(runs, fc.integer({ min: 1, max: 5000 }), (runs, chunk) => {
      using fixture = new Fixture();
      // every other run is killed, and what it had in the database is not in the log
      runs.forEach((run, i) => fixture.run(run.messages, i % 2 === 0 ? { db: run.db } : run));
      for (const db of ["a", "b"]) fixture.run(["last"], { db });
      const { check: found, cut } = check(fixture.bytes(), chunk);
      assert.equal(found.first, null);
      assert.equal(cut, false);
      const wanted = runs.flatMap((run) => run.messages).sort();
      const notes = /crash|new file/;
      const got = fixture.messages().filter((text) => !notes.test(text) && text !== "last");
      assert.deepEqual(got.sort(), wanted);
    }),
    numRuns(150),
  );
});

Deno.test("AuditCheck finds one changed byte wherever it is, and names its line", () => {
  using fixture = new Fixture();
  for (const n of [1, 2, 3]) fixture.run([`${n}`, "x\ny", "é"]);
  const whole = fixture.bytes();
  assert.equal(check(whole).check.first, null);
  fc.assert(
    fc.property(
      fc.nat({ max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      (at, flip) => {
        const bytes = whole.slice();
        bytes[at]! ^= flip;
        const { check: found } = check(bytes);
        const line = whole.subarray(0, at).filter((byte) => byte === 0x0a).length + 1;
        assert.equal(found.first?.line, line, `byte ${at} changed by ${flip}`);
      },
    ),
    numRuns(3000),
  );
});

Deno.test("AuditCheck finds a line that was removed, moved, doubled or added", () => {
  using fixture = new Fixture();
  fixture.run(["1", "2"]);
  fixture.run(["3"], { db: "b" });
  const whole = lines(fixture.bytes());
  const count = whole.length;
  const forged = whole[1]!.replace('"size":2', '"size":3');
  for (let i = 0; i < count; i++) {
    const expect = (changed: string[], line: number) => {
      const { first } = check(joined(changed)).check;
      assert.equal(first?.line, line, `${i}: ${JSON.stringify(first)}`);
    };
    // that the last one is gone is what only the database can tell
    if (i < count - 1) expect(whole.toSpliced(i, 1), i + 1);
    for (let j = i + 1; j < count; j++) {
      expect(whole.with(i, whole[j]!).with(j, whole[i]!), i + 1);
    }
    for (let j = 0; j < count; j++) {
      // in front of or behind itself, it is the second of the two that is wrong
      const line = j === i ? i + 2 : i + 1;
      expect(whole.toSpliced(i, 0, whole[j]!), line);
    }
    expect(whole.toSpliced(i, 0, relink(forged, GENESIS)), i === 0 ? 2 : i + 1);
    for (const added of ["", "{}", '{"type":"note","seq":1,"time":"","run":1}', "x".repeat(1e5)]) {
      const isOld = added.includes("seq") && i === 0;
      expect(whole.toSpliced(i, 0, added), isOld ? 2 : i + 1);
    }
  }
});

Deno.test("AuditCheck tells a log that ends in the middle of a line from a broken one", () => {
  using fixture = new Fixture();
  fixture.run(["1"]);
  const whole = fixture.bytes();
  const last = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  for (let end = last; end < whole.length; end++) {
    const { check: found, cut } = check(whole.subarray(0, end));
    assert.equal(found.first, null, `${end}`);
    assert.equal(cut, end > last);
    assert.equal(found.totals.open, 1);
  }
});

Deno.test("AuditCheck takes the records of a version without a chain before all others", () => {
  using fixture = new Fixture();
  const old = [1, 2, 3].map((seq) =>
    `{"type":"operation","seq":${seq},"time":"2026-11-20T16:18:47.024Z","run":1,"action":"copy"}`
  );
  Deno.writeFileSync(fixture.path, joined(old));
  fixture.run(["new"]);
  const { check: found } = check(fixture.bytes());
  assert.equal(found.first, null);
  assert.equal(found.totals.old, 3);
  const all = lines(fixture.bytes());
  // the last of them is in the chain already
  const changed = all.with(2, all[2]!.replace("copy", "skip"));
  assert.equal(check(joined(changed)).check.first?.line, 4);
  assert.equal(check(joined([...all, old[0]!])).check.first?.line, all.length + 1);
  assert.equal(check(joined(old)).check.first, null);
});

Deno.test("AuditCheck takes a line that a crash cut for good when the next record knows of it", () => {
  using fixture = new Fixture();
  fixture.run(["1"]);
  const bytes = fixture.bytes();
  // what a loss of power can leave: neither the database nor anybody else knows the rest
  Deno.writeTextFileSync(fixture.path, '{"type":"oper', { append: true });
  fixture.run(["2"]);
  const { check: found } = check(fixture.bytes());
  assert.equal(found.first, null);
  assert.equal(found.totals.cut, 1);
  const all = lines(fixture.bytes());
  const at = lines(bytes).length;
  assert.equal(all[at], '{"type":"oper');
  assert.equal(check(joined(all.with(at, '{"type":"open'))).check.first?.line, at + 1);
  assert.equal(check(joined(all.toSpliced(at, 1))).check.first?.line, at + 1);
  assert.equal(check(joined(all.toSpliced(at - 1, 1))).check.first?.line, at);
  assert.equal(check(joined(all.toSpliced(at + 1, 0, "{"))).check.first?.line, at + 1);
});

Deno.test("AuditLog begins a chain in a new file, and says so, when the old one was moved away", () => {
  using fixture = new Fixture();
  fixture.run(["1"]);
  const moved = `${fixture.directory}/moved`;
  Deno.renameSync(fixture.path, moved);
  fixture.run(["2"]);
  fixture.run(["3"]);
  assert.equal(check(fixture.bytes()).check.first, null);
  const [note] = lines(fixture.bytes()).map((line) => JSON.parse(line));
  assert.equal(note.prev, GENESIS);
  assert.match(note.message, /the records before are in another one/);
  const before = linkOf(encoder.encode(lines(fixture.bytes(moved)).at(-1)!));
  assert.ok(before.type === "record" && before.hash === note.follows);
  // what was killed before the move is chained to the new file
  fixture.run(["lost", "lost too"], { lost: 1e6 });
  Deno.removeSync(fixture.path);
  fixture.run(["4"]);
  assert.equal(check(fixture.bytes()).check.first, null);
  assert.deepEqual(fixture.messages().slice(0, 2), ["lost", "lost too"]);
});

Deno.test("AuditLog.open refuses a log that another process appends to", () => {
  using fixture = new Fixture();
  {
    using _log = AuditLog.open(fixture.path);
    assert.throws(() => AuditLog.open(fixture.path), /in use by another process.*--log/);
  }
  AuditLog.open(fixture.path)[Symbol.dispose]();
});

Deno.test({
  name: "AuditLog lets go of a log that it closes, also when a process that was begun has it open",
  ignore: Deno.build.os !== "linux",
  fn() {
    using fixture = new Fixture();
    const libc = Deno.dlopen("libc.so.6", {
      dup: { parameters: ["i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    });
    let held: number;
    {
      using _log = AuditLog.open(fixture.path);
      // what a process shares with its parent until it is a program of its own
      held = libc.symbols.dup(descriptorOf(fixture.path));
    }
    try {
      AuditLog.open(fixture.path)[Symbol.dispose]();
    } finally {
      libc.symbols.close(held);
      libc.close();
    }
  },
});

/** The number by which this process has a file open. */
function descriptorOf(path: string): number {
  const real = Deno.realPathSync(path);
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === real) return Number(name);
    } catch (error) {
      // closed meanwhile, by another test
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`${path} is not open`);
}

Deno.test("AuditLog misses nothing when the transaction of staged records fails", () => {
  using fixture = new Fixture();
  using backlog = SqliteBacklog.temporary({ source: "/a", destination: "/b" });
  using log = AuditLog.open(fixture.path);
  log.attach(backlog.outbox, 1, "/top/sluice.db");
  log.add({ type: "start" });
  log.write(backlog.transaction(() => log.stage()));
  assert.throws(() =>
    backlog.transaction(() => {
      log.add({ type: "note", message: "rolled back" });
      log.stage();
      throw new Error("disk full");
    })
  );
  log.write(log.stage());
  log.add({ type: "end" });
  log.write(backlog.transaction(() => log.stage()));
  assert.equal(check(fixture.bytes()).check.first, null);
  assert.deepEqual(
    lines(fixture.bytes()).map((line) => [JSON.parse(line).type, JSON.parse(line).seq]),
    [["start", 1], ["end", 2]],
  );
});

Deno.test("LineSplitter gives the same lines whatever the chunks, and cuts those too long", () => {
  const text = "ab\n\ncdefgh\nij\nklmnopqrstuvwxyz\nlast";
  for (let chunk = 1; chunk <= text.length; chunk++) {
    const splitter = new LineSplitter(8);
    const found: string[] = [];
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length; at += chunk) {
      for (const line of splitter.push(bytes.subarray(at, at + chunk))) {
        found.push(decoder.decode(line));
      }
    }
    assert.deepEqual(found, ["ab", "", "cdefgh", "ij", "klmnopqr"], `${chunk}`);
    assert.equal(decoder.decode(splitter.rest()), "last");
  }
});
