/**
 * The terminal reporter: a live region at the bottom of the screen, redrawn in place, and above it
 * the lines that stay.
 *
 * The cursor always rests below the live region, so whatever another program prints never lands in
 * the middle of it, and a killed run leaves nothing to be repaired.
 */

import { stripVTControlCharacters, styleText } from "node:util";
import type { Reporter, RunEvent, Snapshot } from "../event.ts";
import { oneLine } from "../name.ts";
import { type Paint, type Style, unpainted } from "./layout.ts";
import { failureLine, operationLine, startLines } from "./lines.ts";
import { renderSnapshot } from "./screen.ts";
import { summaryLines } from "./summary.ts";
import { type Every, everyUnref } from "./ticker.ts";
import { displayWidth } from "./width.ts";

export { renderSnapshot } from "./screen.ts";
export { summaryLines } from "./summary.ts";

/** Where a terminal reporter writes. */
export interface TerminalOutput {
  write(text: string): void;
  /** The size of the window now; 0 where it is not known. */
  columns(): number;
  rows(): number;
  /** What was written is not on the screen yet: it is not drawn anew meanwhile. Default: never. */
  isBehind?(): boolean;
}

/** What {@link terminalReporter} needs. */
export interface TerminalReporterOptions {
  readonly snapshot: () => Snapshot;
  readonly output: TerminalOutput;
  /** Milliseconds between two looks at the snapshot. Default: 250. */
  readonly interval?: number;
  /** Default: false. */
  readonly colour?: boolean;
  /** The last line, which tells what keys do. Default: none. */
  readonly keys?: () => string;
  /** What ticks. Default: a timer that never keeps the process alive. */
  readonly every?: Every;
}

/** A reporter whose live region makes way for other writers. */
export interface TerminalReporter extends Reporter {
  /** Clears the live region, lets `write` write whole lines to the same screen, and redraws. */
  interrupt(write: () => void): void;
  /** Clears the live region, which is drawn anew with the next tick, wherever the cursor is then. */
  clear(): void;
}

/** The reporter for a person at a terminal. */
export function terminalReporter(options: TerminalReporterOptions): TerminalReporter {
  return new Terminal(options);
}

const FORMATS: Readonly<Record<Style, Parameters<typeof styleText>[0]>> = {
  title: "bold",
  label: "dim",
  done: "cyan",
  rest: "dim",
  good: "green",
  warning: "yellow",
  bad: "red",
};

// the caller has asked whether there is a terminal and NO_COLOR; styleText must not ask again
const coloured: Paint = (style, text) =>
  text === "" ? "" : styleText(FORMATS[style], text, { validateStream: false });

/** More lines than this are not kept back until the next tick. */
const MOST_WAITING = 200;

class Terminal implements TerminalReporter {
  readonly #snapshot: () => Snapshot;
  readonly #output: TerminalOutput;
  readonly #interval: number;
  readonly #every: Every;
  readonly #paint: Paint;
  readonly #keys: () => string;
  #stop: (() => void) | null = null;
  /** The live region as it was drawn last, and for which width. */
  #drawn: readonly string[] = [];
  #drawnColumns = 0;
  /** Lines that stay, waiting for the next draw: a thousand failures a second are one write. */
  #waiting: string[] = [];
  #dryRun = false;
  #log: string | undefined;

  constructor(options: TerminalReporterOptions) {
    const { snapshot, output, interval = 250, colour, every, keys = () => "" } = options;
    this.#keys = keys;
    this.#snapshot = snapshot;
    this.#output = output;
    this.#interval = interval;
    this.#every = every ?? everyUnref;
    this.#paint = colour ? coloured : unpainted;
  }

  event(event: RunEvent): void {
    switch (event.type) {
      case "start":
        this.#dryRun = event.dryRun;
        this.#log = event.log;
        this.#stop?.();
        this.#stop = this.#every(this.#interval, () => {
          if (!this.#output.isBehind?.()) this.#draw();
        });
        this.#waiting.push(...startLines(event));
        this.#draw();
        break;
      case "operation":
        this.#print(operationLine(event));
        break;
      case "failure":
        this.#print(this.#paint("bad", failureLine(event)));
        break;
      case "note":
        this.#print(oneLine(event.message));
        break;
      case "end":
        this.#end(
          summaryLines(event.summary, { dryRun: this.#dryRun, log: this.#log }),
          event.summary.outcome === "in sync" ? "good" : "warning",
        );
        break;
    }
  }

  interrupt(write: () => void): void {
    this.#write(this.#clear() + this.#takeWaiting());
    try {
      write();
    } finally {
      this.#draw();
    }
  }

  clear(): void {
    this.#write(this.#clear() + this.#takeWaiting());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#finish();
    return Promise.resolve();
  }

  #print(line: string): void {
    this.#waiting.push(line);
    // outside of a run no tick will come
    if (this.#stop === null || this.#waiting.length >= MOST_WAITING) this.#draw();
  }

  #end([headline = "", ...rest]: string[], style: Style): void {
    this.#waiting.push(this.#paint(style, headline), ...rest);
    this.#finish();
  }

  /** Takes the live region off the screen for good. */
  #finish(): void {
    this.#stop?.();
    this.#stop = null;
    this.#write(this.#clear() + this.#takeWaiting());
  }

  /** Brings the screen up to date in one write, so that it never flickers. */
  #draw(): void {
    // a terminal of unknown size is taken for the classic one
    const columns = this.#output.columns() || 80;
    const rows = this.#output.rows() || 24;
    const lines = this.#stop === null
      ? []
      : renderSnapshot(this.#snapshot(), columns, rows, this.#paint, this.#keys());
    const permanent = this.#takeWaiting();
    if (permanent === "" && columns === this.#drawnColumns && equal(lines, this.#drawn)) return;
    // in place, line by line, where nothing has moved; from an empty region where it has
    const inPlace = permanent === "" && columns === this.#drawnColumns;
    const start = inPlace ? up(this.#height()) : this.#clear() + permanent;
    const body = lines.map((line) => `${ERASE_LINE}${line}\n`).join("");
    this.#write(start + body + (inPlace ? ERASE_BELOW : ""));
    this.#drawn = lines;
    this.#drawnColumns = columns;
  }

  /** How many rows of the screen the live region takes now. */
  #height(): number {
    const columns = this.#output.columns() || 80;
    const rows = this.#output.rows() || 24;
    // a window made narrower has broken our lines into several, as most terminals do
    const height = this.#drawn.reduce((sum, line) => sum + rowsOf(line, columns), 0);
    return Math.min(height, rows - 1);
  }

  /** Empties the live region and moves the cursor to its first row. */
  #clear(): string {
    const height = this.#height();
    this.#drawn = [];
    // row by row: some terminals take "erase all below" in the top row for a new page, and put what
    // they were told to erase into their history
    return up(height) + `${ERASE_LINE}\n`.repeat(height) + up(height);
  }

  #takeWaiting(): string {
    const text = this.#waiting.map((line) => `${line}\n`).join("");
    this.#waiting = [];
    return text;
  }

  #write(text: string): void {
    if (text !== "") this.#output.write(text);
  }
}

const ERASE_LINE = "\x1b[2K";
const ERASE_BELOW = "\x1b[J";

/** Moves the cursor to the beginning of the row that is `rows` above. */
function up(rows: number): string {
  return rows > 0 ? `\r\x1b[${rows}A` : "";
}

function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(displayWidth(stripVTControlCharacters(line)) / columns));
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
