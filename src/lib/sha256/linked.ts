/**
 * The SHA-256 of messages each of which has the hash of the one before in it. They are all hashed in
 * one call: as each is told by its hash in hex, three calls and two strings would belong to each.
 */
import { type Assembler, R } from "./assembler.ts";
import { addressOf, loadCode, putNumber, type Run } from "./load.ts";
import {
  assemble,
  BLOCK,
  type Code,
  CONSTANTS,
  FOLLOWS,
  HASH,
  LENGTH,
  type Message,
  putBlock,
  putConstants,
  putTold,
} from "./rounds.ts";

/**
 * What the code works with: the hash of the last message in hex, room for the last two blocks of a
 * message, and the links: where a message is, its bytes, where in it the hash of the one before
 * belongs, and where the first digits of its own do.
 */
const TABLE = { hash: 0, last: 2 * HASH, links: 2 * HASH + 2 * BLOCK } as const;
const LINK = { message: 0, size: 8, before: 16, own: 24, bytes: 32 } as const;

/** Digits of its own hash that a link gets. */
export const OWN_DIGITS = 16;

const MESSAGE: Message = { abef: 1, cdgh: 2, words: [3, 4, 5, 6], blocks: R.dx, kept: -32 };
/** Registers that a block leaves alone. */
const HIGH = 7, LOW = 8, PAIRS = 9, TEXT = 10, DIGITS = 11, NIBBLES = 12;
/** What is free. */
const FREE = 13;

/** `(table, links)`. */
function linksCode(): Code {
  return assemble((asm) => {
    const block = asm.at;
    putBlock(asm, [MESSAGE]);
    asm.ret();
    const start = asm.at;
    putConstants(asm);
    asm.load(DIGITS, R.r10, CONSTANTS.digits);
    asm.load(NIBBLES, R.r10, CONSTANTS.nibbles);
    asm.copy(R.r9, R.di);
    asm.copy(R.r8, R.si);
    asm.copy(R.r11, R.di);
    asm.add(R.r11, TABLE.links);
    asm.test(R.r8);
    const done = asm.jz(), link = asm.at;
    putLink(asm, block);
    asm.add(R.r11, LINK.bytes);
    asm.dec(R.r8);
    asm.jnz(link);
    asm.land(done);
    asm.ret();
    return { start };
  });
}

/** One link; the table is at r9, the link at r11. `block` is the code of one block. */
function putLink(asm: Assembler, block: number): void {
  asm.mov(R.dx, R.r11, LINK.message);
  asm.mov(R.cx, R.r11, LINK.size);
  asm.mov(R.ax, R.r11, LINK.before);
  for (let at = 0; at < 2 * HASH; at += 16) {
    asm.load(FREE, R.r9, TABLE.hash + at);
    asm.store(R.ax, at, FREE);
  }
  asm.load(MESSAGE.abef, R.r10, CONSTANTS.initial);
  asm.load(MESSAGE.cdgh, R.r10, CONSTANTS.initial + 16);
  asm.copy(R.si, R.cx);
  asm.shiftRight(R.si, Math.log2(BLOCK));
  asm.test(R.si);
  const short = asm.jz(), whole = asm.at;
  asm.call(block);
  asm.dec(R.si);
  asm.jnz(whole);
  asm.land(short);
  putLast(asm);
  const last = asm.at;
  asm.call(block);
  asm.dec(R.si);
  asm.jnz(last);
  putTold(asm, MESSAGE);
  asm.mov(R.ax, R.r11, LINK.own);
  putDigits(asm, MESSAGE.abef, TABLE.hash, true);
  putDigits(asm, MESSAGE.cdgh, TABLE.hash + HASH, false);
}

/** The last blocks: what is left of the message, whose bytes are in rcx, and what follows it. */
function putLast(asm: Assembler): void {
  asm.pxor(FREE, FREE);
  for (let at = 0; at < 2 * BLOCK; at += 16) asm.store(R.r9, TABLE.last + at, FREE);
  asm.copy(R.si, R.dx);
  asm.copy(R.di, R.r9);
  asm.add(R.di, TABLE.last);
  asm.copy(R.dx, R.di);
  asm.and(R.cx, BLOCK - 1);
  asm.copy(R.ax, R.cx);
  // rep movsb; mov byte [rdi], FOLLOWS
  asm.raw([0xf3, 0xa4, 0xc6, 0x07, FOLLOWS]);
  asm.mov(R.cx, R.r11, LINK.size);
  asm.shiftLeft(R.cx, 3);
  asm.bswap(R.cx);
  asm.copy(R.di, R.dx);
  asm.add(R.di, BLOCK - LENGTH);
  asm.set(R.si, 1);
  asm.compare(R.ax, BLOCK - LENGTH);
  const one = asm.jb();
  asm.add(R.di, BLOCK);
  asm.add(R.si, 1);
  asm.land(one);
  asm.put(R.di, 0, R.cx);
}

/** Half of a hash in hex: to the table, and the first digits to the address in rax. */
function putDigits(asm: Assembler, half: number, at: number, first: boolean): void {
  asm.move(HIGH, half);
  asm.psrlw(HIGH, 4);
  asm.pand(HIGH, NIBBLES);
  asm.move(LOW, half);
  asm.pand(LOW, NIBBLES);
  asm.move(PAIRS, HIGH);
  asm.punpcklbw(PAIRS, LOW);
  asm.punpckhbw(HIGH, LOW);
  asm.move(TEXT, DIGITS);
  asm.pshufb(TEXT, PAIRS);
  asm.store(R.r9, at, TEXT);
  if (first) asm.store(R.ax, 0, TEXT);
  asm.move(TEXT, DIGITS);
  asm.pshufb(TEXT, HIGH);
  asm.store(R.r9, at + 16, TEXT);
}

/** Of this thread; undefined until it was tried. */
let loaded: Run | null | undefined;

const decoder = new TextDecoder(), encoder = new TextEncoder();

/** Links messages that lie in one piece of memory. */
export class LinkedSha256 {
  readonly #most: number;
  readonly #run: Run;
  readonly #table: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  #count = 0;
  /** Where the messages are. */
  #bytes: Uint8Array | null = null;
  #address = 0;

  /**
   * Undefined where this processor has no instructions for it, or the system allows no machine code.
   *
   * @param most links at a time
   */
  static ifPossible(most: number): LinkedSha256 | undefined {
    if (loaded === undefined) loaded = loadCode(linksCode);
    return loaded === null ? undefined : new LinkedSha256(loaded, most);
  }

  private constructor(run: Run, most: number) {
    this.#most = most;
    this.#run = run;
    this.#table = new Uint8Array(TABLE.links + most * LINK.bytes);
    this.#words = new Uint32Array(this.#table.buffer);
  }

  /**
   * Takes one more link, and returns how many wait. It is a message of `bytes`, from `from` to `to`; the 64 digits of the hash
   * before it begin at `before`, in it; the first {@link OWN_DIGITS} of its own one at `own`, behind it.
   *
   * @throws RangeError when they lie elsewhere, or there are more links than was said
   */
  add(bytes: Uint8Array, from: number, to: number, before: number, own: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#address = addressOf(bytes);
    }
    const inside = from >= 0 && from <= before && before + 2 * HASH <= to && to <= own;
    if (!inside || own + OWN_DIGITS > bytes.length) throw new RangeError(`${from} to ${to}`);
    if (this.#count === this.#most) throw new RangeError(`more than ${this.#most} links`);
    const words = this.#words, address = this.#address;
    const at = (TABLE.links + LINK.bytes * this.#count++) / 4;
    putNumber(words, at + LINK.message / 4, address + from);
    putNumber(words, at + LINK.size / 4, to - from);
    putNumber(words, at + LINK.before / 4, address + before);
    putNumber(words, at + LINK.own / 4, address + own);
    return this.#count;
  }

  /** Links all that were taken, and returns the hash of the last one. `head` is the one before them. */
  link(head: string): string {
    encoder.encodeInto(head, this.#table);
    this.#run(this.#table, this.#count);
    this.#count = 0;
    return decoder.decode(this.#table.subarray(0, 2 * HASH));
  }
}
