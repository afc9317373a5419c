/**
 * Many names of a share looked at: several calls are one program that a thread of the pool works off.
 *
 * A client has mostly read ahead what is asked for, and answers at once; then a promise and two changes
 * of threads for each name would take ten times as long as the calls. Where it has not, as many calls
 * wait for the server at the same time as if each went alone.
 */
import { forEachLimited } from "../in_flight.ts";
import { AT, type Libc, type MappedMemory } from "./libc.ts";
import { NAME } from "./parcel_memory.ts";
import { Program, programBytes } from "./program.ts";
import { STATX, STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Programs in flight for one directory, and desks for those of all. */
const IN_FLIGHT = 32, DESKS = 64;

/** Names of a program, at most. */
const MOST = 64;

/** What a look at a name has found. `at` is where its answer lies in `answer`. */
export type Seen = (index: number, result: number, answer: StatxBuffer, at: number) => void;

/** Names in a buffer: where each begins, and where it has ended. */
interface Spans {
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
  readonly count: number;
}

/** Looks at the names of listings. */
export class ShareLooks {
  readonly #libc: Libc;
  /** Desks that nobody works at. */
  readonly #free: LookDesk[] = [];
  readonly #waiting: ((desk: LookDesk) => void)[] = [];
  #made = 0;
  #closed = false;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /**
   * Looks at names in `names`, relative to the directory `fd`. `seen` is called for each with what
   * statx(2) returned and, until it returns, its answer; in no order.
   */
  async each(
    fd: number,
    names: Uint8Array,
    spans: Spans,
    { seen, signal }: { readonly seen: Seen; readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    const { count } = spans, length = Math.min(MOST, Math.ceil(count / IN_FLIGHT));
    const begins: number[] = [];
    for (let from = 0; from < count; from += length) begins.push(from);
    await forEachLimited(begins, IN_FLIGHT, () => async (from) => {
      signal?.throwIfAborted();
      const desk = this.#free.pop() ?? await this.#take();
      try {
        await desk.look(fd, names, spans, { from, to: Math.min(count, from + length), seen });
      } finally {
        this.#giveBack(desk);
      }
    });
  }

  /** Gives the memory back; what is in use stays until its calls have returned. */
  close(): void {
    this.#closed = true;
    for (const desk of this.#free.splice(0)) desk.close();
  }

  #take(): LookDesk | Promise<LookDesk> {
    if (this.#made === DESKS) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#made += 1;
    return new LookDesk(this.#libc);
  }

  #giveBack(desk: LookDesk): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(desk);
    else if (this.#closed) desk.close();
    else this.#free.push(desk);
  }
}

/** The memory of one program, of its own: a thread that hangs goes on with it when nobody waits any more. */
class LookDesk {
  readonly #libc: Libc;
  readonly #memory: MappedMemory;
  readonly #program: Program;
  readonly #answers: StatxBuffer;
  readonly #names: Uint8Array;
  readonly #namesAt: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    const answers = programBytes(MOST), names = answers + STATX * MOST;
    const memory = this.#memory = libc.map(names + NAME * MOST);
    this.#program = new Program(libc.runProgram, MOST, memory.view(0, answers));
    this.#answers = new StatxBuffer(MOST, memory.view(answers, STATX * MOST));
    this.#names = new Uint8Array(memory.view(names, NAME * MOST));
    this.#namesAt = memory.address + names;
    const number = libc.numberOf("statx"), into = memory.address + answers;
    for (let i = 0; i < MOST; i++) {
      const name = this.#namesAt + NAME * i;
      this.#program.set(i, number, 0, name, AT.SYMLINK_NOFOLLOW, STATX_WANTED, into + STATX * i);
    }
  }

  async look(
    fd: number,
    names: Uint8Array,
    { starts, ends }: Spans,
    { from, to, seen }: { readonly from: number; readonly to: number; readonly seen: Seen },
  ): Promise<void> {
    for (let i = from; i < to; i++) {
      const slot = i - from, at = NAME * slot;
      this.#names.set(names.subarray(starts[i]!, ends[i]!), at);
      this.#names[at + ends[i]! - starts[i]!] = 0;
      this.#program.argument(slot, 0, fd);
    }
    await this.#libc.runProgramPooled(this.#program.bytes, to - from);
    for (let i = from; i < to; i++) {
      seen(i, this.#program.result(i - from), this.#answers, i - from);
    }
  }

  close(): void {
    this.#memory.unmap();
  }
}
