/** Layout: the pieces that screens are made of. They give plain text, or text in the given paint. */

import { formatCount, formatDuration, formatSize } from "../lib/units.ts";
import { displayWidth, padEnd, padStart, truncate } from "./width.ts";

/** What a piece of text means; a paint decides how that looks. */
export type Style = "title" | "label" | "done" | "rest" | "good" | "warning" | "bad";

/** Gives a text its looks without changing its width. */
export type Paint = (style: Style, text: string) => string;

/** The paint that changes nothing. */
export const unpainted: Paint = (_style, text) => text;

/** One column of a table. */
export interface Column {
  /** One text per row, of which the first is the heading. */
  readonly cells: readonly string[];
  readonly align: "left" | "right";
  /** A table that is too wide loses the column of the lowest keep first. */
  readonly keep: number;
}

/** The rows of a table, each at most `width` wide; columns are dropped until they fit. */
export function table(columns: readonly Column[], width: number): string[] {
  const gap = "  ";
  const widths = columns.map(({ cells }) => Math.max(...cells.map(displayWidth)));
  const shown = columns.map((column, index) => ({ ...column, width: widths[index]! }));
  const total = () => shown.reduce((sum, column) => sum + column.width + gap.length, -gap.length);
  while (shown.length > 1 && total() > width) {
    const lowest = Math.min(...shown.map(({ keep }) => keep));
    shown.splice(shown.findIndex(({ keep }) => keep === lowest), 1);
  }
  const rows = shown[0]?.cells.length ?? 0;
  return Array.from({ length: rows }, (_, row) => {
    const cells = shown.map(({ cells, align, width }) =>
      align === "left" ? padEnd(cells[row]!, width) : padStart(cells[row]!, width)
    );
    return truncate(cells.join(gap).trimEnd(), width);
  });
}

/** A progress bar of exactly `width` columns; `fraction` is between 0 and 1. */
export function bar(fraction: number, width: number, paint: Paint = unpainted): string {
  // rounded down: a full bar means that nothing is left
  const filled = Math.floor(Math.min(1, Math.max(0, fraction)) * width);
  return paint("done", "━".repeat(filled)) + paint("rest", "─".repeat(width - filled));
}

/** `done` of `total` in percent, rounded down so that 100% means all: `63.2%`, `100%`. */
export function percent(done: number, total: number): string {
  if (done >= total) return "100%";
  return `${(Math.floor(Math.max(0, done) / total * 1000) / 10).toFixed(1)}%`;
}

/** The first of some texts, from long to short, that fits into `width`; or the last one cut. */
export function firstThatFits(width: number, ...texts: readonly string[]): string {
  const fitting = texts.find((text) => displayWidth(text) <= width);
  return fitting ?? truncate(texts.at(-1) ?? "", width);
}

/** `1 file`, `1,204 files`. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** `12.1 MiB/s`, from bytes per second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** `1,234 files/s`, `0.4 files/s`. */
export function formatFileRate(filesPerSecond: number): string {
  const exact = filesPerSecond > 0 && filesPerSecond < 9.95;
  return `${exact ? filesPerSecond.toFixed(1) : formatCount(Math.round(filesPerSecond))} files/s`;
}

/**
 * `17:04:10 left`, or what is known instead. `open` says that more may come (a scan still runs), so
 * that the time is the least it can be.
 */
export function formatLeft(seconds: number | null, open = false): string {
  if (seconds === null) return "time unknown";
  return `${formatDuration(seconds)}${open ? "+" : ""} left`;
}
