/**
 * A page of machine code: the few instructions between the foreign function interface and the kernel
 * that no library has.
 *
 * `rawSyscall` makes one call and returns what the kernel returned, a result or a negative errno; the
 * functions of libc leave the errno in a place that others write to. `runProgram` makes the calls of
 * a table in memory, see `program.ts`.
 */

/** The architectures that there is machine code for. */
export type Arch = "x86_64" | "aarch64";

/** What is in the page, and what makes it reachable. It is never unmapped. */
export interface MachineCode {
  readonly rawSyscall: Deno.PointerObject;
  readonly runProgram: Deno.PointerObject;
}

/** The functions of libc that it takes to make the page. */
export const PAGE_FUNCTIONS = {
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Those functions. */
export type PageFunctions = Deno.DynamicLibrary<typeof PAGE_FUNCTIONS>["symbols"];

/** `mov` of each argument one register down, the call number into its own, `syscall`, `ret`. */
// deno-fmt-ignore
const RAW_SYSCALL: Record<Arch, Uint8Array> = {
  // System V: rdi rsi rdx rcx r8 r9 [rsp+8]  ->  rax rdi rsi rdx r10 r8 r9
  x86_64: Uint8Array.of(
    0x48, 0x89, 0xf8,  0x48, 0x89, 0xf7,  0x48, 0x89, 0xd6,  0x48, 0x89, 0xca,
    0x4d, 0x89, 0xc2,  0x4d, 0x89, 0xc8,  0x4c, 0x8b, 0x4c, 0x24, 0x08,  0x0f, 0x05,  0xc3,
  ),
  // AAPCS64: x0..x6 -> x8 x0..x5
  aarch64: Uint8Array.of(
    0xe8, 0x03, 0x00, 0xaa,  0xe0, 0x03, 0x01, 0xaa,  0xe1, 0x03, 0x02, 0xaa,
    0xe2, 0x03, 0x03, 0xaa,  0xe3, 0x03, 0x04, 0xaa,  0xe4, 0x03, 0x05, 0xaa,
    0xe5, 0x03, 0x06, 0xaa,  0x01, 0x00, 0x00, 0xd4,  0xc0, 0x03, 0x5f, 0xd6,
  ),
};

/**
 * Makes the calls of a program (`program.ts` has the layout), in assembler:
 *
 * ```
 *         for each call, 64 bytes: number u32, back u32, six arguments u64, result i64
 *         first argument := back = 0 ? its own : the result of the call `back` bytes before
 *         if that result is an error: result := that error, no call is made
 *         else                        result := syscall
 * ```
 */
// deno-fmt-ignore
const RUN_PROGRAM: Record<Arch, Uint8Array> = {
  // push rbx; push r12; mov rbx, rdi; mov r12, rsi
  // 1: test r12, r12; jz 4f; mov ecx, [rbx+4]; mov rdi, [rbx+8]; test ecx, ecx; jz 2f
  //    mov rdx, rbx; sub rdx, rcx; mov rdi, [rdx+56]; mov rax, rdi; test rax, rax; js 3f
  // 2: mov eax, [rbx]; mov rsi, [rbx+16]; mov rdx, [rbx+24]; mov r10, [rbx+32]
  //    mov r8, [rbx+40]; mov r9, [rbx+48]; syscall
  // 3: mov [rbx+56], rax; add rbx, 64; dec r12; jmp 1b
  // 4: pop r12; pop rbx; ret
  x86_64: Uint8Array.of(
    0x53,  0x41, 0x54,  0x48, 0x89, 0xfb,  0x49, 0x89, 0xf4,
    0x4d, 0x85, 0xe4,  0x74, 0x42,  0x8b, 0x4b, 0x04,  0x48, 0x8b, 0x7b, 0x08,
    0x85, 0xc9,  0x74, 0x12,  0x48, 0x89, 0xda,  0x48, 0x29, 0xca,  0x48, 0x8b, 0x7a, 0x38,
    0x48, 0x89, 0xf8,  0x48, 0x85, 0xc0,  0x78, 0x18,
    0x8b, 0x03,  0x48, 0x8b, 0x73, 0x10,  0x48, 0x8b, 0x53, 0x18,  0x4c, 0x8b, 0x53, 0x20,
    0x4c, 0x8b, 0x43, 0x28,  0x4c, 0x8b, 0x4b, 0x30,  0x0f, 0x05,
    0x48, 0x89, 0x43, 0x38,  0x48, 0x83, 0xc3, 0x40,  0x49, 0xff, 0xcc,  0xeb, 0xb9,
    0x41, 0x5c,  0x5b,  0xc3,
  ),
  // mov x9, x0; mov x10, x1
  // 1: cbz x10, 4f; ldr w11, [x9, 4]; ldr x0, [x9, 8]; cbz w11, 2f
  //    sub x12, x9, x11; ldr x0, [x12, 56]; tbnz x0, 63, 3f
  // 2: ldr w8, [x9]; ldp x1, x2, [x9, 16]; ldp x3, x4, [x9, 32]; ldr x5, [x9, 48]; svc 0
  // 3: str x0, [x9, 56]; add x9, x9, 64; sub x10, x10, 1; b 1b
  // 4: ret
  aarch64: Uint8Array.of(
    0xe9, 0x03, 0x00, 0xaa,  0xea, 0x03, 0x01, 0xaa,
    0x0a, 0x02, 0x00, 0xb4,  0x2b, 0x05, 0x40, 0xb9,  0x20, 0x05, 0x40, 0xf9,
    0x8b, 0x00, 0x00, 0x34,
    0x2c, 0x01, 0x0b, 0xcb,  0x80, 0x1d, 0x40, 0xf9,  0xc0, 0x00, 0xf8, 0xb7,
    0x28, 0x01, 0x40, 0xb9,  0x21, 0x09, 0x41, 0xa9,  0x23, 0x11, 0x42, 0xa9,
    0x25, 0x19, 0x40, 0xf9,  0x01, 0x00, 0x00, 0xd4,
    0x20, 0x1d, 0x00, 0xf9,  0x29, 0x01, 0x01, 0x91,  0x4a, 0x05, 0x00, 0xd1,
    0xf1, 0xff, 0xff, 0x17,  0xc0, 0x03, 0x5f, 0xd6,
  ),
};

/** Where the program runner lies in the page of machine code. */
const RUNNER_AT = 64;

const PROT_READ_WRITE = 3, PROT_READ_EXEC = 5, MAP_PRIVATE_ANONYMOUS = 0x22, PAGE = 4096n;
/** MAP_FAILED */
const FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * Makes the page: first writable, then executable, never both. Null where the system allows no new
 * machine code.
 */
export function machineCode(libc: PageFunctions, arch: Arch): MachineCode | null {
  const page = anonymous(libc, PAGE);
  if (page === null) return null;
  const code = new Uint8Array(RUNNER_AT + RUN_PROGRAM[arch].length);
  code.set(RAW_SYSCALL[arch]);
  code.set(RUN_PROGRAM[arch], RUNNER_AT);
  libc.memcpy(page, code, BigInt(code.length));
  if (libc.mprotect(page, PAGE, PROT_READ_EXEC) !== 0) return null;
  const runner = Deno.UnsafePointer.value(page) + BigInt(RUNNER_AT);
  return { rawSyscall: page, runProgram: Deno.UnsafePointer.create(runner)! };
}

/** Anonymous memory, which can be written; null where there is none. */
export function anonymous(libc: PageFunctions, bytes: bigint): Deno.PointerObject | null {
  const start = libc.mmap(null, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  return start === null || Deno.UnsafePointer.value(start) === FAILED ? null : start;
}
