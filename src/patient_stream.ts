/**
 * A stream whose reader may rest: a terminal that somebody has stopped with Ctrl-S, a pipe that nobody
 * empties. What it does not take now is kept and written later. A write that waits in the kernel would
 * hold up the whole run, and the signal that is to end it.
 */
import { fstatSync } from "node:fs";
import { loadLibcIfPossible } from "./backend/open.ts";
import { nulTerminated } from "./backend/posix/directories.ts";
import { EAGAIN, EINTR, EPIPE, posixError } from "./backend/posix/errno.ts";
import { AT, O } from "./backend/posix/libc.ts";
import { sleep } from "./lib/sleep.ts";
import type { StandardStream, Stream } from "./output.ts";

/** Bytes that are kept; who writes more waits for the reader after all. */
const MOST = 16 * 2 ** 20;

/** Milliseconds until the reader is tried again: at first, and once it has rested for long. */
const SOON = 5, LATER = 100;

export class PatientStream implements Stream {
  /** One that says that it would have to wait, in place of waiting. */
  readonly #stream: Stream;
  #kept: Uint8Array[] = [];
  #bytes = 0;
  #pause = SOON;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What a write failed with that nobody waited for. */
  #failed: { readonly error: unknown } | null = null;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Something is kept that the reader has not taken. */
  get isBehind(): boolean {
    return this.#kept.length > 0;
  }

  /** Takes all of it. Throws what writing it, or what was kept before, failed with. */
  writeSync(bytes: Uint8Array): number {
    if (this.#failed !== null) {
      const { error } = this.#failed;
      this.#failed = null;
      throw error;
    }
    this.#kept.push(bytes.slice());
    this.#bytes += bytes.length;
    this.#write();
    while (this.#bytes > MOST) this.#wait();
    return bytes.length;
  }

  /** Waits for the reader to take what is kept. */
  finish(): void {
    while (this.isBehind) this.#wait();
  }

  /** The same, while others go on; until `isOver` says that nobody waits any longer. */
  async drain(isOver: () => boolean): Promise<void> {
    while (this.isBehind && !isOver()) await new Promise((resolve) => setTimeout(resolve, SOON));
  }

  #wait(): void {
    sleep(this.#pause);
    this.#write();
  }

  /** Writes what the reader takes now. */
  #write(): void {
    try {
      for (let first = this.#kept[0]; first !== undefined; first = this.#kept[0]) {
        const done = this.#stream.writeSync(first);
        this.#pause = SOON;
        this.#bytes -= done;
        if (done < first.length) this.#kept[0] = first.subarray(done);
        else this.#kept.shift();
      }
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return this.#tryLater();
      this.#kept = [];
      this.#bytes = 0;
      throw error;
    }
  }

  #tryLater(): void {
    this.#pause = Math.min(this.#pause * 2, LATER);
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        this.#write();
      } catch (error) {
        this.#failed = { error };
      }
    }, this.#pause);
    // what is kept at the end is for `drain`
    Deno.unrefTimer(this.#timer as unknown as number);
  }
}

/**
 * A standard stream as a patient one, where it leads to a terminal or a pipe and the system has a
 * second way to it: the first belongs to others too, who would not expect it to refuse a write. The
 * calls are made without the runtime, which does not tell how much of a write that has to wait went
 * through.
 */
export function patient(stream: StandardStream, fd: 1 | 2): Stream {
  try {
    if (!stream.isTerminal() && !fstatSync(fd).isFIFO()) return stream;
  } catch (error) {
    // it is closed
    if (error instanceof Error) return stream;
    throw error;
  }
  const libc = loadLibcIfPossible();
  if (libc === null) return stream;
  const flags = O.WRONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
  const own = libc.now.openat(AT.FDCWD, nulTerminated(`/proc/self/fd/${fd}`), flags, 0) as number;
  // the terminal of somebody else
  if (own < 0) return stream;
  return new PatientStream({
    writeSync(bytes) {
      const result = libc.now.write(own, bytes, bytes.length) as number;
      if (result >= 0) return result;
      if (result === -EAGAIN || result === -EINTR) throw new Deno.errors.WouldBlock();
      if (result === -EPIPE) throw new Deno.errors.BrokenPipe();
      throw posixError(result, "write", "");
    },
  });
}
