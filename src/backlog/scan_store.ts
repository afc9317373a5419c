/**
 * The scan's part of the database: which directories are still to be listed, what the walkers
 * found, and, as soon as both sides of a directory are known, what is pending in it.
 *
 * Every method that writes must be called inside a transaction, see `sqlite.ts`.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { join } from "../entry.ts";
import { type Side, SIDES } from "../event.ts";
import {
  countListing,
  FINGERPRINT,
  hasLinked,
  KINDS,
  type ListedEntry,
  type ListingCounts,
  ListingCursor,
  unpackListing,
} from "../listing.ts";
import { REASONS } from "../operation.ts";
import type { DirectoryToList, FailedListing, ListedChunk } from "./backlog.ts";
import { atRest, type DecideOptions, DecideStore, isAlone, isKnown } from "./decide_store.ts";
import type { Respelled } from "./merge_store.ts";
import { MissedStore } from "./missed_store.ts";
import { LinkStore } from "./link_store.ts";
import { ListedDirectories } from "./listed_directories.ts";
import { ManyRows } from "./many_rows.ts";
import type { PartStore } from "./part_store.ts";
import { UPDATE_DIRECTORY } from "./pending_count.ts";
import { ArrayRows, LimitedRows } from "./rows.ts";
import { STATE, STATUS, UNSETTLED } from "./codes.ts";
import { escapedOf, fromSql, toSql } from "./values.ts";

const SPECIAL = KINDS.indexOf("special");
const NEW = REASONS.indexOf("not at the destination");
const CHANGED = REASONS.indexOf("changed at the source since it was synced");
const IS_SPECIAL = REASONS.indexOf("a special file: not a file, link or directory");

/** A fingerprint as text; "" for none. */
const HEX = (column: string) => `lower(hex(${column}))`;

/** Writes what the walkers find, for the scan with number `scan`. */
export class ScanStore {
  readonly scan: number;
  readonly #decide: DecideStore;
  readonly #links: LinkStore;
  readonly #parts: PartStore;
  readonly #files: ManyRows;
  /** Of files that are written together: an array for all, as there are very many. */
  readonly #values: SQLInputValue[];
  readonly #directories: Record<Side, ListedDirectories>;
  readonly #queued: Record<Side, LimitedRows>;
  readonly #setState: Record<Side, StatementSync>;
  readonly #count: Record<Side, StatementSync>;
  readonly #before: Record<Side, ArrayRows>;
  readonly #inSync: StatementSync;
  readonly #allNew: StatementSync;
  readonly #forgetPrints: StatementSync;
  readonly #listedSource: StatementSync;
  readonly #listedDestination: StatementSync;
  readonly #unseen: StatementSync;
  readonly #dropVanished: StatementSync;
  readonly #putChunk: StatementSync;
  readonly #dropChunks: StatementSync;
  readonly #missed: MissedStore;
  readonly #content = new Fingerprint();
  readonly #complete = new Fingerprint();
  /** Counts of directories of which some chunks have come: a later run lists them from the start. */
  readonly #partial: Record<Side, Map<number, Counts>> = {
    source: new Map(),
    destination: new Map(),
  };

  constructor(database: DatabaseSync, scan: number, options: DecideOptions) {
    this.scan = scan;
    this.#parts = options.parts;
    this.#decide = new DecideStore(database, scan, options);
    this.#links = new LinkStore(database);
    const both = (make: (side: Side) => string): Record<Side, StatementSync> => ({
      source: database.prepare(make("source")),
      destination: database.prepare(make("destination")),
    });
    const changed = "(file.size <> excluded.size OR file.mtime <> excluded.mtime OR " +
      "file.kind <> excluded.kind OR file.target IS NOT excluded.target)";
    this.#files = new ManyRows(database, 15, (rows) => `
      INSERT INTO file (directory, name, kind, status, reason, scan, size, mtime, ctime, birthtime,
        mode, uid, gid, target, escaped)
      VALUES ${rows}
      ON CONFLICT (directory, name) DO UPDATE SET
        status = iif(${changed}, excluded.status, file.status),
        reason = iif(${changed}, iif(file.status = ${STATUS.synced}, ${CHANGED}, excluded.reason),
          file.reason),
        hash = iif(${changed}, NULL, file.hash),
        hash_algorithm = iif(${changed}, NULL, file.hash_algorithm),
        attempts = iif(${changed}, 0, file.attempts),
        error = iif(${changed}, NULL, file.error),
        kind = excluded.kind, size = excluded.size, mtime = excluded.mtime, ctime = excluded.ctime,
        birthtime = excluded.birthtime, mode = excluded.mode, uid = excluded.uid,
        gid = excluded.gid, target = excluded.target, scan = excluded.scan`);
    this.#values = Array(this.#files.most).fill(null);
    const directories = (side: Side) => new ListedDirectories(database, scan, side);
    this.#directories = { source: directories("source"), destination: directories("destination") };
    const queued = (side: Side) =>
      new LimitedRows(
        database,
        `SELECT id, path, source_complete IS NOT NULL FROM directory
        WHERE ${side}_state = ${STATE.queued} AND id > ? ORDER BY id`,
      );
    this.#queued = { source: queued("source"), destination: queued("destination") };
    this.#setState = {
      source: database.prepare(`
        ${UPDATE_DIRECTORY} source_state = ?1, source_scan = ${scan}, source_error = ?2,
        source_listed_at = ?4 WHERE id = ?3`),
      destination: database.prepare(`
        ${UPDATE_DIRECTORY} destination_state = ?1, destination_scan = ${scan},
        destination_error = ?2 WHERE id = ?3`),
    };
    this.#count = both((side) =>
      `UPDATE scan SET ${side}_directories = ${side}_directories + ?,
       ${side}_files = ${side}_files + ?, ${side}_bytes = ${side}_bytes + ?,
       ${side}_errors = ${side}_errors + ? WHERE id = ${scan}`
    );
    // most directories have little of what is asked for, which spares the statements about it
    this.#before = {
      source: new ArrayRows(database.prepare(`
        SELECT ${HEX("source_complete")}, destination_scan = ${scan} AND ${isKnown("destination")},
          EXISTS (SELECT 1 FROM file WHERE directory = ?1),
          EXISTS (SELECT 1 FROM hard_link WHERE directory = ?1),
          ${isAlone(scan)}
        FROM directory WHERE id = ?1`)),
      destination: new ArrayRows(database.prepare(`
        SELECT iif(source_scan = ${scan} AND source_state = ${STATE.listed},
            ${HEX("source_content")}, ''),
          source_scan = ${scan} AND ${isKnown("source")},
          EXISTS (SELECT 1 FROM listing WHERE directory = ?1),
          EXISTS (SELECT 1 FROM hard_link_there WHERE directory = ?1),
          ${atRest(scan)}
        FROM directory WHERE id = ?1`)),
    };
    this.#inSync = database.prepare(`
      ${UPDATE_DIRECTORY} destination_state = ${STATE.listed}, destination_scan = ${scan},
      destination_error = NULL, destination_content = ?1, decided_scan = ${scan} WHERE id = ?2`);
    this.#allNew = database.prepare(`
      ${UPDATE_DIRECTORY} source_state = ${STATE.listed}, source_scan = ${scan}, source_error = NULL,
      source_listed_at = ?1, source_content = ?2, source_complete = ?3,
      decided_scan = ${scan}, unsettled = ${UNSETTLED.pending}, pending_files = ?4,
      pending_bytes = ?5 WHERE id = ?6`);
    this.#forgetPrints = database.prepare(`
      UPDATE directory SET source_content = NULL, source_complete = NULL,
      unsettled = ${UNSETTLED.unknown} WHERE id = ?`);
    this.#listedSource = database.prepare(`
      ${UPDATE_DIRECTORY} source_state = ${STATE.listed}, source_scan = ${scan},
      source_error = ?1, source_listed_at = ?2, source_content = ?3,
      source_complete = ?4, unsettled = ${UNSETTLED.unknown} WHERE id = ?5`);
    this.#listedDestination = database.prepare(`
      ${UPDATE_DIRECTORY} destination_state = ${STATE.listed}, destination_scan = ${scan},
      destination_error = ?1, destination_content = ?2 WHERE id = ?3`);
    this.#unseen = database.prepare(
      `UPDATE file SET scan = 0 WHERE directory = ? AND scan = ${scan}`,
    );
    this.#dropVanished = database.prepare(
      `DELETE FROM file WHERE directory = ? AND scan <> ${scan}`,
    );
    this.#putChunk = database.prepare("INSERT OR REPLACE INTO listing VALUES (?, ?, ?)");
    this.#dropChunks = database.prepare("DELETE FROM listing WHERE directory = ?");
    this.#missed = new MissedStore(database, scan);
  }

  /** Names that were found spelled otherwise at the destination. */
  get respelled(): Respelled {
    return this.#decide.respelled;
  }

  /** Queues both roots: the first write of a new scan. `mtimes` are those of the roots. */
  begin(mtimes: Readonly<Record<Side, bigint>>): void {
    for (const side of SIDES) this.#directories[side].root(mtimes[side]);
  }

  /** The walkers begin, or begin again after a pause; `early`: what is decided is carried meanwhile. */
  go({ early }: { early: boolean }): void {
    this.#parts.begin(this.scan, { early });
  }

  /** Up to `limit` directories of a side that are still to be listed, with numbers above `after`. */
  queued(side: Side, after: number, limit: number): DirectoryToList[] {
    const rows = this.#queued[side].all(limit, after) as [number, string | Uint8Array, 0 | 1][];
    return rows.map(([id, path, known]) => ({ id, path: fromSql(path), known: known === 1 }));
  }

  /**
   * Stores what a walker brought: chunks of listings, and directories whose listing could not be
   * completed. Returns the directories that became decided, or of which there is more to carry; not
   * those that are in sync as they were before.
   */
  put(side: Side, listed: readonly (ListedChunk | FailedListing)[]): number[] {
    const sum: Counts = { directories: 0, files: 0, bytes: 0, errors: 0 };
    const decided = listed.flatMap((one) => {
      if ("error" in one) return this.#fail(side, one, sum);
      return side === "source" ? this.#putSource(one, sum) : this.#putDestination(one, sum);
    });
    this.#count[side].run(sum.directories, sum.files, sum.bytes, sum.errors);
    return decided;
  }

  #fail(side: Side, { id, error }: FailedListing, sum: Counts): number[] {
    this.#partial[side].delete(id);
    const at = side === "source" ? [Date.now()] : [];
    this.#setState[side].run(STATE.failed, error.message, id, ...at);
    sum.errors += 1;
    return this.#decide.ready(id);
  }

  /** What directories have brought that are not listed to their end yet. */
  partial(side: Side): Counts {
    const sum = { directories: 0, files: 0, bytes: 0, errors: 0 };
    for (const counts of this.#partial[side].values()) add(sum, counts);
    return sum;
  }

  /** Counts a chunk: in `sum` when its directory is complete. */
  #tally(side: Side, chunk: ListedChunk, listed: ListingCounts, sum: Counts): void {
    const { id, path, index, last, problems } = chunk;
    const counts: Counts = { ...listed, errors: problems.length };
    // the root is in no listing
    if (path === "" && index === 0) counts.directories += 1;
    const before = index === 0 ? undefined : this.#partial[side].get(id);
    if (before !== undefined) add(counts, before);
    if (!last) {
      this.#partial[side].set(id, counts);
      return;
    }
    this.#partial[side].delete(id);
    add(sum, counts);
  }

  #putSource(chunk: ListedChunk, sum: Counts): number[] {
    const { id, path, index, last, data, fingerprints, problems } = chunk;
    const [known, isOtherKnown, hadFiles, hadLinks, hadNoOther] = this.#before.source.get(id)!;
    const unchanged = problems.length === 0 && known !== "" && known === fingerprints?.complete;
    // a part of it may have come before this scan was interrupted, with what is gone since
    if (index === 0 && known === "" && hadFiles === 1) this.#unseen.run(id);
    if (index === 0 && !last) this.#parts.first(id);
    const inParts = this.#parts.isGrowing(id);
    const pending = { names: [] as (string | Uint8Array)[], files: 0, bytes: 0 };
    let filled = 0;
    const counts = countListing(data);
    const directories: ListedEntry[] = [];
    const entry = new ListingCursor(data);
    for (let i = 0; i < counts.directories && entry.next(); i++) directories.push(entry.entry());
    // of what is unchanged, nothing else needs to be unpacked
    while (!unchanged && entry.next()) {
      filled = this.#putFile(filled, id, path, entry);
      if (filled === this.#values.length) {
        this.#files.write(this.#values);
        filled = 0;
      }
      if (entry.kind === "special") continue;
      if (inParts) pending.names.push(toSql(entry.name));
      pending.files += 1;
      pending.bytes += entry.size;
    }
    this.#files.write(this.#values.slice(0, filled));
    this.#directories.source.put(chunk, directories);
    if (inParts) {
      for (const { name } of directories) this.#parts.leaveOut(toSql(join(path, name)));
    }
    if (!unchanged && index === 0 && hadLinks === 1) this.#links.clear("source", id);
    if (!unchanged) this.#putLinks("source", id, data);
    this.#tally("source", chunk, counts, sum);
    // should the run end before the last chunk, what is on record is no longer what was listed
    if (!last && index === 0) this.#forgetPrints.run(id);
    const isNews = this.#parts.add(id, pending);
    if (!last) return isNews ? [id] : [];
    if (path !== "" && index === 0 && problems.length === 0 && isEmpty(counts)) {
      this.#missed.listedEmpty(id);
    }
    // a name that could not be looked at may still be there: its row stays
    if (!unchanged && problems.length === 0 && hadFiles === 1) this.#dropVanished.run(id);
    const now = Date.now();
    const isNew = hadFiles === 0;
    if (
      hadNoOther === 1 && isNew && index === 0 && counts.directories === 0 &&
      problems.length === 0 && !unchanged && this.#decide.canRelyOn(id)
    ) {
      // by far the most of what is new, and all that deciding it comes to
      const { content = null, complete = null } = fingerprints ?? {};
      this.#allNew.run(
        now,
        this.#content.of(content),
        this.#complete.of(complete),
        pending.files,
        pending.bytes,
        id,
      );
      return [id];
    }
    if (unchanged) this.#setState.source.run(STATE.listed, null, id, now);
    else {
      const [first] = problems;
      const { content = null, complete = null } = first === undefined ? fingerprints ?? {} : {};
      this.#listedSource.run(
        first?.message ?? null,
        now,
        this.#content.of(content),
        this.#complete.of(complete),
        id,
      );
    }
    if (isOtherKnown !== 1) return [];
    return this.#decide.ready(id, { isNew });
  }

  #putDestination(chunk: ListedChunk, sum: Counts): number[] {
    const { id, index, last, data, fingerprints, problems } = chunk;
    const [known, isOtherKnown, hasChunks, hasLinks, isAtRest] = this.#before.destination.get(id)!;
    if (index === 0 && hasChunks !== 0) this.#dropChunks.run(id);
    const counts = countListing(data);
    this.#directories.destination.put(chunk, [...unpackListing(data, counts.directories)]);
    if (index === 0 && hasLinks !== 0) this.#links.clear("destination", id);
    this.#putLinks("destination", id, data);
    this.#tally("destination", chunk, counts, sum);
    const content = last && index === 0 ? fingerprints?.content ?? null : null;
    const isSame = content !== null && known === content && this.#decide.canRelyOn(id);
    if (isSame && isAtRest === 1 && counts.directories === 0 && problems.length === 0) {
      // by far the most of what is scanned again, and all that deciding it comes to
      this.#inSync.run(this.#content.of(content), id);
      return [];
    }
    if (!isEmpty(counts) && !isSame) this.#putChunk.run(id, index, data);
    if (!last) return [];
    const print = this.#content.of(fingerprints?.content ?? null);
    this.#listedDestination.run(problems[0]?.message ?? null, print, id);
    return isOtherKnown === 1 ? this.#decide.ready(id) : [];
  }

  /** Files with several names are few: most listings are only asked whether they have any. */
  #putLinks(side: Side, id: number, data: Uint8Array): void {
    if (!hasLinked(data)) return;
    for (const entry of unpackListing(data)) {
      if (entry.kind === "file" && entry.links > 1) this.#links.put(side, id, entry);
    }
  }

  /** Adds a file to those that are written together; returns how many values they have then. */
  #putFile(at: number, directory: number, path: string, entry: ListedEntry): number {
    const kind = KINDS.indexOf(entry.kind), { name, target } = entry, values = this.#values;
    const special = kind === SPECIAL;
    const isText = path.isWellFormed() && name.isWellFormed();
    values[at++] = directory;
    values[at++] = toSql(name);
    values[at++] = kind;
    values[at++] = special ? STATUS.skipped : STATUS.pending;
    values[at++] = special ? IS_SPECIAL : NEW;
    values[at++] = this.scan;
    values[at++] = entry.size;
    values[at++] = entry.mtime;
    values[at++] = entry.ctime;
    values[at++] = entry.birthtime;
    values[at++] = entry.mode;
    values[at++] = entry.uid;
    values[at++] = entry.gid;
    values[at++] = target === "" ? null : toSql(target);
    values[at++] = isText ? null : escapedOf(join(path, name));
    return at;
  }
}

/** A fingerprint on its way into the database: always in the same bytes, which are copied there. */
class Fingerprint {
  readonly #bytes = new Uint8Array(FINGERPRINT);

  /** The bytes that hexadecimal digits stand for, until it is asked for others. */
  of(digits: string | null): Uint8Array | null {
    if (digits !== null) this.#bytes.setFromHex(digits);
    return digits === null ? null : this.#bytes;
  }
}

interface Counts {
  directories: number;
  files: number;
  bytes: number;
  errors: number;
}

function add(sum: Counts, counts: Counts): void {
  sum.directories += counts.directories;
  sum.files += counts.files;
  sum.bytes += counts.bytes;
  sum.errors += counts.errors;
}

function isEmpty({ files, directories }: ListingCounts): boolean {
  return files + directories === 0;
}
