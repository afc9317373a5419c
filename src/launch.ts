/**
 * The launch: what is decided before the program is loaded. Whether this process works or keeps another
 * one that does: a keeper needs next to nothing of the program, and the work begins once the second is
 * there. And whether there is a sync to run, whose first threads start while the program is loaded.
 */
import { resolve } from "node:path";
import { isCommandName } from "./commands/names.ts";
import { SyncError } from "./errors.ts";
import { isKept, keep, needsKeeper } from "./keeper.ts";
import { hasShares, type Share, shareLookup } from "./share_paths.ts";
import { canNest, Thread } from "./thread.ts";
import { workingDirectory } from "./working_directory.ts";

/** The command line, once it is loaded; with a thread for a sync, if one was started. */
export type Main = (args: readonly string[], thread?: Thread) => Promise<number>;

/** Resolves with the exit code of the command line that `load` gives, or of the child that runs it. */
export async function launch(args: readonly string[], load: () => Promise<Main>): Promise<number> {
  const mayNeed = !isKept() && mayNeedKeeper(args);
  // the keeper of a sync that draws on a terminal passes keys on: only the whole knows which
  const mayKeep = isCommandName(args[0]) || !Deno.stdout.isTerminal();
  if (mayNeed && mayKeep) {
    const code = await keep(() => null);
    if (code !== null) return code;
  }
  const early = isSync(args) && !mayNeed && workingDirectory() !== null;
  const thread = early ? startThreads() : undefined;
  const main = await load();
  return await main(args, thread);
}

/** Arguments with which there is no sync, or one that changes its priority before it starts threads. */
const OTHERWISE = new Set(["--help", "-h", "--version", "-V", "--idle"]);

/** Whether these arguments are likely to be those of a sync. */
export function isSync(args: readonly string[]): boolean {
  return args.length >= 2 && !isCommandName(args[0]) && !args.some((arg) => OTHERWISE.has(arg));
}

/**
 * The first thread of a sync, which makes the second one. To start a thread and to load what it does
 * takes as long as to load the program. Undefined where nothing goes on at the same time, or where the
 * system gives none, which the sync finds out about.
 */
function startThreads(): Thread | undefined {
  if (navigator.hardwareConcurrency < 2) return undefined;
  try {
    const thread = new Thread();
    if (canNest()) thread.begin();
    return thread;
  } catch (error) {
    if (error instanceof SyncError) return undefined;
    throw error;
  }
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
  // without one, what is relative is refused
  const full = (path: string) =>
    base !== null || path.startsWith("/") ? [resolve(base ?? "/", path)] : [];
  if (command === "doctor") {
    return args.filter((arg) => arg !== "").flatMap(full).some((path) => share(path) !== null);
  }
  if (isCommandName(command)) return false;
  // where the database and the log are unless something else is said
  const trees: string[] = [], files = full(".");
  for (const [i, arg] of args.entries()) {
    if (arg === "" || arg === "--") continue;
    if (arg.startsWith("-")) {
      if (arg.includes("=")) files.push(...full(arg.slice(arg.indexOf("=") + 1)));
    } else if (i > 0 && /^-./.test(args[i - 1]!) && args[i - 1] !== "--") files.push(...full(arg));
    else trees.push(...full(arg));
  }
  return needsKeeper({ trees, files }, share);
}
