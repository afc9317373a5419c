/**
 * An assembler for the few x86-64 instructions that hashing takes: each puts its bytes behind those
 * of the one before. The encodings are those of volume 2 of Intel's Software Developer's Manual.
 */

/** Numbers of the general registers that are used, all of which a function may change. */
export const R = {
  ax: 0,
  cx: 1,
  dx: 2,
  sp: 4,
  si: 6,
  di: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
} as const;

/** The tables of instructions behind the first one of two bytes. */
const TABLE_38 = 0x38, TABLE_3A = 0x3a, NO_TABLE = 0;
const NO_PREFIX = 0;

/** Machine code that is being made. It runs once for each thread, so it does nothing that is slow. */
export class Assembler {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  /** @param most bytes of the code */
  constructor(most: number) {
    this.#bytes = new Uint8Array(most);
  }

  /** Where the next byte will be. */
  get at(): number {
    return this.#at;
  }

  /** All bytes so far. */
  code(): Uint8Array<ArrayBuffer> {
    if (this.#at > this.#bytes.length) throw new RangeError(`${this.#at} bytes of code`);
    return this.#bytes.subarray(0, this.#at);
  }

  /** Bytes as they are. */
  raw(bytes: ArrayLike<number>): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** 32 bits, the lowest byte first. */
  word(word: number): void {
    const bytes = this.#bytes;
    bytes[this.#at++] = word;
    bytes[this.#at++] = word >> 8;
    bytes[this.#at++] = word >> 16;
    bytes[this.#at++] = word >> 24;
  }

  /** Zeros up to a multiple of `bytes`. */
  align(bytes: number): void {
    this.#at += -this.#at & bytes - 1;
  }

  /** From memory that lies `offset` bytes behind the address in `base` into an xmm register. */
  load(to: number, base: number, offset: number): void {
    this.#instruction(0xf3, NO_TABLE, 0x6f, to, base);
    this.#memory(to, base, offset);
  }
  store(base: number, offset: number, from: number): void {
    this.#instruction(0xf3, NO_TABLE, 0x7f, from, base);
    this.#memory(from, base, offset);
  }
  move(to: number, from: number): void {
    this.#vector(0x66, NO_TABLE, 0x6f, to, from);
  }
  paddd(to: number, from: number): void {
    this.#vector(0x66, NO_TABLE, 0xfe, to, from);
  }
  /** With memory at a multiple of 16. */
  padddFrom(to: number, base: number, offset: number): void {
    this.#instruction(0x66, NO_TABLE, 0xfe, to, base);
    this.#memory(to, base, offset);
  }
  pshufb(to: number, order: number): void {
    this.#vector(0x66, TABLE_38, 0x00, to, order);
  }
  pshufd(to: number, from: number, order: number): void {
    this.#vector(0x66, NO_TABLE, 0x70, to, from);
    this.#byte(order);
  }
  palignr(to: number, low: number, bytes: number): void {
    this.#vector(0x66, TABLE_3A, 0x0f, to, low);
    this.#byte(bytes);
  }
  pblendw(to: number, from: number, which: number): void {
    this.#vector(0x66, TABLE_3A, 0x0e, to, from);
    this.#byte(which);
  }
  pxor(to: number, from: number): void {
    this.#vector(0x66, NO_TABLE, 0xef, to, from);
  }
  pand(to: number, from: number): void {
    this.#vector(0x66, NO_TABLE, 0xdb, to, from);
  }
  punpcklbw(to: number, from: number): void {
    this.#vector(0x66, NO_TABLE, 0x60, to, from);
  }
  punpckhbw(to: number, from: number): void {
    this.#vector(0x66, NO_TABLE, 0x68, to, from);
  }
  psrlw(to: number, bits: number): void {
    this.#vector(0x66, NO_TABLE, 0x71, 2, to);
    this.#byte(bits);
  }
  sha256rnds2(to: number, from: number): void {
    this.#vector(NO_PREFIX, TABLE_38, 0xcb, to, from);
  }
  sha256msg1(to: number, from: number): void {
    this.#vector(NO_PREFIX, TABLE_38, 0xcc, to, from);
  }
  sha256msg2(to: number, from: number): void {
    this.#vector(NO_PREFIX, TABLE_38, 0xcd, to, from);
  }

  /** From memory into a general register, 64 bits, as all that follow. */
  mov(to: number, base: number, offset: number): void {
    this.#general(0x8b, to, base);
    this.#memory(to, base, offset);
  }
  put(base: number, offset: number, from: number): void {
    this.#general(0x89, from, base);
    this.#memory(from, base, offset);
  }
  copy(to: number, from: number): void {
    this.#general(0x8b, to, from);
    this.#registers(to, from);
  }
  set(to: number, value: number): void {
    this.#general(0xc7, 0, to);
    this.#registers(0, to);
    this.word(value);
  }
  add(to: number, value: number): void {
    this.#general(0x81, 0, to);
    this.#registers(0, to);
    this.word(value);
  }
  and(to: number, value: number): void {
    this.#general(0x81, 4, to);
    this.#registers(4, to);
    this.word(value);
  }
  compare(one: number, value: number): void {
    this.#general(0x81, 7, one);
    this.#registers(7, one);
    this.word(value);
  }
  shiftLeft(to: number, bits: number): void {
    this.#general(0xc1, 4, to);
    this.#registers(4, to);
    this.#byte(bits);
  }
  shiftRight(to: number, bits: number): void {
    this.#general(0xc1, 5, to);
    this.#registers(5, to);
    this.#byte(bits);
  }
  bswap(register: number): void {
    this.#byte(0x48 | register >> 3);
    this.#byte(0x0f);
    this.#byte(0xc8 | register & 7);
  }
  dec(register: number): void {
    this.#general(0xff, 1, register);
    this.#registers(1, register);
  }
  test(register: number): void {
    this.#general(0x85, register, register);
    this.#registers(register, register);
  }
  /** The address of the byte `target` of this code. */
  lea(to: number, target: number): void {
    this.#general(0x8d, to, 0);
    this.#byte((to & 7) << 3 | 5);
    this.word(target - (this.#at + 4));
  }
  ret(): void {
    this.#byte(0xc3);
  }
  /** Runs the code at the byte `target` up to its {@link ret}. */
  call(target: number): void {
    this.#byte(0xe8);
    this.word(target - (this.#at + 4));
  }
  /** Goes on at the byte `target` unless the last result was zero. */
  jnz(target: number): void {
    this.#byte(0x0f);
    this.#byte(0x85);
    this.word(target - (this.#at + 4));
  }
  /** Goes on where {@link land} is called with what this returns, if the last result was zero. */
  jz(): number {
    return this.#forward(0x84);
  }
  /** The same if what was compared is below the value. */
  jb(): number {
    return this.#forward(0x82);
  }
  #forward(condition: number): number {
    this.#byte(0x0f);
    this.#byte(condition);
    this.word(0);
    return this.#at;
  }
  land(jump: number): void {
    const here = this.#at;
    this.#at = jump - 4;
    this.word(here - jump);
    this.#at = here;
  }

  #vector(prefix: number, table: number, opcode: number, register: number, other: number): void {
    this.#instruction(prefix, table, opcode, register, other);
    this.#registers(register, other);
  }

  #instruction(prefix: number, table: number, opcode: number, register: number, other: number) {
    if (prefix !== NO_PREFIX) this.#byte(prefix);
    const rex = 0x40 | register >> 3 << 2 | other >> 3;
    if (rex !== 0x40) this.#byte(rex);
    this.#byte(0x0f);
    if (table !== NO_TABLE) this.#byte(table);
    this.#byte(opcode);
  }

  #general(opcode: number, register: number, other: number): void {
    this.#byte(0x48 | register >> 3 << 2 | other >> 3);
    this.#byte(opcode);
  }

  #registers(register: number, other: number): void {
    this.#byte(0xc0 | (register & 7) << 3 | other & 7);
  }

  #memory(register: number, base: number, offset: number): void {
    this.#byte(0x80 | (register & 7) << 3 | base & 7);
    if ((base & 7) === R.sp) this.#byte(0x24);
    this.word(offset);
  }

  #byte(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }
}
