/**
 * The SHA-256 of many short messages, two at a time.
 *
 * A round of SHA-256 waits for the one before it, so that a processor with instructions for it (from
 * 2017 on) is idle half of the time; with a round of another message in between it is not. OpenSSL
 * hashes one message at a time: 4 KiB take 2.4 µs with it, 1.3 µs here, and OpenSSL is given each of
 * them in three calls.
 */
import { R } from "./assembler.ts";
import { addressOf, loadCode, putNumber, type Run } from "./load.ts";
import {
  assemble,
  BLOCK,
  type Code,
  FOLLOWS,
  HASH,
  INITIAL,
  LENGTH,
  type Message,
  putBlock,
  putConstants,
  putLoad,
  putTold,
} from "./rounds.ts";

/** A step of the code: where a hash so far and its blocks are, the same of another, how many blocks. */
const STEP = { hash: 0, blocks: 2, otherHash: 4, otherBlocks: 6, count: 8, words: 10 } as const;

const ONE: Message & { hash: number } = {
  ...{ abef: 1, cdgh: 2, words: [3, 4, 5, 6], kept: -32, blocks: R.cx, hash: R.ax },
};
const OTHER: Message & { hash: number } = {
  ...{ abef: 7, cdgh: 8, words: [9, 10, 11, 12], kept: -64, blocks: R.r8, hash: R.dx },
};

/** `(steps, count)`. */
function stepsCode(): Code {
  return assemble((asm) => {
    const start = asm.at, both = [ONE, OTHER];
    putConstants(asm);
    asm.test(R.si);
    const done = asm.jz(), step = asm.at;
    asm.mov(ONE.hash, R.di, 4 * STEP.hash);
    asm.mov(ONE.blocks, R.di, 4 * STEP.blocks);
    asm.mov(OTHER.hash, R.di, 4 * STEP.otherHash);
    asm.mov(OTHER.blocks, R.di, 4 * STEP.otherBlocks);
    asm.mov(R.r9, R.di, 4 * STEP.count);
    for (const message of both) putLoad(asm, message, message.hash);
    const block = asm.at;
    putBlock(asm, both);
    asm.dec(R.r9);
    asm.jnz(block);
    for (const message of both) {
      putTold(asm, message);
      asm.store(message.hash, 0, message.abef);
      asm.store(message.hash, 16, message.cdgh);
    }
    asm.add(R.di, 4 * STEP.words);
    asm.dec(R.si);
    asm.jnz(step);
    asm.land(done);
    asm.ret();
    return { start };
  });
}

/** Of this thread; undefined until it was tried. */
let loaded: Run | null | undefined;

/** A message that is being hashed. A place is an address in memory. */
interface Lane {
  /** Where its hash is. */
  hash: number;
  /** Where its next blocks are, and how many there are. */
  blocks: number;
  count: number;
  /** Where its last blocks are, how many; 0: they are the ones above. */
  last: number;
  lastCount: number;
}

/**
 * Hashes messages that lie in memory one after the other. What it needs itself is made once, for all
 * that it will hash.
 */
export class ManySha256 {
  readonly #run: Run;
  /** The most messages at a time. */
  readonly #most: number;
  /** The hashes, with one that nobody asks for; then two blocks for the end of each message. */
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #address: number;
  readonly #ends: DataView;
  readonly #initial: Uint8Array<ArrayBuffer>;
  readonly #steps: Uint32Array<ArrayBuffer>;
  readonly #stepBytes: Uint8Array<ArrayBuffer>;
  #taken = 0;
  readonly #lanes: readonly [Lane, Lane] = [newLane(), newLane()];
  /** The next message, and where it is. */
  #next = 0;
  #at = 0;

  /**
   * Undefined where this processor has no instructions for it, or the system allows no machine code.
   *
   * @param most messages at a time
   */
  static ifPossible(most: number): ManySha256 | undefined {
    if (loaded === undefined) loaded = loadCode(stepsCode);
    return loaded === null ? undefined : new ManySha256(loaded, most);
  }

  private constructor(run: Run, most: number) {
    this.#run = run;
    this.#most = most;
    const ends = (most + 1) * HASH;
    this.#memory = new Uint8Array(ends + most * 2 * BLOCK);
    this.#address = addressOf(this.#memory);
    this.#ends = new DataView(this.#memory.buffer, ends);
    this.#initial = Uint8Array.fromHex(INITIAL.repeat(most + 1));
    this.#steps = new Uint32Array(2 * most * STEP.words);
    this.#stepBytes = new Uint8Array(this.#steps.buffer);
  }

  /**
   * The hashes in hex, one after the other without a separator.
   *
   * @param sizes bytes of each message; they lie in `data` one after the other
   * @throws RangeError when there are more than was said, or they do not lie in `data`
   */
  hash(data: Uint8Array, sizes: readonly number[]): string {
    let bytes = 0;
    for (const size of sizes) bytes += size;
    if (sizes.length > this.#most || bytes > data.length) {
      throw new RangeError(`${sizes.length} messages of ${bytes} bytes in ${data.length}`);
    }
    const memory = this.#memory, [one, other] = this.#lanes;
    memory.set(this.#initial);
    this.#taken = this.#next = this.#at = 0;
    const from = addressOf(data);
    for (;;) {
      const goesOn = one.count > 0 || this.#fill(one, data, from, sizes);
      if (other.count === 0 && !this.#fill(other, data, from, sizes)) {
        if (!goesOn) break;
        this.#alone(one);
      } else if (goesOn) this.#put(one, other, Math.min(one.count, other.count));
      else this.#alone(other);
    }
    this.#run(this.#stepBytes, this.#taken);
    return memory.subarray(0, sizes.length * HASH).toHex();
  }

  /** Gives a lane what is next of its message, or the next message; false: there is none. */
  #fill(lane: Lane, data: Uint8Array, from: number, sizes: readonly number[]): boolean {
    if (lane.lastCount === 0) {
      if (this.#next === sizes.length) return false;
      const message = this.#next++, size = sizes[message]!, at = this.#at, to = this.#at += size;
      const ends = 2 * BLOCK * message, over = size % BLOCK;
      lane.hash = this.#address + HASH * message;
      lane.last = this.#address + this.#ends.byteOffset + ends;
      lane.lastCount = over < BLOCK - LENGTH ? 1 : 2;
      this.#putEnd(ends, data.subarray(to - over, to), size, lane.lastCount);
      lane.blocks = from + at;
      lane.count = (size - over) / BLOCK;
      if (lane.count > 0) return true;
    }
    lane.blocks = lane.last;
    lane.count = lane.lastCount;
    lane.lastCount = 0;
    return true;
  }

  /** The last blocks of a message, which has `rest` in them. */
  #putEnd(at: number, rest: Uint8Array, size: number, count: number): void {
    const ends = this.#ends, from = ends.byteOffset + at, to = from + BLOCK * count;
    this.#memory.fill(0, from, to);
    this.#memory.set(rest, from);
    this.#memory[from + rest.length] = FOLLOWS;
    ends.setUint32(at + BLOCK * count - LENGTH, Math.floor(size / 2 ** 29));
    ends.setUint32(at + BLOCK * count - LENGTH / 2, size * 8);
  }

  /** All blocks of a lane while the other one is idle: it hashes the same for nobody. */
  #alone(lane: Lane): void {
    const nobody = { ...lane, hash: this.#address + HASH * this.#most };
    this.#put(lane, nobody, lane.count);
  }

  #put(one: Lane, other: Lane, count: number): void {
    const steps = this.#steps, at = this.#taken++ * STEP.words;
    putNumber(steps, at + STEP.hash, one.hash);
    putNumber(steps, at + STEP.blocks, one.blocks);
    putNumber(steps, at + STEP.otherHash, other.hash);
    putNumber(steps, at + STEP.otherBlocks, other.blocks);
    putNumber(steps, at + STEP.count, count);
    for (const lane of [one, other]) {
      lane.blocks += BLOCK * count;
      lane.count -= count;
    }
  }
}

function newLane(): Lane {
  return { hash: 0, blocks: 0, count: 0, last: 0, lastCount: 0 };
}
