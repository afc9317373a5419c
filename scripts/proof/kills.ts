/** Kills: at which moment of a run, and where it hit in the end. */
import type { Injection } from "./program.ts";

/** The stages in which a kill may hit; each is to get its share. */
export const STAGES = ["scan", "block", "rename", "settle", "delete"] as const;

/** One of {@link STAGES}, or what lies between them. */
export type Stage = typeof STAGES[number] | "directories" | "clean-up" | "start" | "end";

/** A moment at which a run is to be killed. */
export type Aim =
  /** So many milliseconds after the start. */
  | { readonly how: "time"; readonly after: number }
  /** At the n-th call of a thread. */
  | { readonly how: "call"; readonly call: Call; readonly nth: number };

interface Call {
  readonly calls: string;
  /** Only at this file: the database's journal, or the log. */
  readonly at?: "journal" | "log";
  readonly stage: typeof STAGES[number];
}

const CALLS: readonly Call[] = [
  { stage: "scan", calls: "getdents64" },
  { stage: "block", calls: "pwrite64" },
  { stage: "block", calls: "utimensat" },
  { stage: "rename", calls: "renameat2" },
  { stage: "settle", calls: "pwrite64", at: "journal" },
  { stage: "settle", calls: "write", at: "log" },
  { stage: "settle", calls: "syncfs,fdatasync,fsync" },
  { stage: "delete", calls: "unlinkat" },
];

/** How late a kill may be before anything was learnt: milliseconds, and calls of a thread. */
const FIRST = { time: 1000, call: 20 } as const;

/** Chooses moments so that each stage gets its share, and learns how late is too late. */
export class Aims {
  readonly #random: () => number;
  readonly #canTrace: boolean;
  /** The highest n, or the latest time, that is still likely to hit. */
  readonly #most = new Map<Call | "time", number>();
  readonly #hits = new Map<Stage, number>();

  constructor(random: () => number, { canTrace }: { canTrace: boolean }) {
    this.#random = random;
    this.#canTrace = canTrace;
  }

  get hits(): ReadonlyMap<Stage, number> {
    return this.#hits;
  }

  next(): Aim {
    // one in four by the clock: between two calls, in the middle of one, in the start
    if (!this.#canTrace || this.#random() < 0.25) {
      return { how: "time", after: 20 + this.#upTo("time", FIRST.time) };
    }
    const least = Math.min(...STAGES.map((stage) => this.#hits.get(stage) ?? 0));
    const stages = STAGES.filter((stage) => (this.#hits.get(stage) ?? 0) === least);
    const stage = stages[Math.floor(this.#random() * stages.length)]!;
    const calls = CALLS.filter((call) => call.stage === stage);
    const call = calls[Math.floor(this.#random() * calls.length)]!;
    return { how: "call", call, nth: 1 + this.#upTo(call, FIRST.call) };
  }

  #upTo(what: Call | "time", first: number): number {
    return Math.floor(this.#random() * (this.#most.get(what) ?? first));
  }

  /** A run was killed in this stage, or (null) ended before its moment came. */
  learn(aim: Aim, hit: Stage | null): void {
    const what = aim.how === "time" ? "time" : aim.call;
    const now = this.#most.get(what) ?? FIRST[aim.how];
    const next = hit === null ? now * 0.7 : now * 1.3;
    const [low, high] = aim.how === "time" ? [100, 4000] : [2, 2000];
    this.#most.set(what, Math.min(high, Math.max(low, next)));
    if (hit !== null) this.#hits.set(hit, (this.#hits.get(hit) ?? 0) + 1);
  }
}

/** How strace is to kill; undefined for an aim by the clock. */
export function injectionFor(
  aim: Aim,
  { db, log, trace }: { db: string; log: string; trace: string },
): Injection | undefined {
  if (aim.how === "time") return undefined;
  const { calls, at } = aim.call;
  const path = at === "journal" ? `${db}-wal` : at === "log" ? log : undefined;
  return { calls, what: `signal=SIGKILL:when=${aim.nth}`, path, trace };
}

/** The stage in which a kill hit, from the call that strace saw last. */
export function stageOfTrace(trace: string, phase: string): Stage {
  const lines = trace.split("\n").filter((line) => line !== "" && !line.includes("+++"));
  // the call that never returned; where it is cut in two, its arguments are in the first part
  const last = lines.findLast((line) => line.endsWith("= ?")) ?? lines.at(-1) ?? "";
  const thread = last.split(" ")[0];
  const text = lines.findLast((line) => line.includes("(") && line.startsWith(`${thread} `)) ?? "";
  if (/-wal>|\.db>|\.jsonl>/.test(text)) return phase === "scan" ? "scan" : "settle";
  if (text.includes("getdents64")) return "scan";
  if (text.includes("pwrite64")) return "block";
  if (text.includes("utimensat")) return text.includes(".sluice-") ? "block" : "directories";
  if (/renameat2|symlinkat/.test(text)) return "rename";
  if (/fdatasync|syncfs|fsync/.test(text)) return phase === "scan" ? "scan" : "settle";
  if (text.includes("unlinkat")) return text.includes(".sluice-") ? "clean-up" : "delete";
  return stageOfPhase(phase);
}

/** The stage in which a kill by the clock hit, as far as the database tells. */
export function stageOfPhase(phase: string): Stage {
  switch (phase) {
    case "before the scan":
    case "between runs":
      return "start";
    case "scan":
      return "scan";
    case "transfer":
      return "block";
    case "delete":
      return "delete";
    default:
      return "end";
  }
}

/** An aim for people. */
export function showAim(aim: Aim): string {
  if (aim.how === "time") return `after ${aim.after} ms`;
  const { calls, at } = aim.call;
  return `at ${calls}${at === undefined ? "" : ` of the ${at}`} no. ${aim.nth}`;
}
