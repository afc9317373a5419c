import { giveBack } from "./give_back.ts";

/** What lies in memory that can be made larger. */
type Memory = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The same with room for `length` elements. The memory of the given one is given back. */
export function grown<M extends Memory>(memory: M, length: number): M {
  const larger = new (memory.constructor as new (length: number) => M)(length);
  larger.set(memory);
  giveBack(memory);
  return larger;
}
