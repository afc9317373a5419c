/** What the doctor found, as lines for a person. */
import { formatCount, formatSize } from "../lib/units.ts";
import { oneLine } from "../name.ts";
import { padEnd } from "./width.ts";

/** A line of the table: what was tried, what came of it, and whether that is as a local disk does. */
export interface Finding {
  readonly topic: string;
  readonly says: string;
  readonly verdict: "good" | "limited" | "unknown";
}

/** The table of a place. */
export function findingLines(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ topic }) => topic.length));
  const marks = { good: "ok", limited: "!", unknown: "?" } as const;
  return findings.map(({ topic, says, verdict }) =>
    ` ${padEnd(marks[verdict], 2)}  ${padEnd(topic, width)}  ${oneLine(says)}`
  );
}

/** A heading, the problems kept of it, and how many there are in all. */
export function problemLines(
  { what, count, shown, all }: {
    readonly what: string;
    readonly count: number;
    /** Each was printed before. */
    readonly all: boolean;
    readonly shown: readonly { readonly path: string; readonly why: string }[];
  },
): string[] {
  const lines = [`${formatCount(count)} ${count === 1 ? "name" : "names"}: ${what}`];
  for (const { path, why } of shown) lines.push(`  ${path}: ${oneLine(why)}`);
  const more = count - shown.length;
  if (more > 0 && !all) lines.push(`  and ${formatCount(more)} more; --all prints each`);
  return lines;
}

/** Bytes and files in words. */
export function amountText(bytes: number, files: number): string {
  return `${formatSize(bytes)}, ${formatCount(files)} ${files === 1 ? "file" : "files"}`;
}
