/**
 * The launch: whether this process works or keeps another one that does, decided before the program
 * is loaded. A keeper needs next to nothing of it, and the work begins once the second is there.
 */
import { resolve } from "node:path";
import { isCommandName } from "./commands/names.ts";
import { isKept, keep, needsKeeper } from "./keeper.ts";
import { hasShares, type Share, shareLookup } from "./share_paths.ts";
import { workingDirectory } from "./working_directory.ts";

/** The command line, once it is loaded. */
export type Main = (args: readonly string[]) => Promise<number>;

/** Resolves with the exit code of the command line that `load` gives, or of the child that runs it. */
export async function launch(args: readonly string[], load: () => Promise<Main>): Promise<number> {
  // the keeper of a sync that draws on a terminal passes keys on: only the whole knows which
  const mayKeep = isCommandName(args[0]) || !Deno.stdout.isTerminal();
  if (mayKeep && !isKept() && mayNeedKeeper(args)) {
    const code = await keep(() => null);
    if (code !== null) return code;
  }
  const main = await load();
  return await main(args);
}

/**
 * Whether these arguments may be those of a run that needs a keeper. What follows a flag is taken for
 * a file of the run, and everything else for a tree of it; where a verification reads is only in its
 * database. A keeper that is not needed does no harm.
 *
 * @param share which share a full path is on
 * @param shares whether there are shares at all
 */
export function mayNeedKeeper(
  args: readonly string[],
  share: (path: string) => Share | null = shareLookup(),
  shares: () => boolean = hasShares,
): boolean {
  const [command] = args, base = workingDirectory();
  if (command === "verify") return shares();
  const full = (path: string) => resolve(base, path);
  if (command === "doctor") return args.some((arg) => arg !== "" && share(full(arg)) !== null);
  if (isCommandName(command)) return false;
  // where the database and the log are unless something else is said
  const trees = [], files = [base];
  for (const [i, arg] of args.entries()) {
    if (arg === "" || arg === "--") continue;
    if (arg.startsWith("-")) {
      if (arg.includes("=")) files.push(full(arg.slice(arg.indexOf("=") + 1)));
    } else if (i > 0 && /^-./.test(args[i - 1]!) && args[i - 1] !== "--") files.push(full(arg));
    else trees.push(full(arg));
  }
  return needsKeeper({ trees, files }, share);
}
