/**
 * Linux system calls through libc, without losing a byte of a name or a nanosecond of a time.
 *
 * Each call exists twice: made on the calling thread (fast where the file system answers at once),
 * and made on a thread of the pool (for calls that may wait). Both return the kernel's own
 * convention: a result of 0 or more, or a negative errno.
 *
 * The pool variant cannot go through libc's wrappers, because `errno` is local to the pool's thread
 * and gone when the promise resolves. It calls `rawSyscall`, a few instructions of machine code that
 * move the arguments into the registers the kernel wants and return what the kernel returned. Where
 * the system forbids new executable memory, the calling thread makes all calls.
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
  fdatasync: { x86_64: 75, aarch64: 83, parameters: ["i32"] },
  fsync: { x86_64: 74, aarch64: 82, parameters: ["i32"] },
  syncfs: { x86_64: 306, aarch64: 267, parameters: ["i32"] },
  // the kernel wants (descriptor, offset, length, advice): as the "buffer", null is an offset of 0, and
  // the parameters are those of a read, which spares a foreign function of its own
  fadvise64: { x86_64: 221, aarch64: 223, parameters: ["i32", "buffer", "usize", "i64"] },
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
  /** On the pool; the same object as `now` where that is not possible. */
  readonly pooled: Syscalls;
  /**
   * Makes the first `count` calls of a program (see `program.ts`), one after the other, on the
   * calling thread; null where machine code cannot be run.
   */
  readonly runProgram: ((program: Uint8Array, count: number) => void) | null;
  /** The number of a call, for a program. */
  readonly numberOf: (name: CallName) => number;
}

/** Flags of open(2) that differ between architectures, and those that do not. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  CREAT: 0o100,
  EXCL: 0o200,
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
 * @throws Error when this system is not Linux on x86_64 or aarch64, or does not allow loading.
 */
export function loadLibc(): Libc {
  const arch = Deno.build.arch;
  if (Deno.build.os !== "linux") throw new Error(`no Linux system calls on ${Deno.build.os}`);
  const names = Object.keys(CALLS) as CallName[];
  const definitions: Record<string, Deno.ForeignFunction> = {
    __errno_location: { parameters: [], result: "pointer" },
    mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
    mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
    memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
  };
  // one foreign function for all calls of one signature: each costs a millisecond to make
  for (const name of names) {
    definitions[signatureOf(name)] = {
      name: "syscall",
      parameters: ["i32", ...CALLS[name].parameters],
      // the kernel moves less than 2 GiB a call; only a position in a file may be larger
      result: name === "lseek" ? "i64" : "i32",
    };
  }
  const loaded = Deno.dlopen("libc.so.6", definitions);
  const library = loaded.symbols as unknown as Record<
    string,
    // deno-lint-ignore no-explicit-any
    (...args: any[]) => any
  >;
  const errno = () => new Deno.UnsafePointerView(library.__errno_location!()).getInt32();
  const raw = rawSyscall(library, arch);
  // deno-lint-ignore no-explicit-any
  const pooled: Record<string, any> = {};
  for (const name of names) {
    const number = CALLS[name][arch];
    if (raw === null) continue;
    const pointer = foreign(raw, ["i64", ...CALLS[name].parameters]);
    // the closure holds on to the buffers until the pool's thread is done with them
    pooled[name] = (...args: unknown[]) =>
      pointer.call(number, ...args).then((result) => settled(result, args));
  }
  const now = immediateCalls(library, arch, errno);
  return {
    now,
    pooled: raw === null ? now : pooled as Syscalls,
    runProgram: raw === null ? null : programRunner(raw),
    numberOf: (name) => CALLS[name][arch],
    [Symbol.dispose]: () => loaded.close(),
  };
}

function signatureOf(name: CallName): string {
  return `syscall_${CALLS[name].parameters.join("_")}`;
}

/** A function of the pool at an address; the FFI's own types cannot express a computed signature. */
function foreign(address: Deno.PointerObject, parameters: readonly Deno.NativeType[]) {
  const definition = { parameters: [...parameters], result: "i64", nonblocking: true } as const;
  // deno-lint-ignore no-explicit-any
  return new Deno.UnsafeFnPointer(address as any, definition) as unknown as {
    call(...args: unknown[]): Promise<bigint | number>;
  };
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

function settled(result: bigint | number, _keptAlive: unknown[]): number {
  return Number(result);
}

// deno-lint-ignore no-explicit-any
type Call = (...args: any[]) => number;

/**
 * The calls on the calling thread. Each is written out, so that its call site only ever sees one
 * foreign function, which is what V8 needs to call it without detours.
 */
function immediateCalls(library: Record<string, Call>, arch: Arch, errno: () => number): Syscalls {
  // a failure stays one (EIO) should something have reset errno in between
  const check = (result: number) => result < 0 ? -(errno() || 5) : result;
  const of = (name: CallName) => library[signatureOf(name)]!;
  const openat = of("openat"), openatNumber = CALLS.openat[arch];
  const close = of("close"), closeNumber = CALLS.close[arch];
  const pread64 = of("pread64"), pread64Number = CALLS.pread64[arch];
  const pwrite64 = of("pwrite64"), pwrite64Number = CALLS.pwrite64[arch];
  const statx = of("statx"), statxNumber = CALLS.statx[arch];
  const getdents64 = of("getdents64"), getdents64Number = CALLS.getdents64[arch];
  const renameat2 = of("renameat2"), renameat2Number = CALLS.renameat2[arch];
  const linkat = of("linkat"), linkatNumber = CALLS.linkat[arch];
  const unlinkat = of("unlinkat"), unlinkatNumber = CALLS.unlinkat[arch];
  const mkdirat = of("mkdirat"), mkdiratNumber = CALLS.mkdirat[arch];
  const symlinkat = of("symlinkat"), symlinkatNumber = CALLS.symlinkat[arch];
  const readlinkat = of("readlinkat"), readlinkatNumber = CALLS.readlinkat[arch];
  const utimensat = of("utimensat"), utimensatNumber = CALLS.utimensat[arch];
  const ftruncate = of("ftruncate"), ftruncateNumber = CALLS.ftruncate[arch];
  const lseek = of("lseek"), lseekNumber = CALLS.lseek[arch];
  const fdatasync = of("fdatasync"), fdatasyncNumber = CALLS.fdatasync[arch];
  const fsync = of("fsync"), fsyncNumber = CALLS.fsync[arch];
  const syncfs = of("syncfs"), syncfsNumber = CALLS.syncfs[arch];
  const fadvise64 = of("fadvise64"), fadvise64Number = CALLS.fadvise64[arch];
  const fstatfs = of("fstatfs"), fstatfsNumber = CALLS.fstatfs[arch];
  return {
    openat: (a, b, c, d) => check(openat(openatNumber, a, b, c, d)),
    close: (a) => check(close(closeNumber, a)),
    pread64: (a, b, c, d) => check(pread64(pread64Number, a, b, c, d)),
    pwrite64: (a, b, c, d) => check(pwrite64(pwrite64Number, a, b, c, d)),
    statx: (a, b, c, d, e) => check(statx(statxNumber, a, b, c, d, e)),
    getdents64: (a, b, c) => check(getdents64(getdents64Number, a, b, c)),
    renameat2: (a, b, c, d, e) => check(renameat2(renameat2Number, a, b, c, d, e)),
    linkat: (a, b, c, d, e) => check(linkat(linkatNumber, a, b, c, d, e)),
    unlinkat: (a, b, c) => check(unlinkat(unlinkatNumber, a, b, c)),
    mkdirat: (a, b, c) => check(mkdirat(mkdiratNumber, a, b, c)),
    symlinkat: (a, b, c) => check(symlinkat(symlinkatNumber, a, b, c)),
    readlinkat: (a, b, c, d) => check(readlinkat(readlinkatNumber, a, b, c, d)),
    utimensat: (a, b, c, d) => check(utimensat(utimensatNumber, a, b, c, d)),
    ftruncate: (a, b) => check(ftruncate(ftruncateNumber, a, b)),
    lseek: (a, b, c) => check(Number(lseek(lseekNumber, a, b, c))),
    fdatasync: (a) => check(fdatasync(fdatasyncNumber, a)),
    fsync: (a) => check(fsync(fsyncNumber, a)),
    syncfs: (a) => check(syncfs(syncfsNumber, a)),
    fadvise64: (a, b, c, d) => check(fadvise64(fadvise64Number, a, b, c, d)),
    fstatfs: (a, b, c) => check(fstatfs(fstatfsNumber, a, b, c)),
  };
}

/** Puts the machine code into a page of its own, first writable, then executable, never both. */
function rawSyscall(
  // deno-lint-ignore no-explicit-any
  library: Record<string, (...args: any[]) => any>,
  arch: Arch,
): Deno.PointerObject | null {
  const page = library.mmap!(null, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  if (page === null || Deno.UnsafePointer.value(page) === 0xffff_ffff_ffff_ffffn) return null;
  const code = new Uint8Array(RUNNER_AT + RUN_PROGRAM[arch].length);
  code.set(RAW_SYSCALL[arch]);
  code.set(RUN_PROGRAM[arch], RUNNER_AT);
  library.memcpy!(page, code, BigInt(code.length));
  return library.mprotect!(page, PAGE, PROT_READ_EXEC) === 0 ? page : null;
}
