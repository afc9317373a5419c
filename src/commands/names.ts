/** The names of all commands, for whoever must know them before the commands are loaded. */

/** All names, in the order of the help. */
export const COMMAND_NAMES: readonly string[] = [
  ...["doctor", "verify", "manifest", "audit", "why", "ctl"],
];

/** Whether a first argument names a command, so that this is no sync. */
export function isCommandName(word: string | undefined): boolean {
  return word !== undefined && COMMAND_NAMES.includes(word);
}
