import { giveBack } from "./give_back.ts";

/** Pieces of memory, one after the other, in a new one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The same, of pieces that nobody else uses: their memory is given back, and one alone is the result. */
export function concatOwn(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!;
  const all = concat(parts);
  parts.forEach(giveBack);
  return all;
}
