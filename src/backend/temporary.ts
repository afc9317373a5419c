/**
 * Temporary names: `.sluice-HOST-PID-START-SEQ.part` in the directory of the final name.
 *
 * The name tells which process made it, so that a later run can tell a leftover of a killed run,
 * which it removes, from the work of a live one, which it must not touch. The length does not
 * depend on the final name, so a final name of 255 bytes fits.
 */

const PATTERN = /^\.sluice-([0-9a-f]{8}-\d+-\d+)-[0-9a-z]+\.part$/;

/** Whether a name is a temporary of sluice. */
export function isTemporary(name: string): boolean {
  return name.startsWith(".sluice-") && PATTERN.test(name);
}

/** The token of the process that made a temporary name; null for any other name. */
export function tokenOf(name: string): string | null {
  return PATTERN.exec(name)?.[1] ?? null;
}

/** Makes temporary names that no other call of this maker, thread or process gives out. */
export function temporaryNames(token: string, thread: number): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `.sluice-${token}-${thread.toString(36)}z${count.toString(36)}.part`;
  };
}
