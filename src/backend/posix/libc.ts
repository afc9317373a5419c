/**
 * Linux system calls, without losing a byte of a name or a nanosecond of a time.
 *
 * Each call exists twice: made on the calling thread (fast where the file system answers at once),
 * and made on a thread of the pool (for calls that may wait). Both return the kernel's own
 * convention: a result of 0 or more, or a negative errno.
 *
 * Neither goes through libc's wrappers, because `errno` cannot be trusted here: on the pool it is
 * local to another thread, and on the calling thread the runtime makes calls of its own between ours
 * and a look at `errno`, so that a directory that exists was seen to be "temporarily unavailable".
 * They go through `rawSyscall`, a few instructions of machine code that move the arguments into the
 * registers the kernel wants and return what the kernel returned.
 */

/** The value of a call: at once, or a promise from the pool. Await works on both. */
export type Result = number | Promise<number>;

type Arch = "x86_64" | "aarch64";

/** Numbers from the kernel's asm/unistd.h of each architecture; the parameter types for the FFI. */
const CALLS = {
  openat: { x86_64: 257, aarch64: 56, parameters: ["i32", "buffer", "i32", "i32"] },
  close: { x86_64: 3, aarch64: 57, parameters: ["i32"] },
  pread64: { x86_64: 17, aarch64: 67, parameters: ["i32", "buffer", "usize", "i64"] },
  pwrite64: { x86_64: 18, aarch64: 68, parameters: ["i32", "buffer", "usize", "i64"] },
  statx: { x86_64: 332, aarch64: 291, parameters: ["i32", "buffer", "i32", "i32", "buffer"] },
  getdents64: { x86_64: 217, aarch64: 61, parameters: ["i32", "buffer", "i32"] },
  renameat2: { x86_64: 316, aarch64: 276, parameters: ["i32", "buffer", "i32", "buffer", "i32"] },
  linkat: { x86_64: 265, aarch64: 37, parameters: ["i32", "buffer", "i32", "buffer", "i32"] },
  unlinkat: { x86_64: 263, aarch64: 35, parameters: ["i32", "buffer", "i32"] },
  mkdirat: { x86_64: 258, aarch64: 34, parameters: ["i32", "buffer", "i32"] },
  symlinkat: { x86_64: 266, aarch64: 36, parameters: ["buffer", "i32", "buffer"] },
  readlinkat: { x86_64: 267, aarch64: 78, parameters: ["i32", "buffer", "buffer", "i32"] },
  utimensat: { x86_64: 280, aarch64: 88, parameters: ["i32", "buffer", "buffer", "i32"] },
  ftruncate: { x86_64: 77, aarch64: 46, parameters: ["i32", "i64"] },
  lseek: { x86_64: 8, aarch64: 62, parameters: ["i32", "i64", "i32"] },
  fchmod: { x86_64: 91, aarch64: 52, parameters: ["i32", "i32"] },
  fchown: { x86_64: 93, aarch64: 55, parameters: ["i32", "i32", "i32"] },
  fchownat: { x86_64: 260, aarch64: 54, parameters: ["i32", "buffer", "i32", "i32", "i32"] },
  flistxattr: { x86_64: 196, aarch64: 13, parameters: ["i32", "buffer", "usize"] },
  fgetxattr: { x86_64: 193, aarch64: 10, parameters: ["i32", "buffer", "buffer", "usize"] },
  fsetxattr: { x86_64: 190, aarch64: 7, parameters: ["i32", "buffer", "buffer", "usize", "i32"] },
  fdatasync: { x86_64: 75, aarch64: 83, parameters: ["i32"] },
  fsync: { x86_64: 74, aarch64: 82, parameters: ["i32"] },
  syncfs: { x86_64: 306, aarch64: 267, parameters: ["i32"] },
  sync_file_range: { x86_64: 277, aarch64: 84, parameters: ["i32", "i64", "i64", "i32"] },
  fadvise64: { x86_64: 221, aarch64: 223, parameters: ["i32", "i64", "i64", "i32"] },
  read: { x86_64: 0, aarch64: 63, parameters: ["i32", "buffer", "usize"] },
  ioctl: { x86_64: 16, aarch64: 29, parameters: ["i32", "i32", "buffer"] },
  ioprio_set: { x86_64: 251, aarch64: 30, parameters: ["i32", "i32", "i32"] },
  setpriority: { x86_64: 141, aarch64: 140, parameters: ["i32", "i32", "i32"] },
  getpgid: { x86_64: 121, aarch64: 155, parameters: ["i32"] },
  fstatfs: { x86_64: 138, aarch64: 44, parameters: ["i32", "buffer", "i32"] },
} as const satisfies Record<string, Record<Arch, number> & { parameters: Deno.NativeType[] }>;

type CallName = keyof typeof CALLS;
type Argument<T> = T extends "buffer" ? Uint8Array | null : number;
type Arguments<P extends readonly Deno.NativeType[]> = { [I in keyof P]: Argument<P[I]> };
type Mutable<T> = { -readonly [I in keyof T]: T[I] };

/** The system calls, each a function that returns at once or from the pool. */
export type Syscalls = {
  readonly [N in CallName]: (
    ...args: Arguments<Mutable<(typeof CALLS)[N]["parameters"]>>
  ) => Result;
};

/**
 * The two variants. Disposing of it unloads the library: no call may be made after that, but one that
 * still hangs in the pool may return (its page of machine code is never unmapped).
 */
export interface Libc extends Disposable {
  /** On the calling thread: returns numbers, never promises. */
  readonly now: Syscalls;
  /** On the pool. */
  readonly pooled: Syscalls;
  /**
   * Makes the first `count` calls of a program (see `program.ts`), one after the other, on the
   * calling thread.
   */
  readonly runProgram: (program: Uint8Array, count: number) => void;
  /**
   * The same on the pool. The program and all that it refers to must be in memory from
   * {@link Libc.map}: a thread that hangs in a call goes on with the next one whenever it can, even
   * when everything else of the thread that asked is long gone.
   */
  readonly runProgramPooled: (program: Uint8Array, count: number) => Promise<void>;
  /** Memory that is not the garbage collector's: it stays until it is given back. */
  readonly map: (bytes: number) => MappedMemory;
  /** The number of a call, for a program. */
  readonly numberOf: (name: CallName) => number;
}

/** A piece of memory at a fixed place. */
export interface MappedMemory {
  readonly address: number;
  /** The `bytes` from `offset` on; of each offset one view only. */
  readonly view: (offset: number, bytes: number) => ArrayBuffer;
  /** Gives it back. Nothing may refer to it any more, no call and no view that is used. */
  readonly unmap: () => void;
}

/** Flags of open(2) that differ between architectures, and those that do not. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  CREAT: 0o100,
  EXCL: 0o200,
  NONBLOCK: 0o4000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  DIRECTORY: Deno.build.arch === "aarch64" ? 0o40000 : 0o200000,
  NOFOLLOW: Deno.build.arch === "aarch64" ? 0o100000 : 0o400000,
} as const;

export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EMPTY_PATH: 0x1000,
  FORCE_SYNC: 0x2000,
};

/** A flag of renameat2(2): what has the new name stays, and the call fails with EEXIST. */
export const RENAME_NOREPLACE = 1;

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

/**
 * Loads libc.
 *
 * @throws Error when this system is not Linux on x86_64 or aarch64, or does not allow loading or new
 * machine code.
 */
export function loadLibc(): Libc {
  const arch = Deno.build.arch;
  if (Deno.build.os !== "linux") throw new Error(`no Linux system calls on ${Deno.build.os}`);
  const loaded = Deno.dlopen("libc.so.6", {
    mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
    munmap: { parameters: ["pointer", "usize"], result: "i32" },
    mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
    memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
  });
  const page = machineCode(loaded.symbols, arch);
  if (page === null) {
    loaded.close();
    throw new Error("this system allows no new machine code");
  }
  const now: Record<string, Call> = {}, pooled: Record<string, Call> = {};
  const functions = new Map<string, { now: Call; pooled: Call }>();
  for (const name of Object.keys(CALLS) as CallName[]) {
    const { [arch]: number, parameters } = CALLS[name];
    // only a place in a file can be more than 31 bits: the kernel moves less than 2 GiB a call
    const result = name === "lseek" ? "i64" : "i32";
    // one foreign function for all calls of one signature
    const signature = [result, ...parameters].join();
    const made = functions.get(signature) ?? {
      now: foreign(page, parameters, result, false),
      pooled: foreign(page, parameters, result, true),
    };
    functions.set(signature, made);
    const call = withNumber(made.now, number, parameters.length);
    now[name] = result === "i64" ? (...args) => Number(call(...args)) : call;
    // the closure holds on to the buffers until the pool's thread is done with them
    pooled[name] = (...args) =>
      made.pooled(number, ...args).then((result: number | bigint) => settled(result, args));
  }
  return {
    now: now as unknown as Syscalls,
    pooled: pooled as unknown as Syscalls,
    runProgram: programRunner(page),
    runProgramPooled: pooledProgramRunner(page),
    map: (bytes) => mapMemory(loaded.symbols, bytes),
    numberOf: (name) => CALLS[name][arch],
    [Symbol.dispose]: () => loaded.close(),
  };
}

// deno-lint-ignore no-explicit-any
type Call = (...args: any[]) => any;

/** `rawSyscall` with the parameters of a call; the FFI's own types cannot express this. */
function foreign(
  page: Deno.PointerObject,
  parameters: readonly Deno.NativeType[],
  result: "i32" | "i64",
  nonblocking: boolean,
): Call {
  const definition = { parameters: ["i64", ...parameters], result, nonblocking } as const;
  // deno-lint-ignore no-explicit-any
  const pointer = new Deno.UnsafeFnPointer(page as any, definition as any);
  // deno-lint-ignore no-explicit-any
  return (...args) => (pointer as any).call(...args);
}

function settled(result: number | bigint, _keptAlive: unknown[]): number {
  return Number(result);
}

/** A call with its number put in front. */
function withNumber(call: Call, number: number, parameters: number): Call {
  if (parameters === 1) return (a) => call(number, a);
  if (parameters === 2) return (a, b) => call(number, a, b);
  if (parameters === 3) return (a, b, c) => call(number, a, b, c);
  if (parameters === 4) return (a, b, c, d) => call(number, a, b, c, d);
  return (a, b, c, d, e) => call(number, a, b, c, d, e);
}

/** Runs programs with the machine code behind {@link rawSyscall}'s. */
function programRunner(page: Deno.PointerObject): Libc["runProgram"] {
  const address = Deno.UnsafePointer.value(page) + BigInt(RUNNER_AT);
  const runner = new Deno.UnsafeFnPointer(
    // deno-lint-ignore no-explicit-any
    Deno.UnsafePointer.create(address)! as any,
    { parameters: ["buffer", "usize"], result: "void" },
  );
  return (program, count) => {
    runner.call(program as Uint8Array<ArrayBuffer>, BigInt(count));
  };
}

/** As {@link programRunner}, on the pool. */
function pooledProgramRunner(page: Deno.PointerObject): Libc["runProgramPooled"] {
  const address = Deno.UnsafePointer.value(page) + BigInt(RUNNER_AT);
  const runner = new Deno.UnsafeFnPointer(
    // deno-lint-ignore no-explicit-any
    Deno.UnsafePointer.create(address)! as any,
    { parameters: ["buffer", "usize"], result: "void", nonblocking: true },
  );
  return async (program, count) => {
    await runner.call(program as Uint8Array<ArrayBuffer>, BigInt(count));
  };
}

/** Anonymous memory of its own. */
function mapMemory(library: Record<"mmap" | "munmap", Call>, bytes: number): MappedMemory {
  const start = library.mmap(null, BigInt(bytes), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  if (isFailed(start)) throw new Error(`cannot map ${bytes} bytes of memory`);
  return {
    address: Number(Deno.UnsafePointer.value(start)),
    view: (offset, length) => Deno.UnsafePointerView.getArrayBuffer(start, length, offset),
    unmap: () => void library.munmap(start, BigInt(bytes)),
  };
}

function isFailed(pointer: Deno.PointerValue): pointer is null {
  return pointer === null || Deno.UnsafePointer.value(pointer) === 0xffff_ffff_ffff_ffffn;
}

/** Puts the machine code into a page of its own, first writable, then executable, never both. */
function machineCode(
  library: Record<"mmap" | "mprotect" | "memcpy", Call>,
  arch: Arch,
): Deno.PointerObject | null {
  const page = library.mmap(null, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  if (isFailed(page)) return null;
  const code = new Uint8Array(RUNNER_AT + RUN_PROGRAM[arch].length);
  code.set(RAW_SYSCALL[arch]);
  code.set(RUN_PROGRAM[arch], RUNNER_AT);
  library.memcpy(page, code, BigInt(code.length));
  return library.mprotect(page, PAGE, PROT_READ_EXEC) === 0 ? page : null;
}
