/**
 * SHA-256 in machine code: what all of it has in common. The algorithm is FIPS 180-4; what the
 * instructions for it do is in volume 2 of Intel's Software Developer's Manual (SHA256RNDS2,
 * SHA256MSG1, SHA256MSG2).
 */
import { Assembler, R } from "./assembler.ts";

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4). */
// deno-fmt-ignore
const K = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];
/** The words of the state before the first block, A to H (FIPS 180-4, 5.3.3). */
// deno-fmt-ignore
const H = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const;

/** Bytes of a block, and of a hash. */
export const BLOCK = 64, HASH = 32;
/** What follows a message: a 1 bit, zeros, and its length in bits in the last 8 bytes of a block. */
export const FOLLOWS = 0x80, LENGTH = 8;
/** The hash of nothing so far: the state before the first block as a hash is told. */
export const INITIAL = H.map((word) => word.toString(16).padStart(8, "0")).join("");

/** Where the constants lie behind the address in `R.r10`. */
export const CONSTANTS = { k: 0, order: 256, initial: 272, digits: 304, nibbles: 320 } as const;

/** Operands: the one of SHA256RNDS2 that is not named; what is free; the order of bytes. */
const SUM = 0, FREE = 13, ORDER = 14;

/** Registers of one message. */
export interface Message {
  /** Words A, B, E and F of the state, and C, D, G and H, as the instructions want them. */
  readonly abef: number;
  readonly cdgh: number;
  /** The words of the next 16 rounds. */
  readonly words: readonly [number, number, number, number];
  /** Has the address of the next block. */
  readonly blocks: number;
  /** Where the state before a block is kept, behind the stack pointer: 32 bytes. */
  readonly kept: number;
}

/** Machine code for x86-64, and where its functions begin: each takes an address and a number. */
export interface Code {
  readonly code: Uint8Array<ArrayBuffer>;
  /** `(registers)`: what CPUID tells of the leaf in the first of four words takes their place. */
  readonly cpuid: number;
  readonly start: number;
}

/** Code that begins with the constants, at any multiple of 16. */
export function assemble(put: (asm: Assembler) => { readonly start: number }): Code {
  const asm = new Assembler(4096);
  for (const word of K) asm.word(word);
  for (const word of [0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f]) asm.word(word);
  // F E B A and H G D C: the last one is the highest
  for (const i of [5, 4, 1, 0, 7, 6, 3, 2]) asm.word(H[i]!);
  asm.raw(new TextEncoder().encode("0123456789abcdef"));
  for (let i = 0; i < 4; i++) asm.word(0x0f0f0f0f);
  const cpuid = asm.at;
  // push rbx; mov r8, rdi; mov eax, [r8]; xor ecx, ecx; cpuid
  asm.raw([0x53, 0x49, 0x89, 0xf8, 0x41, 0x8b, 0x00, 0x31, 0xc9, 0x0f, 0xa2]);
  // mov [r8], eax; mov [r8+4], ebx; mov [r8+8], ecx; mov [r8+12], edx; pop rbx; ret
  asm.raw([0x41, 0x89, 0x00, 0x41, 0x89, 0x58, 0x04, 0x41, 0x89, 0x48, 0x08]);
  asm.raw([0x41, 0x89, 0x50, 0x0c, 0x5b, 0xc3]);
  asm.align(16);
  const { start } = put(asm);
  return { code: asm.code(), cpuid, start };
}

/** What the rest relies on. */
export function putConstants(asm: Assembler): void {
  asm.lea(R.r10, 0);
  asm.load(ORDER, R.r10, CONSTANTS.order);
}

/** The state of a message out of the hash so far, as it is told. */
export function putLoad(asm: Assembler, { abef, cdgh }: Message, from: number): void {
  asm.load(FREE, from, 0);
  asm.load(cdgh, from, 16);
  asm.pshufb(FREE, ORDER);
  asm.pshufb(cdgh, ORDER);
  asm.pshufd(FREE, FREE, 0xb1);
  asm.pshufd(cdgh, cdgh, 0x1b);
  asm.move(abef, FREE);
  asm.palignr(abef, cdgh, 8);
  asm.pblendw(cdgh, FREE, 0xf0);
}

/** The state becomes the hash: its first half in `abef`, the second one in `cdgh`. */
export function putTold(asm: Assembler, { abef, cdgh }: Message): void {
  asm.pshufd(FREE, abef, 0x1b);
  asm.pshufd(cdgh, cdgh, 0xb1);
  asm.move(abef, FREE);
  asm.pblendw(abef, cdgh, 0xf0);
  asm.palignr(cdgh, FREE, 8);
  asm.pshufb(abef, ORDER);
  asm.pshufb(cdgh, ORDER);
}

/** A block of each message, whose addresses move on to the next one. */
export function putBlock(asm: Assembler, messages: readonly Message[]): void {
  for (const { abef, cdgh, words, blocks, kept } of messages) {
    // code that calls nothing may use the 128 bytes below the stack
    asm.store(R.sp, kept, abef);
    asm.store(R.sp, kept + 16, cdgh);
    words.forEach((register, i) => {
      asm.load(register, blocks, 16 * i);
      asm.pshufb(register, ORDER);
    });
  }
  for (let group = 0; group < 16; group++) {
    if (group >= 4) { for (const { words } of messages) putWords(asm, words, group); }
    for (const { abef, cdgh, words } of messages) {
      asm.move(SUM, words[group % 4]!);
      asm.padddFrom(SUM, R.r10, CONSTANTS.k + 16 * group);
      asm.sha256rnds2(cdgh, abef);
      asm.pshufd(SUM, SUM, 0x0e);
      asm.sha256rnds2(abef, cdgh);
    }
  }
  for (const { abef, cdgh, blocks, kept } of messages) {
    asm.load(FREE, R.sp, kept);
    asm.paddd(abef, FREE);
    asm.load(FREE, R.sp, kept + 16);
    asm.paddd(cdgh, FREE);
    asm.add(blocks, BLOCK);
  }
}

/** The words of four rounds, in the place of those of 16 rounds before. */
function putWords(asm: Assembler, words: readonly number[], group: number): void {
  const now = words[group % 4]!, last = words[(group + 3) % 4]!;
  asm.move(FREE, last);
  asm.palignr(FREE, words[(group + 2) % 4]!, 4);
  asm.sha256msg1(now, words[(group + 1) % 4]!);
  asm.paddd(now, FREE);
  asm.sha256msg2(now, last);
}
