/** The system's library, memory beside the heap, and machine code in it. */

/** The functions that memory and machine code take. */
const PAGE_FUNCTIONS = {
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Those functions. */
export type PageFunctions = Deno.DynamicLibrary<typeof PAGE_FUNCTIONS>["symbols"];

/**
 * Loads the GNU C library with those functions and `more` of them.
 *
 * @throws Error where there is none, or loading is not allowed
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(
  more: S,
): Deno.DynamicLibrary<typeof PAGE_FUNCTIONS & S> {
  return Deno.dlopen("libc.so.6", { ...PAGE_FUNCTIONS, ...more });
}

const PROT_READ_WRITE = 3, PROT_READ_EXEC = 5, MAP_PRIVATE_ANONYMOUS = 0x22, PAGE = 4096;
/** MAP_FAILED */
const FAILED = 0xffff_ffff_ffff_ffffn;

/** Anonymous memory, which can be written; null where there is none. */
export function anonymous(libc: PageFunctions, bytes: bigint): Deno.PointerObject | null {
  const start = libc.mmap(null, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  return start === null || Deno.UnsafePointer.value(start) === FAILED ? null : start;
}

/**
 * Machine code at the beginning of a page of its own: first writable, then executable, never both. It
 * is never unmapped. Null where the system allows no new machine code.
 */
export function executable(
  libc: PageFunctions,
  code: Uint8Array<ArrayBuffer>,
): Deno.PointerObject | null {
  const bytes = BigInt(Math.ceil(code.length / PAGE) * PAGE);
  const start = anonymous(libc, bytes);
  if (start === null) return null;
  libc.memcpy(start, code, BigInt(code.length));
  return libc.mprotect(start, bytes, PROT_READ_EXEC) === 0 ? start : null;
}

/** What lies so many bytes behind `start`. */
export function behind(start: Deno.PointerObject, bytes: number): Deno.PointerObject {
  return Deno.UnsafePointer.create(Deno.UnsafePointer.value(start) + BigInt(bytes))!;
}
