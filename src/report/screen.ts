/** The screen: a snapshot as the lines that a person watches during a run. Pure. */

import type { ActiveFile, Amount, Phase, Snapshot } from "../event.ts";
import { formatRates } from "../bandwidth.ts";
import { formatCount, formatDuration, formatSize } from "../lib/units.ts";
import { oneLine, showPath } from "../name.ts";
import * as layout from "./layout.ts";
import { givesWayLine, unansweredLine } from "./lines.ts";
import { countOf, firstThatFits, formatRate, type Paint, unpainted } from "./layout.ts";
import { displayWidth, padEnd, padStart, shortenPath, truncate } from "./width.ts";

const TITLES: Readonly<Record<Phase, string>> = {
  starting: "Starting",
  scan: "Scanning both sides",
  transfer: "Transferring",
  mirror: "Deleting extras",
  directories: "Setting directory times",
  finished: "Finishing",
};

/** Figures further apart than this are hard to read together. */
const WIDEST = 160;
const MOST_ACTIVE = 6;
const MARGIN = " ";
/** A window with fewer rows has better use for them than to explain keys. */
const FEW_ROWS = 12;

/**
 * The lines for a terminal of `columns` and `rows`: none is wider than `columns`, and they are fewer
 * than `rows`, so that the cursor can rest below them. What matters most is kept when there is
 * little room. `keys` tells which keys there are.
 */
export function renderSnapshot(
  snapshot: Snapshot,
  columns: number,
  rows: number,
  paint: Paint = unpainted,
  keys = "",
): string[] {
  const width = Math.min(WIDEST, Math.max(1, columns)) - 2 * MARGIN.length;
  if (width < 28) {
    return narrowLines(snapshot).map((line) => truncate(line, columns)).slice(0, rows - 1);
  }
  const scanning = isScanning(snapshot);
  const transferring = snapshot.backlog.files > 0 || snapshot.active.length > 0;

  const top = [titleLine(snapshot, width, paint)];
  const hanging = snapshot.unanswered.map(unansweredLine);
  const givesWay = (snapshot.givesWay ?? []).map(givesWayLine);
  for (const text of [...hanging, snapshot.paused, snapshot.notice, ...givesWay]) {
    if (text !== null) top.push(paint("warning", truncate(oneLine(text), width)));
  }
  const scan = scanning ? scanLines(snapshot, width, paint) : [];
  const bottom = transferring || !scanning ? totalLines(snapshot, width, paint) : [];
  const ended = endedLine(snapshot, width, paint);
  if (!scanning || ended.some) bottom.push(ended.line);

  // what the keys do is the last line, and the first to go
  const last = keys === "" || rows < FEW_ROWS ? [] : [paint("label", truncate(keys, width))];
  let room = rows - 1 - top.length - scan.length - bottom.length - last.length;
  const blocks = [top, scan, activeLines(snapshot.active, room - 1, width, paint), bottom, last]
    .filter((block) => block.length > 0);
  room = rows - 1 - blocks.flat().length;
  const lines = blocks.flatMap((block, index) => {
    // a blank line between two blocks is the first thing that a small window loses
    const blank = index > 0 && room > 0 ? [""] : [];
    room -= blank.length;
    return [...blank, ...block];
  });
  return lines.slice(0, Math.max(0, rows - 1)).map((line) => line === "" ? "" : MARGIN + line);
}

/** What a very narrow window has room for, without margins. */
function narrowLines({ phase, paused, backlog, copied, rate, failed }: Snapshot): string[] {
  const lines = [paused === null ? TITLES[phase] : oneLine(paused)];
  if (failed > 0) lines.push(`${formatCount(failed)} failed`);
  if (backlog.files === 0) return lines;
  const by = (what: string, of: "bytes" | "files") =>
    `${layout.percent(copied[of], backlog[of])} of ${what}`;
  if (backlog.bytes > 0) lines.push(by("bytes", "bytes"));
  return [...lines, by("files", "files"), formatRate(rate)];
}

function isScanning({ phase }: Snapshot): boolean {
  return phase === "starting" || phase === "scan";
}

function titleLine({ phase, elapsed }: Snapshot, width: number, paint: Paint): string {
  const time = `elapsed ${formatDuration(Math.floor(elapsed / 1000))}`;
  const title = truncate(TITLES[phase], width - displayWidth(time) - 2);
  const space = " ".repeat(width - displayWidth(title) - displayWidth(time));
  return paint("title", title) + space + paint("label", time);
}

/** Both sides and what is pending, as a table. */
function scanLines(snapshot: Snapshot, width: number, paint: Paint): string[] {
  const { source, destination, pending } = snapshot;
  const sides = [source, destination];
  const someErrors = sides.some(({ errors }) => errors > 0);
  const counts = (of: "directories" | "errors") => sides.map((side) => formatCount(side[of]));
  const amounts = [source, destination, pending];
  const right = { align: "right" } as const;
  const wide = width >= 56;
  // a narrow table has its marks beside the names, where they take no column
  const names = wide
    ? ["source", "destination"]
    : [source.done ? "source ✓" : "source", destination.done ? "dest.  ✓" : "dest."];
  const marks = sides.map(({ done }) => done ? "✓ done" : "scanning");
  const rows = layout.table([
    { cells: ["", ...names, "pending"], align: "left", keep: 9 },
    { cells: ["directories", ...counts("directories"), ""], ...right, keep: 1 },
    { cells: ["files", ...amounts.map(({ files }) => formatCount(files))], ...right, keep: 8 },
    { cells: ["size", ...amounts.map(({ bytes }) => formatSize(bytes))], ...right, keep: 6 },
    // an error matters more than any size, no error less than anything
    { cells: ["errors", ...counts("errors"), ""], ...right, keep: someErrors ? 7 : 2 },
    ...wide ? [{ cells: ["", ...marks, "so far"], align: "left", keep: 3 } as const] : [],
  ], width);
  return rows.map((row, index) => {
    if (index === 0) return paint("label", row);
    const side = sides[index - 1];
    if (side !== undefined && side.errors > 0) return paint("warning", row);
    return side?.done ? row.replace(/✓( done)?/, (mark) => paint("good", mark)) : row;
  });
}

/** The files on their way, as many as there is room for (`room` is in lines). */
function activeLines(
  active: readonly ActiveFile[],
  room: number,
  width: number,
  paint: Paint,
): string[] {
  const lines = Math.min(room, MOST_ACTIVE + 1);
  if (lines < 1 || active.length === 0) return [];
  // a line that says "and 1 more file" could show that file instead
  const shown = active.length <= lines ? active.length : lines - 1;
  const figures = active.slice(0, shown).map((file) => activeFigures(file, width));
  const figureWidth = Math.max(0, ...figures.map(displayWidth));
  const pathWidth = width - figureWidth - 2;
  const block = active.slice(0, shown).map(({ path }, index) => {
    const name = padEnd(shortenPath(showPath(path), pathWidth), pathWidth);
    return `${name}  ${padStart(figures[index]!, figureWidth)}`.trimEnd();
  });
  if (shown < active.length) {
    const more = countOf(active.length - shown, "more file");
    block.push(paint("label", truncate(`and ${more}`, width)));
  }
  return block;
}

/** What is known of one file, in columns; the less important ones only where there is room. */
function activeFigures({ size, done, rate, secondsLeft }: ActiveFile, width: number): string {
  const left = secondsLeft === null ? "" : layout.formatLeft(secondsLeft);
  const figures = [padStart(layout.percent(done, size), 5)];
  if (width >= 100) {
    figures.push(`${padStart(formatSize(done), 8)} of ${padEnd(formatSize(size), 8)}`);
  } else if (width >= 70) figures.push(padStart(formatSize(size), 8));
  if (width >= 54) figures.push(padStart(rate === null ? "" : formatRate(rate), 10));
  figures.push(padStart(left, width >= 54 ? 14 : 12));
  return figures.join("  ");
}

/** The two bars, the speed, and what was copied in all. */
function totalLines(snapshot: Snapshot, width: number, paint: Paint): string[] {
  const { backlog, copied, copiedEver, rate, limit, limits } = snapshot;
  const labelled = (label: string, ...texts: string[]) =>
    paint("label", padEnd(label, 8)) + firstThatFits(width - 8, ...texts);
  const lines = backlog.files > 0 ? barLines(snapshot, width, paint) : [];
  const speed = formatRate(rate);
  const files = layout.formatFileRate(snapshot.fileRate);
  const allowed = limit === null ? "no limit" : `limit ${formatRates(limits)}`;
  if (backlog.files > 0 || snapshot.active.length > 0) {
    lines.push(
      labelled("speed", `${speed}  (${allowed})  ${files}`, `${speed} (${allowed})`, speed),
    );
  }
  const amount = ({ files, bytes }: Amount) => `${formatSize(bytes)}, ${countOf(files, "file")}`;
  const [now, ever] = [formatSize(copied.bytes), formatSize(copiedEver.bytes)];
  lines.push(labelled(
    "copied",
    `${amount(copied)} in this run;  ${amount(copiedEver)} in all runs`,
    `${now} in this run, ${ever} in all runs`,
    `${now}, all runs ${ever}`,
  ));
  return lines;
}

/** Progress by bytes and by files: many small files are slow for their bytes. */
function barLines(snapshot: Snapshot, width: number, paint: Paint): string[] {
  const { backlog, copied } = snapshot;
  const open = isScanning(snapshot);
  // while the scan runs, nobody knows how much more there is
  const of = open ? "of at least" : "of";
  const rows = [
    {
      label: "bytes",
      fraction: backlog.bytes === 0 ? copied.files / backlog.files : copied.bytes / backlog.bytes,
      // without a byte to copy the files alone tell
      percent: backlog.bytes === 0
        ? layout.percent(copied.files, backlog.files)
        : layout.percent(copied.bytes, backlog.bytes),
      amount: `${formatSize(copied.bytes)} ${of} ${formatSize(backlog.bytes)}`,
      left: layout.formatLeft(snapshot.secondsLeftByBytes, open),
    },
    {
      label: "files",
      fraction: copied.files / backlog.files,
      percent: layout.percent(copied.files, backlog.files),
      amount: `${formatCount(copied.files)} ${of} ${formatCount(backlog.files)}`,
      left: layout.formatLeft(snapshot.secondsLeftByFiles, open),
    },
  ];
  const widest = (of: "percent" | "amount" | "left") =>
    Math.max(...rows.map((row) => displayWidth(row[of])));
  const [forPercent, forLeft] = [Math.max(5, widest("percent")), Math.max(13, widest("left"))];
  const rest = width - 8 - forPercent - forLeft - 2 * 2;
  const withAmount = rest - widest("amount") - 2 >= 10;
  const forBar = withAmount ? rest - widest("amount") - 2 : rest;
  return rows.map((row) => {
    const amount = withAmount ? [padEnd(row.amount, widest("amount"))] : [];
    const figures = [padStart(row.percent, forPercent), ...amount, padStart(row.left, forLeft)]
      .join("  ");
    const shown = forBar < 4
      ? truncate(figures, width - 8)
      : `${layout.bar(row.fraction, forBar, paint)}  ${figures}`;
    return paint("label", padEnd(row.label, 8)) + shown;
  });
}

/** How operations have ended other than well; and whether there is any such. */
function endedLine(snapshot: Snapshot, width: number, paint: Paint) {
  const { failed, skipped, refused, deleted } = snapshot;
  const failures = `${formatCount(failed)} failed`;
  const others = [[skipped, "skipped"], [refused, "refused"], [deleted, "deleted"]] as const;
  const more = others.filter(([count]) => count > 0)
    .map(([count, what]) => `, ${formatCount(count)} ${what}`).join("");
  const room = Math.max(0, width - 8 - failures.length);
  const line = paint("label", padEnd("result", 8)) +
    (failed > 0 ? paint("bad", failures) : failures) + truncate(more, room);
  return { line, some: failed > 0 || more !== "" };
}
