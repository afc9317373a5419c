/** From machine code to a function, where this processor and this system allow it. */
import { behind, executable, openLibc } from "../system_library.ts";
import type { Code } from "./rounds.ts";

/** Runs the code with the bytes of a table, and a number. */
export type Run = (table: Uint8Array<ArrayBuffer>, count: number) => void;

/**
 * The function that `make` gives the code of; null where it cannot be run: not Linux on x86-64, a
 * processor without instructions for SHA-256, no glibc, no permission, no new machine code.
 */
export function loadCode(make: () => Code): Run | null {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return null;
  try {
    const made = make(), libc = openLibc({});
    const start = executable(libc.symbols, made.code);
    libc.close();
    if (start === null || !hasInstructions(functionAt(behind(start, made.cpuid)))) return null;
    return functionAt(behind(start, made.start));
  } catch {
    // whatever the reason, OpenSSL does not need it
    return null;
  }
}

/** Where bytes lie. They stay there, and must be held on to while code refers to them. */
export function addressOf({ buffer, byteOffset }: Uint8Array): number {
  // the few bytes of a small array lie in the heap, where they may move, until its buffer is asked for
  const bytes = new Uint8Array(buffer as ArrayBuffer);
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))) + byteOffset;
}

/** Puts 64 bits in two words: a whole number up to 2^53. */
export function putNumber(words: Uint32Array, at: number, number: number): void {
  words[at] = number;
  words[at + 1] = number / 2 ** 32;
}

function functionAt(address: Deno.PointerObject): Run {
  const definition = { parameters: ["buffer", "usize"], result: "void" } as const;
  const pointer = new Deno.UnsafeFnPointer<typeof definition>(address as never, definition);
  return (table, count) => pointer.call(table, BigInt(count));
}

/** Bits of CPUID: SSSE3 and SSE4.1 in ECX of leaf 1, SHA in EBX of leaf 7. */
const SSSE3 = 1 << 9, SSE4_1 = 1 << 19, SHA = 1 << 29;

function hasInstructions(cpuid: Run): boolean {
  const registers = new Uint32Array(4);
  const ask = (leaf: number) => {
    registers[0] = leaf;
    cpuid(new Uint8Array(registers.buffer), 0);
    const [eax = 0, ebx = 0, ecx = 0] = registers;
    return { eax, ebx, ecx };
  };
  const wanted = SSSE3 | SSE4_1;
  return ask(0).eax >= 7 && (ask(1).ecx & wanted) === wanted && (ask(7).ebx & SHA) !== 0;
}
