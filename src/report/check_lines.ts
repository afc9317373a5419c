/** Check lines: a hash and a name, as sha256sum and its kin print and read them. */
import { encodeName } from "../name.ts";

/** The program that reads the lines of an algorithm. */
export const CHECKERS: Readonly<Record<string, string>> = {
  md5: "md5sum",
  sha1: "sha1sum",
  sha256: "sha256sum",
  blake2b: "b2sum",
};

const encoder = new TextEncoder();
const SPECIAL = /[\\\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

/**
 * One line as bytes: names are not always UTF-8. A name with a backslash, a newline or a carriage
 * return is escaped, and a backslash before the hash says so.
 */
export function checkLine(hash: string, path: string): Uint8Array {
  // the programs would read their standard input for "-"
  const name = path === "-" ? "./-" : path;
  const escaped = name.replace(SPECIAL, (found) => ESCAPES[found]!);
  const line = `${escaped === name ? "" : "\\"}${hash}  ${escaped}\n`;
  return line.isWellFormed() ? encoder.encode(line) : encodeName(line);
}
