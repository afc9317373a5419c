/** `sluice doctor SOURCE DESTINATION`: what the destination keeps, and what of the source will not fit. */
import { openBackend } from "../backend/open.ts";
import type { Backend } from "../backend/backend.ts";
import { withProbeDirectory } from "../backend/probe_names.ts";
import { temporaryNames } from "../backend/temporary.ts";
import { RecordedTree } from "../backlog/recorded_tree.ts";
import { found, type Problem, type ProblemKind, PROBLEMS } from "../doctor/fit.ts";
import { findingsOf } from "../doctor/findings.ts";
import { type Mount, type Room, roomAt, tryMount } from "../doctor/mount.ts";
import { type Place, type Tried, tryPlace } from "../doctor/place.ts";
import { type SourceCounts, surveySource } from "../doctor/survey.ts";
import { SyncError } from "../errors.ts";
import { abortable } from "../lib/abortable.ts";
import { formatMinute, formatSize } from "../lib/units.ts";
import { oneLine, showPath, showText } from "../name.ts";
import { amountText, findingLines, problemLines } from "../report/doctor_report.ts";
import { resolveRoots } from "../roots.ts";
import { identifySelf } from "../self.ts";
import { absolute } from "../working_directory.ts";
import type { CommandContext, Subcommand } from "./command.ts";

/** Problems of each kind that are named unless all are asked for. */
const FIRST = 10;

/** What `doctor` may be told. */
export interface DoctorOptions {
  readonly source: string;
  readonly destination: string;
  /** A database with a complete scan to take the names from; null (default): the source itself. */
  readonly db: string | null;
  /** Name every problem. Default false: the first ten of each kind. */
  readonly all: boolean;
  /** JSON lines instead of a table. Default false. */
  readonly json: boolean;
}

/** The command. */
export const doctor: Subcommand = {
  name: "doctor",
  words: ["SOURCE", "DESTINATION"],
  description: "Tries out what the destination keeps, and names what of the source will not fit.",
  options: (command) =>
    command
      .option("--db <path>", "take the names from its last complete scan, not from the source")
      .option("--all", `name every problem, not the first ${FIRST} of each kind`)
      .option("--json", "JSON lines: one place, problems, one summary"),
  more:
    `Everything is tried in a directory of its own in DESTINATION, which is removed again. Nothing
is copied, and nothing else is changed.

Exit codes: 0 nothing is in the way, 1 something is, 2 wrong usage, 3 a root cannot be used.`,
  parse([source, destination], { db, all, json }) {
    const options: DoctorOptions = {
      source: source!,
      destination: destination!,
      db: typeof db === "string" ? db : null,
      all: all === true,
      json: json === true,
    };
    return (context) => examine(options, context);
  },
};

/** Tries out the destination, looks at the source, prints both. Resolves with the exit code. */
async function examine(options: DoctorOptions, context: CommandContext): Promise<number> {
  const { base, signal, stderr } = context;
  const tell = (sentence: string) => void stderr.write(`sluice: ${showText(sentence)}\n`);
  const roots = await abortable(() => resolveRoots(options, base, { tell }), signal);
  using tree = options.db === null ? null : RecordedTree.open(absolute(options.db, base), roots);
  const temporaryName = temporaryNames((await identifySelf()).token, 0);
  await using source = await openBackend(roots.source, { temporaryName, signal });
  await using destination = await openBackend(roots.destination, { temporaryName, signal });
  const report = new Report(options, context);
  const stays = ({ message }: SyncError) =>
    tell(`a temporary stays in the destination: ${message}`);
  const empty = await isEmpty(destination, signal);
  const { place, mount } = await tryAll(destination, { name: temporaryName(), stays, signal });
  const room = roomAt(roots.destination);
  report.place(roots.destination, place, mount, room);
  const counts = await surveySource(tree ?? source, place, {
    signal,
    problem: (problem) => report.problem(problem),
    progress: (counts) => report.progress(counts),
  });
  return report.end({ counts, room, empty, tree });
}

/** Whether the destination has nothing yet, so that all of the source must find room. */
async function isEmpty(destination: Backend, signal: AbortSignal): Promise<boolean> {
  for await (const { entries } of destination.list("", { signal })) {
    // every ext4 file system begins with it
    if (entries.some(({ name }) => name !== "lost+found")) return false;
  }
  return true;
}

async function tryAll(
  destination: Backend,
  options: { name: string; stays: (error: SyncError) => void; signal: AbortSignal },
): Promise<{ place: Place; mount: Mount | null }> {
  try {
    return await withProbeDirectory(destination, options, async (directory) => ({
      place: await tryPlace(destination, directory, options),
      mount: tryMount(`${destination.root === "/" ? "" : destination.root}/${directory}`),
    }));
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const unknown = { unknown: `could not be tried: ${error.message}` };
    return {
      place: {
        kind: destination.capabilities.kind,
        rules: unknown,
        casePreserved: unknown,
        form: unknown,
        names: unknown,
        nameLimit: unknown,
        pathLimit: unknown,
        times: unknown,
        symbolicLinks: unknown,
        hardLinks: unknown,
        renameOver: unknown,
        fsync: unknown,
      },
      mount: null,
    };
  }
}

/** What stands at the end. */
interface Ending {
  readonly counts: SourceCounts;
  readonly room: Tried<Room>;
  readonly empty: boolean;
  readonly tree: RecordedTree | null;
}

/** Prints as it goes; keeps the first few problems of each kind, never all of them. */
class Report {
  readonly #options: DoctorOptions;
  readonly #context: CommandContext;
  readonly #counts = new Map<ProblemKind, number>();
  readonly #kept = new Map<ProblemKind, { path: string; why: string }[]>();
  #cannotWrite = false;
  #drawn = 0;

  constructor(options: DoctorOptions, context: CommandContext) {
    this.#options = options;
    this.#context = context;
  }

  place(root: string, place: Place, mount: Mount | null, room: Tried<Room>): void {
    // what could not even be tried (read-only, forbidden) will not work in a run either
    this.#cannotWrite = found(place.renameOver) !== true || found(place.fsync) !== true;
    if (this.#options.json) {
      const names = found(place.names);
      return this.#json({
        type: "place",
        destination: showPath(root, true),
        ...place,
        names: names === undefined ? place.names : {
          found: Object.fromEntries([...names].map(([name, fate]) => [showPath(name), fate])),
        },
        ...mount,
        room,
      });
    }
    const findings = findingsOf(place, mount, room);
    this.#lines([
      `${showPath(root)} (${place.kind}):`,
      ...findingLines(findings),
      "",
    ]);
  }

  problem({ kind, path, why }: Problem): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const named = this.#options.all || count <= FIRST;
    if (!named) return;
    if (this.#options.json) {
      this.#json({ type: "problem", kind, path: showPath(path, true), why });
    } else if (this.#options.all) {
      this.#clear();
      this.#lines([`${showPath(path)}: ${oneLine(why)}`]);
    } else {
      const kept = this.#kept.get(kind) ?? [];
      kept.push({ path: showPath(path), why });
      this.#kept.set(kind, kept);
    }
  }

  progress({ directories, files, bytes }: SourceCounts): void {
    const { stderr } = this.#context;
    const now = performance.now();
    if (!stderr.terminal || now - this.#drawn < 500) return;
    this.#drawn = now;
    stderr.write(
      `\r\x1b[Klooking at the source: ${directories} directories, ${amountText(bytes, files)}`,
    );
  }

  end({ counts, room, empty, tree }: Ending): number {
    this.#clear();
    const pending = tree?.pending();
    const needed = pending ?? { bytes: counts.bytes, files: counts.files };
    const names = pending === undefined ? needed.files + counts.directories : needed.files;
    const free = found(room);
    const short = free !== undefined &&
      (needed.bytes > free.free || (free.inodes !== null && names > free.inodes));
    // what the destination has already needs no more room: without a scan nobody knows how much
    const tooSmall = short && (empty || tree !== null);
    const problems = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    const code = problems > 0 || tooSmall || this.#cannotWrite ? 1 : 0;
    if (this.#options.json) {
      this.#json({
        type: "summary",
        source: counts,
        problems: Object.fromEntries(this.#counts),
        needed,
        room: free ?? null,
        enough_room: free === undefined ? null : !short,
        exit_code: code,
      });
      return code;
    }
    const lines: string[] = [];
    for (const kind of Object.keys(PROBLEMS) as ProblemKind[]) {
      const count = this.#counts.get(kind);
      if (count === undefined) continue;
      const shown = this.#kept.get(kind) ?? [];
      lines.push(
        ...problemLines({ what: PROBLEMS[kind], count, shown, all: this.#options.all }),
        "",
      );
    }
    const scan = tree === null ? "" : ` (as scanned ${formatMinute(tree.scannedAt)})`;
    lines.push(
      `source: ${amountText(counts.bytes, counts.files)}, ${counts.directories} ` +
        `${counts.directories === 1 ? "directory" : "directories"}${scan}`,
    );
    if (counts.specials > 0) {
      const what = counts.specials === 1
        ? "socket, device or FIFO is"
        : "sockets, devices or FIFOs are";
      lines.push(`${counts.specials} ${what} not copied`);
    }
    const what = pending !== undefined ? "pending" : empty ? "needed" : "needed at most";
    const verdict = free === undefined
      ? "how much is free is not known"
      : `${formatSize(free.free)} free: ${
        !short
          ? "enough"
          : tooSmall
          ? "NOT ENOUGH"
          : "enough only if much of it is at the destination already"
      }`;
    lines.push(`${what}: ${formatSize(needed.bytes)}; ${verdict}`);
    if (this.#cannotWrite) lines.push("files cannot be put at this destination safely: see above");
    lines.push(code === 0 ? "nothing is in the way" : "something is in the way");
    this.#lines(lines);
    return code;
  }

  #clear(): void {
    if (this.#drawn === 0) return;
    this.#drawn = 0;
    this.#context.stderr.write("\r\x1b[K");
  }

  #lines(lines: readonly string[]): void {
    this.#context.stdout.write(lines.map((line) => `${line}\n`).join(""));
  }

  #json(value: Readonly<Record<string, unknown>>): void {
    const plain = (_key: string, value: unknown) =>
      typeof value === "bigint" ? Number(value) : value;
    this.#context.stdout.write(`${JSON.stringify(value, plain)}\n`);
  }
}
