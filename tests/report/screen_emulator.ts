/** A terminal for tests: just the control sequences that the terminal reporter may use. */

import { displayWidth } from "../../src/report/width.ts";

/** A window of text; the lines that have left it at the top are kept as well. */
export class ScreenEmulator {
  #columns: number;
  #rows: number;
  /** All rows, those scrolled out first; a cell is one character, "" the right half of a wide one. */
  #cells: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** How often something was written. */
  writes = 0;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  columns(): number {
    return this.#columns;
  }

  rows(): number {
    return this.#rows;
  }

  /** What a person sees and can scroll back to, without the empty rows at the end. */
  text(): string {
    return this.#cells.map((row) => row.join("").trimEnd()).join("\n").trimEnd();
  }

  write(text: string): void {
    this.writes += 1;
    // deno-lint-ignore no-control-regex
    for (const [token] of text.matchAll(/\x1b\[[0-9;?]*[A-Za-z]|[\s\S]/gu)) this.#token(token);
  }

  /** Changes the width as most terminals do: rows that are too long are broken. */
  resize(columns: number): void {
    const above = this.#cells.slice(0, this.#row).map((row) => broken(row, columns)).flat();
    const below = this.#cells.slice(this.#row).map((row) => broken(row, columns)).flat();
    this.#cells = [...above, ...below];
    this.#row = above.length;
    this.#columns = columns;
  }

  #token(token: string): void {
    const top = Math.max(0, this.#cells.length - this.#rows);
    const up = /^\[(\d+)A$/.exec(token.slice(1));
    if (up) this.#row = Math.max(top, this.#row - Number(up[1]));
    else if (token === "\x1b[2K") this.#cells[this.#row] = [];
    else if (token === "\x1b[J") {
      this.#cells.length = this.#row + 1;
      this.#cells[this.#row]!.length = Math.min(this.#cells[this.#row]!.length, this.#column);
    } else if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#newline();
    else if (/^\[[0-9;]*m$/.test(token.slice(1))) return;
    else if (token < " ") throw new Error(`An unknown control sequence: ${JSON.stringify(token)}`);
    else this.#put(token);
  }

  #put(char: string): void {
    const width = displayWidth(char);
    if (this.#column + width > this.#columns) this.#newline();
    const row = this.#cells[this.#row]!;
    if (width === 0) {
      row[this.#column - 1] += char;
      return;
    }
    while (row.length < this.#column) row.push(" ");
    row.splice(this.#column, width, char, ...width === 2 ? [""] : []);
    this.#column += width;
  }

  #newline(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.#cells.length) this.#cells.push([]);
  }
}

function broken(row: string[], columns: number): string[][] {
  const rows = [row.slice(0, columns)];
  for (let i = columns; i < row.length; i += columns) rows.push(row.slice(i, i + columns));
  return rows;
}
