/** What a walker found, as it travels between threads: many small listings in one piece of memory. */
import type { FailedListing, ListedChunk } from "../backlog/backlog.ts";
import { concatOwn } from "../lib/concat.ts";
import { ColumnReader, type Columns, ColumnWriter } from "../lib/columns.ts";
import { isFailure } from "./walker.ts";

/** Chunks of listings, and failures, in columns. */
export interface PackedListings {
  readonly columns: Columns;
  /** The packed entries of all chunks, one after the other. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What few chunks have, by the number of the chunk; and the failures. */
  readonly rare: readonly {
    readonly at: number;
    readonly chunk: Pick<ListedChunk, "problems" | "temporaries"> | FailedListing;
  }[];
}

/** What is packed goes through it; it keeps its memory. */
const writer = new ColumnWriter();

/** Packs what was listed. The entries are moved: what was listed is empty then. */
export function packListings(listed: readonly (ListedChunk | FailedListing)[]): PackedListings {
  const rare: { at: number; chunk: PackedListings["rare"][number]["chunk"] }[] = [];
  const all: Uint8Array<ArrayBuffer>[] = [];
  listed.forEach((chunk, at) => {
    if (isFailure(chunk)) return void rare.push({ at, chunk });
    const { id, path, index, last, data, fingerprints, problems, temporaries } = chunk;
    writer.number(id);
    writer.text(path);
    writer.number(index);
    writer.number(last ? 1 : 0);
    writer.number(data.length);
    writer.number(fingerprints === null ? 0 : 1);
    writer.text(fingerprints?.content ?? "");
    writer.text(fingerprints?.complete ?? "");
    if (problems.length + temporaries.length > 0) {
      rare.push({ at, chunk: { problems, temporaries } });
    }
    all.push(data);
  });
  return { columns: writer.take(), data: concatOwn(all), rare };
}

/** What {@link packListings} packed. The entries are views of one piece of memory. */
export function unpackListings(
  { columns: packed, data, rare }: PackedListings,
): (ListedChunk | FailedListing)[] {
  const columns = new ColumnReader(packed);
  const listed: (ListedChunk | FailedListing)[] = [];
  let at = 0, next = 0;
  while (columns.more || next < rare.length) {
    const known = rare[next]?.at === listed.length ? rare[next++]!.chunk : null;
    if (known !== null && "error" in known) {
      listed.push(known);
      continue;
    }
    const id = columns.number(), path = columns.text(), index = columns.number();
    const last = columns.number() === 1, end = at + columns.number();
    const isWhole = columns.number() === 1;
    const content = columns.text() || null, complete = columns.text() || null;
    listed.push({
      id,
      path,
      index,
      last,
      data: data.subarray(at, end),
      fingerprints: isWhole ? { content, complete } : null,
      problems: known?.problems ?? [],
      temporaries: known?.temporaries ?? [],
    });
    at = end;
  }
  return listed;
}
