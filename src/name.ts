/**
 * Names: POSIX names are bytes, JavaScript strings are UTF-16.
 *
 * A name that is valid UTF-8 is that string. A byte that is not part of valid UTF-8 becomes one lone
 * surrogate U+DC80 + (byte - 0x80), as Python's PEP 383 does, so every name goes there and back
 * byte for byte.
 */

/** Not a fatal one: what it throws costs fifty times as much as what it does. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** What the decoder gives for what is not UTF-8, which a name may have for itself. */
const REPLACEMENT = "\ufffd";
const encoder = new TextEncoder();

/** The string for a name's bytes; never fails, never merges two names. */
export function decodeName(bytes: Uint8Array): string {
  const name = decoder.decode(bytes);
  // the slow way keeps each odd byte
  return name.includes(REPLACEMENT) ? decodeOdd(bytes) : name;
}

/** The bytes of a name that {@link decodeName} made. */
export function encodeName(name: string): Uint8Array {
  if (name.isWellFormed()) return encoder.encode(name);
  const out: number[] = [];
  for (const char of name) {
    const code = char.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) out.push(code - 0xdc00);
    else out.push(...encoder.encode(char));
  }
  return Uint8Array.from(out);
}

// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/;
/** Characters that turn the direction of writing, by which one name can look like another. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const EITHER = new RegExp(`${CONTROLS.source}|${TURNS.source}`, "g");
const RUNS_OF_CONTROLS = new RegExp(`(?:${CONTROLS.source})+`, "g");

/**
 * A path as shown to people and written to logs. A well-formed path without control characters
 * (those of the direction of writing among them) is shown as it is; any other in the shell's own
 * notation, `$'a\xffb\n'`, which can be pasted into a shell and read back. With `keepControls`, only
 * bytes that are not UTF-8 need the notation (for JSON and the database, where control characters do
 * no harm).
 */
export function showPath(path: string, keepControls = false): string {
  const plain = path.isWellFormed() && !path.startsWith("$'");
  if (plain && (keepControls || !CONTROLS.test(path) && !TURNS.test(path))) return path;
  let shown = "$'";
  for (const char of path) {
    const code = char.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) shown += `\\x${(code - 0xdc00).toString(16)}`;
    else if (char === "\\" || char === "'") shown += `\\${char}`;
    else shown += escapeControl(char, keepControls);
  }
  return shown + "'";
}

/**
 * A message without control characters, which would move the cursor of a terminal, or worse: those of
 * a name that it has are in the notation of {@link showPath}.
 */
export function showText(message: string): string {
  return message.toWellFormed().replace(EITHER, (char) => escapeControl(char));
}

/** One line of a message: control characters would move the cursor or end a record. */
export function oneLine(message: string): string {
  return message.toWellFormed().replace(RUNS_OF_CONTROLS, " ").trim();
}

/** @param keepTurns leaves {@link TURNS} as they are */
function escapeControl(char: string, keepTurns = false): string {
  const code = char.codePointAt(0)!;
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  const isEscaped = code >= 0x80 && code < 0xa0 || !keepTurns && TURNS.test(char);
  return isEscaped ? `\\u${code.toString(16).padStart(4, "0")}` : char;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

/**
 * The path of a text that {@link showPath} made, or any other text as it is.
 *
 * @throws RangeError when it begins like the notation `$'...'` and is not in it
 */
export function readPath(text: string): string {
  if (!text.startsWith("$'")) return text;
  const inner = /^\$'((?:[^\\']|\\(?:[\\'nt]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}))*)'$/s.exec(text)
    ?.[1];
  if (inner === undefined) {
    throw new RangeError(`Cannot read ${text} as a path: it is not in the notation $'...'`);
  }
  const bytes: number[] = [];
  for (const [part, escape] of inner.matchAll(/\\(x..|u....|.)|[^\\]+/gs)) {
    if (escape === undefined) bytes.push(...encodeName(part));
    else if (escape.length === 3) bytes.push(parseInt(escape.slice(1), 16));
    else if (escape.length === 5) {
      bytes.push(...encodeName(String.fromCharCode(parseInt(escape.slice(1), 16))));
    } else bytes.push(...encodeName(ESCAPES[escape] ?? escape));
  }
  return decodeName(Uint8Array.from(bytes));
}

/** The length of the UTF-8 sequence at `i`, 0 when the bytes there are not one. */
function sequenceAt(bytes: Uint8Array, i: number): number {
  const first = bytes[i]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first > 0xf4 || i + length > bytes.length) return 0;
  for (let k = 1; k < length; k++) {
    if ((bytes[i + k]! & 0xc0) !== 0x80) return 0;
  }
  // what could be said shorter, surrogates, and what is beyond U+10FFFF: the second byte tells
  const second = bytes[i + 1]!;
  if (first === 0xe0 && second < 0xa0 || first === 0xed && second >= 0xa0) return 0;
  if (first === 0xf0 && second < 0x90 || first === 0xf4 && second >= 0x90) return 0;
  return length;
}

function decodeOdd(bytes: Uint8Array): string {
  let name = "";
  let from = 0;
  for (let i = 0; i < bytes.length;) {
    const length = sequenceAt(bytes, i);
    if (length === 0) {
      if (from < i) name += decoder.decode(bytes.subarray(from, i));
      name += String.fromCharCode(0xdc00 + bytes[i]!);
      from = i + 1;
    }
    i += length || 1;
  }
  return name + decoder.decode(bytes.subarray(from));
}
