/** The last scan on record: when it was, and of which roots. */
import type { DatabaseSync } from "node:sqlite";
import type { RecordedIdentity } from "../backend/identity.ts";
import type { Side } from "../event.ts";

/** A scan: its number, when it began (ms since the epoch), and whether it is complete. */
export interface LastScan {
  readonly id: number;
  readonly startedAt: number;
  readonly finished: boolean;
  /** What the roots were then. */
  readonly roots: Readonly<Record<Side, RecordedIdentity>>;
}

/** The last scan that was begun, in a database that may be older than the tables about it. */
export function readLastScan(database: DatabaseSync): LastScan | undefined {
  const { tables } = database.prepare(
    "SELECT count(*) AS tables FROM sqlite_schema WHERE name IN ('scan', 'scan_root')",
  ).get() as { tables: number };
  if (tables < 2) return undefined;
  const row = database.prepare(`
    SELECT id, started_at, finished_at, source_root, destination_root
    FROM scan ORDER BY id DESC LIMIT 1`).get();
  if (row === undefined) return undefined;
  const id = Number(row.id);
  return {
    id,
    startedAt: Number(row.started_at),
    finished: row.finished_at !== null,
    roots: {
      source: rootOf(database, { scan: id, side: "source", inode: row.source_root }),
      destination: rootOf(database, { scan: id, side: "destination", inode: row.destination_root }),
    },
  };
}

function rootOf(
  database: DatabaseSync,
  { scan, side, inode }: { readonly scan: number; readonly side: Side; readonly inode: unknown },
): RecordedIdentity {
  const row = database.prepare(
    "SELECT type, fsid, mounted FROM scan_root WHERE scan = ? AND side = ?",
  ).get(scan, side);
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  return {
    inode: BigInt(String(inode)),
    type: text(row?.type),
    fsid: text(row?.fsid),
    source: text(row?.mounted),
  };
}
