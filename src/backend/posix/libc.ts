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
 * They go through a page of machine code that returns what the kernel returned (`machine_code.ts`): on
 * the pool by a pointer to a function, on the calling thread as programs of one call. The runtime takes
 * a function of a library four times as fast as one that it has a pointer to (0.5 and 2 microseconds),
 * and bsearch(3) is a function of a library that calls the one it is given a pointer to: with its key
 * and, of an array of one, the only element.
 */
import { anonymous, openLibc } from "../../lib/system_library.ts";
import { type Arch, machineCode } from "./machine_code.ts";
import { Addresses, addressOf, Program } from "./program.ts";

/** The value of a call: at once, or a promise from the pool. Await works on both. */
export type Result = number | Promise<number>;

/** A type of the FFI, or a buffer that the kernel only reads: a name, mostly. */
type Parameter = Deno.NativeType | "input";

/** Numbers from the kernel's asm/unistd.h of each architecture, and the parameters. */
const CALLS = {
  openat: { x86_64: 257, aarch64: 56, parameters: ["i32", "input", "i32", "i32"] },
  close: { x86_64: 3, aarch64: 57, parameters: ["i32"] },
  pread64: { x86_64: 17, aarch64: 67, parameters: ["i32", "buffer", "usize", "i64"] },
  pwrite64: { x86_64: 18, aarch64: 68, parameters: ["i32", "buffer", "usize", "i64"] },
  statx: { x86_64: 332, aarch64: 291, parameters: ["i32", "input", "i32", "i32", "buffer"] },
  getdents64: { x86_64: 217, aarch64: 61, parameters: ["i32", "buffer", "i32"] },
  renameat2: { x86_64: 316, aarch64: 276, parameters: ["i32", "input", "i32", "input", "i32"] },
  linkat: { x86_64: 265, aarch64: 37, parameters: ["i32", "input", "i32", "input", "i32"] },
  unlinkat: { x86_64: 263, aarch64: 35, parameters: ["i32", "input", "i32"] },
  mkdirat: { x86_64: 258, aarch64: 34, parameters: ["i32", "input", "i32"] },
  symlinkat: { x86_64: 266, aarch64: 36, parameters: ["input", "i32", "input"] },
  readlinkat: { x86_64: 267, aarch64: 78, parameters: ["i32", "input", "buffer", "i32"] },
  utimensat: { x86_64: 280, aarch64: 88, parameters: ["i32", "input", "input", "i32"] },
  ftruncate: { x86_64: 77, aarch64: 46, parameters: ["i32", "i64"] },
  lseek: { x86_64: 8, aarch64: 62, parameters: ["i32", "i64", "i32"] },
  fchmod: { x86_64: 91, aarch64: 52, parameters: ["i32", "i32"] },
  fchown: { x86_64: 93, aarch64: 55, parameters: ["i32", "i32", "i32"] },
  fchownat: { x86_64: 260, aarch64: 54, parameters: ["i32", "input", "i32", "i32", "i32"] },
  flistxattr: { x86_64: 196, aarch64: 13, parameters: ["i32", "buffer", "usize"] },
  fgetxattr: { x86_64: 193, aarch64: 10, parameters: ["i32", "input", "buffer", "usize"] },
  fsetxattr: { x86_64: 190, aarch64: 7, parameters: ["i32", "input", "input", "usize", "i32"] },
  fdatasync: { x86_64: 75, aarch64: 83, parameters: ["i32"] },
  fsync: { x86_64: 74, aarch64: 82, parameters: ["i32"] },
  syncfs: { x86_64: 306, aarch64: 267, parameters: ["i32"] },
  sync_file_range: { x86_64: 277, aarch64: 84, parameters: ["i32", "i64", "i64", "i32"] },
  fadvise64: { x86_64: 221, aarch64: 223, parameters: ["i32", "i64", "i64", "i32"] },
  fcntl: { x86_64: 72, aarch64: 25, parameters: ["i32", "i32", "i32"] },
  read: { x86_64: 0, aarch64: 63, parameters: ["i32", "buffer", "usize"] },
  write: { x86_64: 1, aarch64: 64, parameters: ["i32", "buffer", "usize"] },
  ioctl: { x86_64: 16, aarch64: 29, parameters: ["i32", "i32", "buffer"] },
  ioprio_set: { x86_64: 251, aarch64: 30, parameters: ["i32", "i32", "i32"] },
  setpriority: { x86_64: 141, aarch64: 140, parameters: ["i32", "i32", "i32"] },
  getpgid: { x86_64: 121, aarch64: 155, parameters: ["i32"] },
  fstatfs: { x86_64: 138, aarch64: 44, parameters: ["i32", "buffer", "i32"] },
} as const satisfies Record<string, Record<Arch, number> & { parameters: Parameter[] }>;

type CallName = keyof typeof CALLS;
type Argument<T> = T extends "buffer" | "input" ? Uint8Array | null : number;
type Arguments<P extends readonly Parameter[]> = { [I in keyof P]: Argument<P[I]> };
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
  /** Of buffers that programs refer to. */
  readonly addresses: Addresses;
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
  NOCTTY: 0o400,
  NONBLOCK: 0o4000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  DIRECT: Deno.build.arch === "aarch64" ? 0o200000 : 0o40000,
  DIRECTORY: Deno.build.arch === "aarch64" ? 0o40000 : 0o200000,
  NOFOLLOW: Deno.build.arch === "aarch64" ? 0o100000 : 0o400000,
} as const;

/** The empty name: with `AT.EMPTY_PATH`, what the handle itself stands for. */
export const SELF = Uint8Array.of(0);

export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EMPTY_PATH: 0x1000,
  FORCE_SYNC: 0x2000,
};

/** A flag of renameat2(2): what has the new name stays, and the call fails with EEXIST. */
export const RENAME_NOREPLACE = 1;

/** The signal of a write beyond the limit of a file's size (ulimit -f), and to ignore a signal. */
const SIGXFSZ = 25, SIG_IGN = 1n;

/**
 * Loads libc. From then on a write beyond the limit of a file's size fails with EFBIG, where it would end
 * the process without a word: it is one file that does not fit.
 *
 * @throws Error when this system is not Linux on x86_64 or aarch64, or does not allow loading or new
 * machine code.
 */
export function loadLibc(): Libc {
  const arch = Deno.build.arch;
  if (Deno.build.os !== "linux") throw new Error(`no Linux system calls on ${Deno.build.os}`);
  const loaded = openLibc({
    bsearch: {
      parameters: ["buffer", "usize", "usize", "usize", "pointer"],
      result: "pointer",
    },
    signal: { parameters: ["i32", "usize"], result: "usize" },
  });
  const { symbols } = loaded;
  symbols.signal(SIGXFSZ, SIG_IGN);
  const code = machineCode(symbols, arch);
  if (code === null) {
    loaded.close();
    throw new Error("this system allows no new machine code");
  }
  const runProgram: Libc["runProgram"] = (program, count) => {
    symbols.bsearch(program as Uint8Array<ArrayBuffer>, BigInt(count), 1n, 1n, code.runProgram);
  };
  const addresses = new Addresses();
  const immediate = new Immediate({ runProgram, addresses });
  const now: Record<string, Call> = {}, pooled: Record<string, Call> = {};
  const functions = new Map<string, Call>();
  for (const name of Object.keys(CALLS) as CallName[]) {
    const { [arch]: number, parameters } = CALLS[name];
    // only a place in a file can be more than 31 bits: the kernel moves less than 2 GiB a call
    const result = name === "lseek" ? "i64" : "i32";
    now[name] = result === "i64"
      ? (...args) => immediate.callFar(number, parameters, args)
      : (...args) => immediate.call(number, parameters, args);
    // one foreign function for all calls of one signature
    const signature = [result, ...parameters].join();
    const made = functions.get(signature) ?? pooledCall(code.rawSyscall, parameters, result);
    functions.set(signature, made);
    // the closure holds on to the buffers until the pool's thread is done with them
    pooled[name] = (...args) =>
      made(number, ...args).then((result: number | bigint) => settled(result, args));
  }
  return {
    now: now as unknown as Syscalls,
    pooled: pooled as unknown as Syscalls,
    runProgram,
    addresses,
    runProgramPooled: pooledRunner(code.runProgram),
    map(bytes) {
      const start = anonymous(symbols, BigInt(bytes));
      if (start === null) throw new Error(`cannot map ${bytes} bytes of memory`);
      return {
        address: Number(Deno.UnsafePointer.value(start)),
        view: (offset, length) => Deno.UnsafePointerView.getArrayBuffer(start, length, offset),
        unmap: () => void symbols.munmap(start, BigInt(bytes)),
      };
    },
    numberOf: (name) => CALLS[name][arch],
    [Symbol.dispose]: () => loaded.close(),
  };
}

type Value = number | Uint8Array | null;

/** Bytes of an input that is copied: any name, and no path of many. */
const COPIED = 512;

/** Arguments of a call. */
const MOST_ARGUMENTS = 5;

/** Calls on the calling thread: programs of one call, one after the other in the same memory. */
class Immediate {
  readonly #program: Program;
  /** Inputs are put here, which is cheaper than to find out where each of them lies. */
  readonly #inputs = new Uint8Array(2 * COPIED);
  readonly #inputsAt: number;
  readonly #addresses: Addresses;

  constructor({ runProgram, addresses }: Pick<Libc, "runProgram" | "addresses">) {
    this.#program = new Program(runProgram, 1);
    this.#addresses = addresses;
    this.#inputsAt = addressOf(this.#inputs.buffer);
  }

  /** What the kernel returned, if it is a number of 32 bits. */
  call(number: number, parameters: readonly Parameter[], args: readonly Value[]): number {
    this.#make(number, parameters, args);
    return this.#program.result(0);
  }

  /** What the kernel returned, up to 2^53. */
  callFar(number: number, parameters: readonly Parameter[], args: readonly Value[]): number {
    this.#make(number, parameters, args);
    return this.#program.farResult(0);
  }

  #make(number: number, parameters: readonly Parameter[], args: readonly Value[]): void {
    const program = this.#program;
    program.begin(0, number);
    let copied = 0;
    for (let i = 0; i < MOST_ARGUMENTS; i++) {
      const value = args[i] ?? 0;
      if (typeof value === "number") program.argument(0, i, value);
      else if (parameters[i] === "input" && value.length <= COPIED) {
        this.#inputs.set(value, copied);
        program.argument(0, i, this.#inputsAt + copied);
        copied += COPIED;
      } else program.argument(0, i, this.#addresses.of(value));
    }
    program.run(1);
  }
}

// deno-lint-ignore no-explicit-any
type Call = (...args: any[]) => any;

/** `rawSyscall` on the pool, with the parameters of a call; the FFI's own types cannot express this. */
function pooledCall(
  rawSyscall: Deno.PointerObject,
  own: readonly Parameter[],
  result: "i32" | "i64",
): Call {
  const parameters = ["i64", ...own.map((type) => type === "input" ? "buffer" : type)];
  const definition = { parameters, result, nonblocking: true };
  // deno-lint-ignore no-explicit-any
  const pointer = new Deno.UnsafeFnPointer(rawSyscall as any, definition as any);
  // deno-lint-ignore no-explicit-any
  return (...args) => (pointer as any).call(...args);
}

function settled(result: number | bigint, _keptAlive: unknown[]): number {
  return Number(result);
}

/** `runProgram` on the pool. */
function pooledRunner(runProgram: Deno.PointerObject): Libc["runProgramPooled"] {
  const runner = new Deno.UnsafeFnPointer(
    // deno-lint-ignore no-explicit-any
    runProgram as any,
    { parameters: ["buffer", "usize"], result: "void", nonblocking: true },
  );
  return async (program, count) => {
    await runner.call(program as Uint8Array<ArrayBuffer>, BigInt(count));
  };
}
