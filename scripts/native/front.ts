/**
 * Puts code in front of an executable: it runs first, and then jumps to where the executable began.
 *
 * The code becomes a segment of its own, described by the entry of the program headers that told of
 * notes, which nobody needs to run a program. What was appended to the file stays at its end.
 */
import { KEEPER_CODE } from "./keeper_code.ts";

/** Distance of the last jump's distance from the beginning of the code, and its length. */
const JUMP = 19, JUMP_BYTES = 4;

const LOADED = 1, NOTES = 4, READ_EXECUTE = 5, PAGE = 4096;

/** Where the fields of a 64-bit ELF header and of an entry of its program headers lie. */
const ENTRY = 24, HEADERS = 32, HEADER_BYTES = 54, HEADER_COUNT = 56;
const FLAGS = 4, OFFSET = 8, ADDRESS = 16, PHYSICAL = 24, IN_FILE = 32, IN_MEMORY = 40, ALIGN = 48;

/** Why code cannot be put in front of an executable. */
export class FrontError extends Error {
  override readonly name = "FrontError";
}

/**
 * Where an ELF file ends by its own account: behind its table of section headers, which linkers put
 * last. Whatever `deno compile` appended starts there.
 *
 * @param header The first 64 bytes of the file, or more.
 * @throws RangeError when they are not the header of a 64-bit little-endian ELF file.
 */
export function elfEnd(header: Uint8Array): number {
  const magic = [0x7f, 0x45, 0x4c, 0x46, /* 64-bit */ 2, /* little-endian */ 1];
  if (header.length < 64 || magic.some((byte, index) => header[index] !== byte)) {
    throw new RangeError("Cannot find the end of the file: it is not a 64-bit ELF executable");
  }
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const sectionHeaders = Number(view.getBigUint64(0x28, true));
  const entrySize = view.getUint16(0x3a, true);
  const entries = view.getUint16(0x3c, true);
  return sectionHeaders + entrySize * entries;
}

/** The executable with the keeper of `keeper.c` in front; as {@link withFront}. */
export function withKeeper(file: Uint8Array, end: number): Uint8Array<ArrayBuffer> {
  return withFront(file, end, Uint8Array.fromBase64(KEEPER_CODE));
}

/**
 * The executable with `code` in front.
 *
 * @param file the executable, with whatever is appended to it
 * @param end where the ELF file ends and what is appended begins
 * @throws FrontError when the executable has no place for it
 */
export function withFront(
  file: Uint8Array,
  end: number,
  code: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const begin = Math.ceil(end / PAGE) * PAGE;
  const whole = new Uint8Array(begin + code.length + file.length - end);
  whole.set(file.subarray(0, end));
  whole.set(code, begin);
  whole.set(file.subarray(end), begin + code.length);
  const view = new DataView(whole.buffer);
  const number = (at: number) => Number(view.getBigUint64(at, true));
  const set = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  const size = view.getUint16(HEADER_BYTES, true);
  const headers = Array.from(
    { length: view.getUint16(HEADER_COUNT, true) },
    (_, i) => number(HEADERS) + i * size,
  );
  const typeOf = (header: number) => view.getUint32(header, true);
  const loaded = headers.filter((header) => typeOf(header) === LOADED);
  const notes = headers.find((header) => typeOf(header) === NOTES);
  // the kernel wants them in the order of their addresses
  if (notes === undefined || loaded.length === 0 || notes < loaded.at(-1)!) {
    throw new FrontError("its program headers have no place for one more segment");
  }
  const highest = Math.max(...loaded.map((at) => number(at + ADDRESS) + number(at + IN_MEMORY)));
  const address = Math.ceil(highest / PAGE) * PAGE;
  view.setUint32(notes, LOADED, true);
  view.setUint32(notes + FLAGS, READ_EXECUTE, true);
  set(notes + OFFSET, begin);
  set(notes + ADDRESS, address);
  set(notes + PHYSICAL, address);
  set(notes + IN_FILE, code.length);
  set(notes + IN_MEMORY, code.length);
  set(notes + ALIGN, PAGE);
  view.setInt32(begin + JUMP, number(ENTRY) - (address + JUMP + JUMP_BYTES), true);
  set(ENTRY, address);
  return whole;
}
