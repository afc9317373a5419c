/**
 * Holes: what a sparse file does not have on disk is not written at the destination either.
 *
 * Only a file that says that it has holes is looked into. Where the source can tell where they are
 * (a local disk, NFS 4.2), they are not even read; where it cannot (NFS 3), they arrive as zeros and
 * are found again here. Either way the hash is that of the whole content.
 */
import type { FileWriter } from "../backend/backend.ts";
import type { Block } from "../block.ts";

/** What a file system allocates at once: shorter runs of zeros are written as they are. */
const PIECE = 4096;

/** Bytes of zeros that stand for a hole, at most, in one block. */
const HOLE_BLOCK = 2 ** 20;

/** Blocks of a hole from byte `from` to `to` of a file, none of which has memory on loan. */
export function* holeBlocks(from: number, to: number): Generator<Pick<Block, "offset" | "data">> {
  const zeros = new Uint8Array(Math.min(HOLE_BLOCK, to - from));
  for (let offset = from; offset < to; offset += zeros.length) {
    yield { offset, data: zeros.subarray(0, Math.min(zeros.length, to - offset)) };
  }
}

/** The stretches of `data` that are not all zeros, in pieces of what is allocated at once. */
export function* stretches(
  data: Uint8Array,
  offset: number,
): Generator<{ readonly start: number; readonly end: number }> {
  let start = -1;
  for (let at = 0; at < data.length;) {
    // pieces are those of the file, not of the block
    const end = Math.min(data.length, at + PIECE - (offset + at) % PIECE);
    const zero = isZero(data, at, end);
    if (zero && start >= 0) {
      yield { start, end: at };
      start = -1;
    } else if (!zero && start < 0) start = at;
    at = end;
  }
  if (start >= 0) yield { start, end: data.length };
}

function isZero(data: Uint8Array, start: number, end: number): boolean {
  // most pieces with content show it in their first bytes
  for (let at = start; at < end; at++) if (data[at] !== 0) return false;
  return true;
}

/** Writes the content of a block of a sparse file, without its zeros. */
export async function writeStretches(
  writer: FileWriter,
  { data, offset, hole }: Block,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  if (hole) return;
  for (const { start, end } of stretches(data, offset)) {
    await writer.write(data.subarray(start, end), offset + start, options);
  }
}
