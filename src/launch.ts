/**
 * The launch: whether this process works or keeps another one that does, decided before the program
 * is loaded. A keeper needs next to nothing of it, and the work begins once the second is there.
 */
import { resolve } from "node:path";
import { isCommandName } from "./commands/names.ts";
import { isKept, keep } from "./keeper.ts";
import { hasShares, isOnShare } from "./share_paths.ts";
import { workingDirectory } from "./working_directory.ts";

/** The command line, once it is loaded. */
export type Main = (args: readonly string[]) => Promise<number>;

/** Resolves with the exit code of the command line that `load` gives, or of the child that runs it. */
export async function launch(args: readonly string[], load: () => Promise<Main>): Promise<number> {
  // the keeper of a sync that draws on a terminal passes keys on: only the whole knows which
  const mayKeep = isCommandName(args[0]) || !Deno.stdout.isTerminal();
  if (mayKeep && !isKept() && mayWorkOnShare(args)) {
    const code = await keep(() => null);
    if (code !== null) return code;
  }
  const main = await load();
  return await main(args);
}

/**
 * Whether these arguments may be those of a run that makes calls to a share. The value of an option
 * is taken for a root too, and where a verification reads is only in its database: a keeper that is
 * not needed does no harm.
 *
 * @param onShare whether a full path is on a share
 * @param shares whether there are shares at all
 */
export function mayWorkOnShare(
  args: readonly string[],
  onShare: (path: string) => boolean = isOnShare,
  shares: () => boolean = hasShares,
): boolean {
  const [command] = args;
  if (command === "verify") return shares();
  if (isCommandName(command) && command !== "doctor") return false;
  return args.some((arg) =>
    arg !== "" && !arg.startsWith("-") && onShare(resolve(workingDirectory(), arg))
  );
}
