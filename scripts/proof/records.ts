/**
 * What sluice has on record, read from the database and the audit log as an administrator reads
 * them: by the documented view and the documented lines, not by sluice's own code.
 */
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { show } from "./tree.ts";

/** A row of the view `files` that says `synced`; the path is as in `tree.ts`. */
export interface SyncedRow {
  readonly path: string;
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly hash: string | null;
  readonly algorithm: string | null;
}

/** What the database says. */
export interface DatabaseState {
  readonly synced: readonly SyncedRow[];
  /** Directories that may hold temporaries and unrecorded files. */
  readonly inFlight: ReadonlySet<string>;
  readonly pending: number;
  readonly phase: "before the scan" | "scan" | "transfer" | "delete" | "end" | "between runs";
}

/** Makes a copy of a database whose process is dead or stopped, so that looking cannot mend it. */
function copyDatabase(path: string, copy: string): void {
  for (const suffix of ["", "-wal", "-shm"]) ignoreMissing(() => Deno.removeSync(copy + suffix));
  for (const suffix of ["", "-wal"]) {
    ignoreMissing(() => Deno.copyFileSync(path + suffix, copy + suffix));
  }
}

function ignoreMissing(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * What a database says about a destination; null while it has no tables. What is wrong with it goes
 * to `complain`.
 */
export function readDatabase(
  path: string,
  destination: string,
  complain: (problem: string) => void,
): DatabaseState | null {
  const copy = `${path}.look`;
  copyDatabase(path, copy);
  try {
    using database = openDatabase(copy);
    const sound = database.prepare("PRAGMA integrity_check").get()!.integrity_check;
    if (sound !== "ok") complain(`the database is damaged: ${sound}`);
    const view = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'files'").get();
    return view === undefined ? null : stateOf(database, destination);
  } catch (error) {
    complain(`the database cannot be read: ${(error as Error).message}`);
    return null;
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) ignoreMissing(() => Deno.removeSync(copy + suffix));
  }
}

function openDatabase(path: string): DatabaseSync & Disposable {
  const database = new DatabaseSync(path);
  return Object.assign(database, { [Symbol.dispose]: () => database.close() });
}

function stateOf(database: DatabaseSync, destination: string): DatabaseState {
  const one = (sql: string) => database.prepare(sql).get();
  const rows = database.prepare(
    "SELECT dest_path, size, modified_at, hash, hash_algorithm FROM files WHERE status = 'synced'",
  );
  rows.setReadBigInts(true);
  const prefix = asBytes(destination).length + 1;
  const synced = rows.all().map((row) => ({
    path: unescapePath(String(row.dest_path)).slice(prefix),
    size: Number(row.size),
    mtime: row.modified_at as bigint,
    hash: row.hash as string | null,
    algorithm: row.hash_algorithm as string | null,
  }));
  const inFlight = new Set(
    // a run that was killed soon after it had cleared away has not begun there again
    database.prepare(`SELECT path FROM directory
      WHERE in_flight = 1 OR id IN (SELECT directory FROM unrecorded)`).all()
      .map(({ path }) =>
        typeof path === "string"
          ? asBytes(path)
          : Buffer.from(path as unknown as Uint8Array).toString("latin1")
      ),
  );
  // before the first scan there is no root to say it of: that scan lists it, and clears what it finds
  if (one("SELECT 1 FROM directory WHERE path = ''") === undefined) inFlight.add("");
  const pending = Number(one("SELECT count(*) AS n FROM file WHERE status = 0")!.n);
  const run = one("SELECT ended_at FROM run ORDER BY id DESC LIMIT 1");
  const scan = one("SELECT finished_at FROM scan ORDER BY id DESC LIMIT 1");
  const extras = Number(one("SELECT count(*) AS n FROM extra")!.n);
  const phase = run === undefined || scan === undefined
    ? "before the scan"
    : run.ended_at !== null
    ? "between runs"
    : scan.finished_at === null
    ? "scan"
    : pending > 0
    ? "transfer"
    : extras > 0
    ? "delete"
    : "end";
  return { synced, inFlight, pending, phase };
}

/** A record of the audit log. */
export type LogRecord = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly seq: number;
};

/**
 * The whole lines of a log. A line that is not JSON, a number that is missing, and (unless `torn`)
 * a last line without an end go to `complain`.
 */
export function readLog(
  path: string,
  { torn, complain }: { torn: boolean; complain: (problem: string) => void },
): LogRecord[] {
  let text = "";
  ignoreMissing(() => text = Deno.readTextFileSync(path));
  const lines = text.split("\n");
  if (lines.pop() !== "" && !torn) complain("the last line of the log does not end");
  const records: LogRecord[] = [];
  for (const [i, line] of lines.entries()) {
    try {
      const record = JSON.parse(line) as LogRecord;
      if (record.seq !== i + 1) complain(`line ${i + 1} of the log has seq ${record.seq}`);
      records.push(record);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      complain(`line ${i + 1} of the log is not JSON: ${line.slice(0, 80)}`);
    }
  }
  return records;
}

/** The path that a record is about, relative to the destination. */
export function pathOf(record: LogRecord, destination: string): string {
  return unescapePath(String(record.destination)).slice(asBytes(destination).length + 1);
}

/** Complains about runs without a start, with two ends, or out of order. */
export function checkRuns(
  records: readonly LogRecord[],
  complain: (problem: string) => void,
): void {
  let run: unknown = null, open = false;
  for (const { type, seq, run: of } of records) {
    if (type === "start") {
      if (of === run) complain(`run ${of} has two start records (seq ${seq})`);
      [run, open] = [of, true];
    } else if (type === "end") {
      if (of !== run || !open) complain(`an end record without a start: run ${of} (seq ${seq})`);
      open = false;
    } else if (type === "operation" && (of !== run || !open)) {
      // what a killed run still had to tell is completed before the next start, under its own run
      complain(`an operation outside of its run: run ${of} (seq ${seq})`);
    }
  }
}

/**
 * Complains about a hash on record that is not the last one in the log, and about a version of a
 * file that has two records although it was not deleted in between.
 */
export function checkCopies(
  records: readonly LogRecord[],
  { onRecord, destination, complain }: {
    /** By path. */
    readonly onRecord: ReadonlyMap<string, string | null>;
    readonly destination: string;
    readonly complain: (problem: string) => void;
  },
): void {
  const versions = new Map<string, Set<string>>(), hashes = new Map<string, unknown>();
  for (const record of records) {
    const copied = record.action === "copy" || record.action === "overwrite";
    if (record.status !== "success" || record.kind !== "file") continue;
    const path = pathOf(record, destination);
    // a directory may be away when a run looks, and back when the next one does
    if (record.action === "delete") versions.delete(path);
    if (!copied) continue;
    const version = [record.mtime, record.ctime, record.size].join("\n");
    const known = versions.get(path) ?? new Set();
    if (known.has(version)) complain(`two records of one copy: ${show(path)} ${version}`);
    versions.set(path, known.add(version));
    hashes.set(path, record.checksum);
  }
  for (const [path, hash] of onRecord) {
    if (hash !== null && hashes.get(path) !== hash) {
      complain(`on record with a hash that the log does not have: ${show(path)}`);
    }
  }
}

/** The bytes of a path that is shown as it is or as `$'...'`. */
function unescapePath(shown: string): string {
  if (!shown.startsWith("$'")) return asBytes(shown);
  const pattern = /\\x([0-9a-f]{1,2})|\\u([0-9a-f]{4})|\\n|\\t|\\(.)|([^\\]+)/gsu;
  let bytes = "";
  for (const [whole, byte, code, other, plain] of shown.slice(2, -1).matchAll(pattern)) {
    if (byte !== undefined) bytes += String.fromCharCode(parseInt(byte, 16));
    else if (code !== undefined) bytes += asBytes(String.fromCharCode(parseInt(code, 16)));
    else if (whole === "\\n") bytes += "\n";
    else if (whole === "\\t") bytes += "\t";
    else bytes += asBytes(other ?? plain!);
  }
  return bytes;
}

function asBytes(text: string): string {
  return Buffer.from(text, "utf-8").toString("latin1");
}

/** Complains about every synced row whose file is not there, short, old, or of other content. */
export function checkSynced(
  rows: readonly SyncedRow[],
  { tree, hashes }: {
    tree: ReadonlyMap<string, { kind: string; size: number; mtime: bigint }>;
    hashes: ReadonlyMap<string, string>;
  },
  complain: (problem: string) => void,
): void {
  for (const { path, size, mtime, hash, algorithm } of rows) {
    const found = tree.get(path);
    const say = (what: string) => complain(`synced, and ${what}: ${show(path)}`);
    if (found === undefined || found.kind !== "f") say("not there");
    else if (found.size !== size) say(`${found.size} bytes instead of ${size}`);
    else if (found.mtime !== mtime) say(`time ${found.mtime} instead of ${mtime}`);
    else if (hash !== null && algorithm === "sha256" && hash !== hashes.get(path)) {
      say("with another hash");
    }
  }
}
