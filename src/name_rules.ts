/**
 * Name rules: which different names a place takes for one, and the key that such names share.
 *
 * There are two keys, since nobody knows the tables of every server. Names with equal `sure` keys
 * are one name there; names with different `maybe` keys are two. What lies between is treated as
 * one name where that is the safe side (nothing is overwritten, nothing deleted), and as two where
 * that is.
 */
import { encodeName } from "./name.ts";

/** What a place takes for one name. All false: names are kept apart byte for byte. */
export interface NameRules {
  /** `a` and `A`. */
  readonly letters: boolean;
  /** Letters beyond ASCII too: `é` and `É`. */
  readonly accents: boolean;
  /** A letter and those it becomes in the other case: `ß` and `ss`. */
  readonly expanded: boolean;
  /** A composed letter and its parts (NFC and NFD). */
  readonly forms: boolean;
  /** Letters that only look different: `①` and `1` (NFKC). */
  readonly lookalikes: boolean;
  /** With and without characters that are not seen, such as a zero-width joiner. */
  readonly invisible: boolean;
  /** With and without dots at the end. */
  readonly dots: boolean;
  /** With and without spaces at the end. */
  readonly spaces: boolean;
  /** Bytes that are letters in Latin-1, whatever they are in UTF-8. */
  readonly latin1: boolean;
}

/** Every name is a name of its own. */
export const ALL_APART: NameRules = {
  letters: false,
  accents: false,
  expanded: false,
  forms: false,
  lookalikes: false,
  invisible: false,
  dots: false,
  spaces: false,
  latin1: false,
};

/** Two spellings for each rule; a place that finds the first by the second has the rule. */
export const SPELLINGS: Readonly<Record<keyof NameRules, readonly [string, string]>> = {
  letters: ["name", "NAME"],
  accents: ["é", "É"],
  expanded: ["aß", "ass"],
  forms: ["e\u0301", "\u00e9"],
  lookalikes: ["①", "1"],
  invisible: ["a\u200db", "ab"],
  dots: ["dot.", "dot"],
  spaces: ["space ", "space"],
  latin1: ["a\udce9", "a\udcc9"],
};

/** Whether no two names are taken for one. */
export function isExact(rules: NameRules): boolean {
  return Object.values(rules).every((on) => !on);
}

/** The rules in a few words for a person; "" for those that are exact. */
export function describeRules(rules: NameRules): string {
  const words: string[] = [];
  if (rules.letters) {
    words.push(
      rules.accents || rules.latin1 ? "upper and lower case" : "upper and lower case of ASCII",
    );
  }
  if (rules.expanded) words.push("ß and ss");
  if (rules.forms) words.push("Unicode forms (NFC, NFD)");
  if (rules.lookalikes) words.push("look-alikes (NFKC)");
  if (rules.invisible) words.push("invisible characters");
  if (rules.dots) words.push("dots at the end");
  if (rules.spaces) words.push("spaces at the end");
  return words.join(", ");
}

/** The two keys of a name, see the head of this file. */
export interface NameKeys {
  readonly sure: string;
  readonly maybe: string;
}

/** Makes the function from a name to its keys. */
export function nameKeys(rules: NameRules): (name: string) => NameKeys {
  return (name) => {
    const plain = unify(name, rules);
    if (rules.latin1) {
      const key = foldBytes(plain);
      return { sure: key, maybe: key };
    }
    return {
      sure: form(fold(plain, rules, false), rules),
      maybe: form(fold(plain, rules, true), rules),
    };
  };
}

function unify(name: string, rules: NameRules): string {
  let text = form(name, rules);
  if (rules.invisible) text = text.replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  if (rules.dots && rules.spaces) return trimmed(text, /[. ]+$/);
  if (rules.dots) return trimmed(text, /\.+$/);
  return rules.spaces ? trimmed(text, / +$/) : text;
}

/** A name of nothing but dots is not the empty name. */
function trimmed(text: string, end: RegExp): string {
  return text.replace(end, "") || text;
}

function form(text: string, rules: NameRules): string {
  if (rules.lookalikes) return text.normalize("NFKD");
  return rules.forms ? text.normalize("NFD") : text;
}

function fold(text: string, { letters, accents, expanded }: NameRules, wide: boolean): string {
  if (!accents) {
    return letters ? text.replace(/[A-Z]+/g, (part) => part.toLowerCase()) : text;
  }
  // one letter at a time: the lower case of a Greek sigma depends on where in a word it stands
  let folded = "";
  for (const letter of text) folded += foldLetter(letter, expanded, wide);
  return folded;
}

/** Letters of which file systems disagree what their other case is. */
const DISPUTED = /[\u0130\u0131\u017f\u1e9e\u2126\u212a\u212b]/;

function foldLetter(letter: string, expanded: boolean, wide: boolean): string {
  if (!wide && DISPUTED.test(letter)) return letter;
  if (expanded) return letter.toLowerCase().toUpperCase().toLowerCase();
  const upper = single(letter, letter.toUpperCase());
  return single(upper, upper.toLowerCase());
}

/** The other case of a letter, where it is one letter. */
function single(letter: string, other: string): string {
  return other.length === letter.length ? other : letter;
}

/** As xfs and old servers do it: each byte by itself, as if it were Latin-1. */
function foldBytes(name: string): string {
  let key = "";
  for (const byte of encodeName(name)) {
    const upper = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0xc0 && byte <= 0xde && byte !== 0xd7);
    key += String.fromCharCode(upper ? byte + 0x20 : byte);
  }
  return key;
}
