/** Snapshots and events for the tests of the reporters. */

import type { ActiveFile, RunEvent, Snapshot, Summary } from "../../src/event.ts";

const KIB = 2 ** 10, MIB = 2 ** 20, GIB = 2 ** 30, TIB = 2 ** 40;

/** Whole bytes of a number of units. */
function bytes(count: number, unit: number): number {
  return Math.round(count * unit);
}

export const START: Extract<RunEvent, { type: "start" }> = {
  type: "start",
  source: "/mnt/old/projects",
  destination: "/mnt/new/projects",
  version: "0.1.0",
  database: "/var/lib/sluice/projects.db",
  log: "/var/lib/sluice/projects.log",
  dryRun: false,
  resumed: null,
};

export const RESUMED = {
  files: 1204,
  bytes: bytes(3.1, GIB),
  since: new Date(2026, 10, 20, 14, 2).getTime(),
};

const NOTHING = { files: 0, bytes: 0 };

export const EMPTY: Snapshot = {
  phase: "starting",
  elapsed: 0,
  source: { directories: 0, files: 0, bytes: 0, errors: 0, done: false },
  destination: { directories: 0, files: 0, bytes: 0, errors: 0, done: false },
  pending: NOTHING,
  copied: NOTHING,
  copiedEver: NOTHING,
  backlog: NOTHING,
  rate: 0,
  fileRate: 0,
  limit: null,
  limits: { read: null, write: null },
  secondsLeftByBytes: null,
  secondsLeftByFiles: null,
  active: [],
  failed: 0,
  skipped: 0,
  deleted: 0,
  linked: 0,
  refused: 0,
  notice: null,
  paused: null,
  unanswered: [],
  givesWay: null,
  gaveWay: null,
};

/** Where a run with `--adaptive` gives way. */
export const GIVES_WAY: Pick<Snapshot, "givesWay" | "gaveWay"> = {
  givesWay: [
    { side: "source", what: "names", latency: 6.04, quiet: 0.81, width: 0.125 },
    { side: "destination", what: "data", latency: 141.3, quiet: 43.6, width: 3.4 },
  ],
  gaveWay: 754_321,
};

export const SCAN: Snapshot = {
  ...EMPTY,
  phase: "scan",
  elapsed: 754_321,
  source: {
    directories: 1_204_567,
    files: 32_345_678,
    bytes: bytes(63.1, TIB),
    errors: 0,
    done: true,
  },
  destination: { directories: 987, files: 98_001, bytes: bytes(2.9, TIB), errors: 3, done: false },
  pending: { files: 22_456_000, bytes: bytes(41.3, TIB) },
};

/** A file on its way, `done` of `size` bytes. */
function activeFile(path: string, size: number, done: number, rate: number): ActiveFile {
  return { path, size, done, rate, secondsLeft: (size - done) / rate };
}

export const ACTIVE: readonly ActiveFile[] = [
  activeFile(
    "render/shots/sc042/comp/v017/beauty.0001.exr",
    12 * GIB,
    bytes(7.1, GIB),
    bytes(8.1, MIB),
  ),
  activeFile(
    "archive/写真/二〇一九年の夏休み/家族旅行/海辺の夕焼け📷.tif",
    740 * MIB,
    74 * MIB,
    bytes(12.1, MIB),
  ),
  activeFile(
    "home/anna/Documents/Correspondence/2019/Insurance/Claims and replies/Letter to the insurance company about the flood (final, signed).pdf",
    bytes(31.2, MIB),
    31 * MIB,
    bytes(3.2, MIB),
  ),
  { path: "bad\udcff/name\n.bin", size: 4 * KIB, done: 0, rate: null, secondsLeft: null },
  activeFile("Música/Canc\u0327o\u0303es/01 A\u0301gua.flac", 48 * MIB, 20 * MIB, bytes(1.5, MIB)),
  activeFile("db/dump.sql.zst", bytes(2.2, TIB), bytes(0.4, TIB), 20 * MIB),
  activeFile("a", 1, 0, 1),
  activeFile("b", 1, 0, 1),
];

export const TRANSFER: Snapshot = {
  ...SCAN,
  phase: "transfer",
  elapsed: 93_784_000,
  destination: { ...SCAN.destination, done: true },
  pending: { files: 10_111_000, bytes: bytes(17.2, TIB) },
  copied: { files: 12_345_000, bytes: bytes(24.1, TIB) },
  copiedEver: { files: 15_900_123, bytes: bytes(31.7, TIB) },
  backlog: { files: 22_456_000, bytes: bytes(41.3, TIB) },
  rate: bytes(187.4, MIB),
  fileRate: 132.6,
  limit: 200 * MIB,
  limits: { read: 200 * MIB, write: 200 * MIB },
  secondsLeftByBytes: 96_234,
  secondsLeftByFiles: 76_251,
  active: ACTIVE,
  failed: 7,
  skipped: 2,
};

export const SUMMARY: Summary = {
  ...TRANSFER,
  phase: "finished",
  active: [],
  copied: { files: 22_455_993, bytes: bytes(41.2, TIB) },
  copiedEver: { files: 26_011_116, bytes: bytes(48.8, TIB) },
  pending: { files: 7, bytes: 31 * GIB },
  elapsed: 211_784_000,
  outcome: "failures",
  reason: null,
  exitCode: 1,
  failures: [
    { path: "home/bert/.ssh/id_rsa", message: "EACCES: permission denied" },
    { path: "bad\udcff/name\n.bin", message: "EIO: input/output\nerror" },
  ],
};
