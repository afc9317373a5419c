/** Display width: how many columns of a terminal a text takes, and how to make it fit. */

/** Printable ASCII, where the width is the length. */
const ASCII = /^[\x20-\x7e]*$/;
/** Marks and invisible format characters, and the vowels and finals of decomposed Hangul. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;
/** East Asian wide and full-width, by block, and everything that is shown as an emoji. */
const WIDE = new RegExp(
  "^[\\u1100-\\u115f\\u2329\\u232a\\u2e80-\\u303e\\u3041-\\ua4cf\\ua960-\\ua97c\\uac00-\\ud7a3" +
    "\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff01-\\uff60\\uffe0-\\uffe6" +
    "\\u{16fe0}-\\u{18cff}\\u{1aff0}-\\u{1b2ff}\\u{1f200}-\\u{1f2ff}\\u{20000}-\\u{3fffd}" +
    "\\p{Emoji_Presentation}]$",
  "u",
);
/** Asks for the emoji form of the character before it, which makes that one wide. */
const EMOJI_SELECTOR = "\ufe0f";

const ELLIPSIS = "…";

/**
 * Columns of a text without control characters. Where terminals disagree (joined emoji), the
 * greater width counts: a line may then end early but never wraps.
 */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  let last = 0;
  for (const char of text) {
    if (char === EMOJI_SELECTOR) {
      if (last === 1) width += 1;
      last = 0;
      continue;
    }
    last = charWidth(char);
    width += last;
  }
  return width;
}

/** Fills up with spaces on the right; a text that is wider stays as it is. */
export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

/** Fills up with spaces on the left; a text that is wider stays as it is. */
export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Cuts the end off a text that is wider than `width`, and shows that with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  return width < 1 ? "" : head(graphemes(text), width - 1) + ELLIPSIS;
}

/**
 * Shortens a path in its middle to at most `width` columns: where it begins tells the share of the
 * tree, its last name tells the file, so the name is kept whole when there is room.
 */
export function shortenPath(path: string, width: number): string {
  if (displayWidth(path) <= width) return path;
  if (width < 8) return truncate(path, width);
  const room = width - 1;
  const name = displayWidth(path.slice(path.lastIndexOf("/")));
  const least = Math.ceil(room / 2);
  const forTail = Math.min(Math.max(name, least), room - Math.floor(room / 4));
  const parts = graphemes(path);
  const end = tail(parts, forTail);
  return head(parts, room - displayWidth(end)) + ELLIPSIS + end;
}

function charWidth(char: string): number {
  if (ZERO.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** What a person sees as one character each: a cut never parts a letter from its accent. */
function graphemes(text: string): string[] {
  const segments = new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text);
  return Array.from(segments, ({ segment }) => segment);
}

function head(parts: readonly string[], width: number): string {
  let used = 0;
  let count = 0;
  for (const part of parts) {
    used += displayWidth(part);
    if (used > width) break;
    count += 1;
  }
  return parts.slice(0, count).join("");
}

function tail(parts: readonly string[], width: number): string {
  let used = 0;
  let start = parts.length;
  while (start > 0) {
    used += displayWidth(parts[start - 1]!);
    if (used > width) break;
    start -= 1;
  }
  return parts.slice(start).join("");
}
