/** The packing of listings, in the format of `listing.ts`. */
import { COMMON, HAS_BIRTHTIME, HEADER, KINDS, type ListedEntry, OWN, WORD } from "./listing.ts";
import { grown } from "./lib/grown.ts";
import { encodeName } from "./name.ts";
import { splitTime } from "./stamp.ts";

/** Words of an entry, and where they begin: what is common, then what is its own. */
const WORDS = (COMMON + OWN) / 4;
const TWO_32 = 2 ** 32;
const FILE = 0, SPECIAL = 2, DIRECTORY = 3;

/** Orders names: by their bytes, but for a few of no consequence; any bytes are text to it. */
const latin = new TextDecoder("latin1");

/** What {@link ListingPacker.take} gives. */
export interface PackedListing {
  readonly data: Uint8Array<ArrayBuffer>;
  /** There are special files among the entries. */
  readonly specials: boolean;
}

/**
 * Collects entries and packs them, without an object for each: a scan looks at every file there is.
 * It keeps its memory from one listing to the next.
 */
export class ListingPacker {
  /** The words of the entries so far, for who fills in an entry after {@link begin}. */
  words: Uint32Array<ArrayBuffer> = new Uint32Array(WORDS * FEW);
  /**
   * The names so far, each with a NUL and room for its number and a slash: with these it is text that
   * can be cut and sorted as a whole.
   */
  #names: Uint8Array<ArrayBuffer> = new Uint8Array(NAMES);
  #starts: Uint32Array<ArrayBuffer> = new Uint32Array(FEW);
  readonly #targets = new Map<number, Uint8Array>();
  #count = 0;
  #end = 0;
  /** Bytes of names and targets. */
  #nameBytes = 0;
  /** What {@link part} has given: so many entries, so many of these bytes. */
  #given = { entries: 0, bytes: 0 };

  /** Entries that were added since the last that forgets. */
  get length(): number {
    return this.#count;
  }

  /**
   * Adds an entry whose name is `bytes` from `start` to before `end`. Returns where its words begin;
   * those of {@link WORD} are 0 until the caller sets them.
   *
   * @param kind number in {@link KINDS}
   */
  begin(bytes: Uint8Array, start: number, end: number, kind: number): number {
    const index = this.#count++;
    const length = end - start;
    if (index === this.#starts.length) this.#growEntries();
    if (this.#end + length + KEY_TAIL > this.#names.length) this.#growNames(length + KEY_TAIL);
    const names = this.#names;
    let at = this.#starts[index] = this.#end;
    for (let i = start; i < end; i++) names[at++] = bytes[i]!;
    names[at] = 0;
    this.#end = at + KEY_TAIL;
    this.#nameBytes += length;
    const words = this.words, word = index * WORDS;
    words.fill(0, word, word + WORDS);
    words[word] = (kind << 16) | length;
    return word;
  }

  /** Adds an entry. */
  add(entry: ListedEntry): void {
    const { kind, target, size, birthtime } = entry;
    const name = encodeName(entry.name);
    const number = KINDS.indexOf(kind);
    const at = this.begin(name, 0, name.length, number);
    const { words } = this;
    if (target !== "") {
      const bytes = encodeName(target);
      this.#targets.set(this.#count - 1, bytes);
      this.#nameBytes += bytes.length;
      words[at + 1] = bytes.length;
    }
    if (number !== DIRECTORY) {
      words[at + WORD.size] = size;
      words[at + WORD.size + 1] = size / TWO_32;
      setTime(words, at + WORD.commonMtime, entry.mtime);
    }
    setTime(words, at + WORD.mtime, entry.mtime);
    setTime(words, at + WORD.ctime, entry.ctime);
    if (birthtime !== null) setTime(words, at + WORD.birthtime, birthtime);
    for (const key of ["device", "inode"] as const) {
      words[at + WORD[key]] = Number(entry[key] & 0xffffffffn);
      words[at + WORD[key] + 1] = Number(entry[key] >> 32n);
    }
    words[at + WORD.links] = entry.links;
    words[at + WORD.uid] = entry.uid;
    words[at + WORD.gid] = entry.gid;
    words[at + WORD.mode] = entry.mode | (birthtime === null ? 0 : HAS_BIRTHTIME);
  }

  /** Entries that were added since the last {@link part}. */
  get added(): number {
    return this.#count - this.#given.entries;
  }

  /** Packs all that was added, and forgets it. */
  take(): PackedListing {
    this.#given = { entries: 0, bytes: 0 };
    return this.rest();
  }

  /** Packs what was added since the last {@link part}, and forgets everything. */
  rest(): PackedListing {
    const packed = this.part();
    this.clear();
    return packed;
  }

  /** Forgets everything; and gives the memory of a very large listing back. */
  clear(): void {
    if (this.#starts.length > LARGE) {
      this.words = new Uint32Array(WORDS * FEW);
      this.#starts = new Uint32Array(FEW);
      this.#names = new Uint8Array(NAMES);
    }
    this.#count = this.#end = this.#nameBytes = 0;
    this.#given = { entries: 0, bytes: 0 };
    this.#targets.clear();
  }

  /** Packs what was added since the last time, and keeps it. */
  part(): PackedListing {
    const { words } = this, names = this.#names, from = this.#given.entries;
    const order = this.#ordered(from), starts = this.#starts, count = order.length;
    const isAll = count === this.#count - from;
    const filled = ((isAll ? this.#nameBytes - this.#given.bytes : this.#bytesOf(order)) + 3) & ~3;
    const data = new Uint8Array(HEADER + count * (COMMON + OWN) + filled);
    const out = new Uint32Array(data.buffer);
    let directories = 0, specials = false, bytes = 0;
    let common = HEADER / 4, name = HEADER + count * COMMON, own = (name + filled) / 4;
    for (let at = 0; at < count; at++) {
      const index = order[at]!, word = index * WORDS, first = words[word]!;
      for (let i = 0; i < COMMON / 4; i++) out[common++] = words[word + i]!;
      for (let i = COMMON / 4; i < WORDS; i++) out[own++] = words[word + i]!;
      let byte = starts[index]!;
      for (const end = byte + (first & 0xffff); byte < end;) data[name++] = names[byte++]!;
      const kind = first >>> 16;
      if (kind === FILE) bytes += words[word + 2]! + words[word + 3]! * TWO_32;
      else if (kind === SPECIAL) specials = true;
      else if (kind === DIRECTORY) directories += 1;
      const target = words[word + 1]! > 0 ? this.#targets.get(index) : undefined;
      if (target === undefined) continue;
      data.set(target, name);
      name += target.length;
    }
    new DataView(data.buffer).setFloat64(8, bytes, true);
    out[0] = directories;
    out[1] = count - directories;
    out[4] = filled;
    this.#given = { entries: this.#count, bytes: this.#nameBytes };
    return { data, specials };
  }

  /** Bytes of the names and targets of some entries. */
  #bytesOf(numbers: readonly number[]): number {
    const { words } = this;
    return numbers.reduce((sum, index) => {
      const word = index * WORDS;
      return sum + (words[word]! & 0xffff) + words[word + 1]!;
    }, 0);
  }

  /**
   * The numbers, at least `from`, of the directories, then of the others, in the order of their names.
   * Of entries with the same name only the last: while a directory is changed, a name may be listed
   * twice, and some servers do so at any time.
   */
  #ordered(from: number): readonly number[] {
    const directories: number[] = [], others: number[] = [];
    for (let index = from; index < this.#count; index++) {
      const isDirectory = this.words[index * WORDS]! >>> 16 === DIRECTORY;
      (isDirectory ? directories : others).push(index);
    }
    if (!this.#areInOrder(directories) || !this.#areInOrder(others)) {
      const keys = this.#keys(from);
      for (const numbers of [directories, others]) {
        let kept = 0;
        numbers.map((index) => keys[index - from]!).sort().forEach((key) => {
          const number = numberIn(key);
          if (kept > 0 && !this.#isBefore(numbers[kept - 1]!, number)) kept -= 1;
          numbers[kept++] = number;
        });
        numbers.length = kept;
      }
    }
    if (directories.length === 0) return others;
    for (const index of others) directories.push(index);
    return directories;
  }

  /**
   * Whether entries are in the order of their names; those in the very opposite order are turned
   * round. Many file systems list names as they came, and trees are often written in order.
   */
  #areInOrder(numbers: number[]): boolean {
    const end = numbers.length;
    const isOpposite = end > 1 && this.#isBefore(numbers[1]!, numbers[0]!);
    for (let i = 1; i < end; i++) {
      const one = numbers[i - 1]!, next = numbers[i]!;
      if (!(isOpposite ? this.#isBefore(next, one) : this.#isBefore(one, next))) return false;
    }
    if (isOpposite) numbers.reverse();
    return true;
  }

  /** Whether the name of one entry comes before that of another; false if they have the same. */
  #isBefore(one: number, other: number): boolean {
    const names = this.#names, a = this.#starts[one]!, b = this.#starts[other]!;
    for (let i = 0;; i++) {
      const x = names[a + i]!, y = names[b + i]!;
      if (x !== y) return RANKS[x]! < RANKS[y]!;
      if (x === 0) return false;
    }
  }

  /** For each entry its name, a NUL and its number in four digits of six bits: what is sorted by. */
  #keys(from: number): string[] {
    const names = this.#names;
    for (let index = from; index < this.#count; index++) {
      let at = index + 1 < this.#count ? this.#starts[index + 1]! : this.#end;
      names[--at] = SLASH;
      for (let digit = 4, rest = index; digit > 0; digit--, rest >>>= 6) {
        names[--at] = ZERO + (rest & 63);
      }
    }
    return latin.decode(names.subarray(this.#starts[from], this.#end)).split("/");
  }

  #growEntries(): void {
    this.words = grown(this.words, 2 * this.words.length);
    this.#starts = grown(this.#starts, 2 * this.#starts.length);
  }

  #growNames(room: number): void {
    this.#names = grown(this.#names, Math.max(this.#names.length * 2, this.#end + room));
  }
}

/** Entries, and bytes of names, that a packer has room for at first; and entries of a large listing. */
const FEW = 256, NAMES = 16 * 1024, LARGE = 16_384;

const ZERO = 0x30, SLASH = 0x2f;

/** Behind each name: a NUL, four digits and a slash. */
const KEY_TAIL = 6;

/** The place of each byte in the order of names. */
const RANKS = Uint16Array.from(
  latin.decode(Uint8Array.from({ length: 256 }, (_, byte) => byte)),
  (character) => character.charCodeAt(0),
);

/** The number at the end of a key. */
function numberIn(key: string): number {
  let number = 0;
  for (let i = key.length - 4; i < key.length; i++) number = number * 64 + key.charCodeAt(i) - ZERO;
  return number;
}

function setTime(words: Uint32Array, at: number, time: bigint): void {
  const [seconds, nanos] = splitTime(time);
  words[at] = seconds;
  words[at + 1] = Math.floor(seconds / TWO_32);
  words[at + 2] = nanos;
}
