/** Roots: the two directories of a run, checked before anything is touched. */
import { isAway } from "./backend/failures.ts";
import { codeOf, portableError } from "./backend/portable_errors.ts";
import type { LookedAt } from "./backend/same_directory.ts";
import { TRASH_NAME } from "./backend/trash.ts";
import { SyncError, UsageError } from "./errors.ts";
import type { Side } from "./event.ts";
import { isInside, nestingOf } from "./nesting.ts";
import { tellingIfLate, type TellOptions } from "./unanswered.ts";
import { absolute, type Base } from "./working_directory.ts";

/** The full real paths of a run. */
export interface RunPaths {
  readonly source: string;
  readonly destination: string;
  readonly db: string;
  readonly log: string;
  /** The directory that extras are moved to, if there is one. It may have to be made. */
  readonly trash?: string | null;
}

/**
 * Resolves and checks the paths of a run.
 *
 * @param base the directory that relative paths are relative to
 * @returns rejects with one sentence that says what is wrong and what to do: a UsageError, or a run's
 * SyncError where a place is gone
 */
export async function resolvePaths(
  paths: RunPaths,
  base: Base,
  options: TellOptions = {},
): Promise<RunPaths> {
  const { source, destination } = await resolveRoots(paths, base, options);
  const files = await resolveFiles(paths, { source, destination, base }, options);
  const given = paths.trash ?? null;
  const trash = given === null ? null : await tellingIfLate(
    `the trash ${given}`,
    () => trashOf(given, { source, destination }, base),
    options,
  );
  return { source, destination, ...files, ...(trash !== null && { trash }) };
}

/**
 * Resolves and checks the two roots. A server that is gone may never answer, and the thread that
 * waits for it answers to nobody else: so no call to a root is made by this one.
 *
 * @returns rejects with one sentence that says what is wrong and what to do: a UsageError, or a run's
 * SyncError where a place is gone
 */
export async function resolveRoots(
  paths: Pick<RunPaths, "source" | "destination">,
  base: Base,
  options: TellOptions = {},
): Promise<Pick<RunPaths, "source" | "destination">> {
  const look = (side: Side) => {
    const path = paths[side];
    return tellingIfLate(`the ${side} ${path}`, () => rootOf(path, side, base), options);
  };
  const source = await look("source");
  const destination = await look("destination");
  const nesting = await nestingOf({ source, destination });
  if (nesting === null) return { source: source.path, destination: destination.path };
  const also = (path: string, other: string) =>
    path === other ? path : `${path}, which is also ${other}`;
  if (nesting.type === "same") {
    throw new UsageError(
      "the source and the destination are the same directory " +
        `(${also(source.path, destination.path)}); name two`,
    );
  }
  const [inner, outer, what] = nesting.inner === "source"
    ? [source, destination, "source is inside the destination"]
    : [destination, source, "destination is inside the source"];
  throw new UsageError(
    `the ${what}: ${inner.path} is inside ${also(nesting.at, outer.path)}; sluice would copy its ` +
      "own output, so name two separate trees",
  );
}

/**
 * Resolves and checks the paths of the database and the log, which may not be inside the roots.
 *
 * @returns rejects with one sentence that says what is wrong and what to do: a UsageError, or a run's
 * SyncError where a place is gone
 */
export async function resolveFiles(
  paths: Pick<RunPaths, "db" | "log">,
  { source, destination, base }: Pick<RunPaths, "source" | "destination"> & {
    /** The directory that relative paths are relative to. */
    readonly base: Base;
  },
  options: TellOptions = {},
): Promise<Pick<RunPaths, "db" | "log">> {
  const look = (path: string, what: string, flag: string) =>
    tellingIfLate(`the ${what} ${path}`, () => fileOf(path, what, flag, base), options);
  const db = await look(paths.db, "database", "--db");
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(db) > LONGEST_DATABASE_PATH) {
    throw new UsageError(
      `the path of the database is too long: ${db}; give --db one of at most ` +
        `${LONGEST_DATABASE_PATH} bytes`,
    );
  }
  if (bytes(db.slice(db.lastIndexOf("/") + 1)) > LONGEST_DATABASE) {
    throw new UsageError(
      `the name of the database ${paths.db} is too long for the names of the files beside it; ` +
        `give --db one of at most ${LONGEST_DATABASE} bytes`,
    );
  }
  const log = await look(paths.log, "audit log", "--log");
  if (db === log) throw new UsageError(`the database and the audit log are the same file (${db})`);
  if (BESIDE_A_DATABASE.some((ending) => log === db + ending)) {
    throw new UsageError(
      `the audit log ${log} is a file that the database keeps beside it; name another with --log`,
    );
  }
  for (const [file, what, flag] of [[db, "database", "--db"], [log, "audit log", "--log"]]) {
    for (const [root, side] of [[source, "source"], [destination, "destination"]] as const) {
      if (isInside(file!, root)) {
        throw new UsageError(
          `the ${what} ${file} is inside the ${side} ${root}, which is being synchronised; put it ` +
            `elsewhere with ${flag}`,
        );
      }
    }
  }
  return { db, log };
}

/** The real path of a trash to which the destination's files can be renamed. */
async function trashOf(
  path: string,
  { source, destination }: Pick<RunPaths, "source" | "destination">,
  base: Base,
): Promise<string> {
  const { real, on } = await directoryToBe(path, base);
  if (isInside(real, source)) {
    throw new UsageError(
      `the trash ${real} is inside the source ${source}, which is only ever read; name another ` +
        "with --trash",
    );
  }
  const own = `${destination === "/" ? "" : destination}/${TRASH_NAME}`;
  if (isInside(real, destination) && real !== own) {
    throw new UsageError(
      `the trash ${real} is inside the destination, where it would itself be an extra; there it ` +
        `can only be ${own}, which no scan lists`,
    );
  }
  if ((await look(on)).dev !== (await look(destination)).dev) {
    throw new UsageError(
      `the trash ${real} is on another file system than the destination, so nothing can be moved ` +
        "there; name a directory on the same one with --trash",
    );
  }
  return real;
}

/** The real path of a directory that can be made if it is missing, and one on its file system. */
async function directoryToBe(
  path: string,
  base: Base,
): Promise<{ real: string; on: string }> {
  if (path === "") throw new UsageError("the trash is an empty path; give --trash a directory");
  const full = absolute(path, base).replace(/(?<=.)\/+$/, "");
  try {
    const real = await Deno.realPath(full);
    if (!(await Deno.stat(real)).isDirectory) {
      throw new UsageError(`the trash ${path} is not a directory; name one with --trash`);
    }
    return { real, on: real };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) {
      throw unreached(`the trash ${path}`, error);
    }
  }
  const slash = full.lastIndexOf("/"), name = full.slice(slash + 1);
  if (await isLink(full) || name === ".." || name === ".") {
    throw new UsageError(`the trash ${path} leads nowhere; give --trash a directory`);
  }
  try {
    const on = await Deno.realPath(full.slice(0, slash) || "/");
    return { real: `${on === "/" ? "" : on}/${name}`, on };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unreached(`the trash ${path}`, error);
    throw new UsageError(
      `the directory of the trash ${path} does not exist; make it, or name another with --trash`,
      { cause: error },
    );
  }
}

/** What SQLite, the lock and the control socket append to the name of a database. */
const BESIDE_A_DATABASE = ["-wal", "-shm", "-journal", "-lock", "-ctl"];

/** What is at a path that was there a moment ago; a server may have gone since. */
async function look(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    throw unreached(path, error);
  }
}

async function rootOf(path: string, side: string, base: Base): Promise<LookedAt> {
  if (path === "") throw new UsageError(`the ${side} is an empty path; name a directory`);
  const full = absolute(path, base);
  let real: string, info: Deno.FileInfo;
  try {
    real = await Deno.realPath(full);
    info = await Deno.stat(real);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UsageError(
        `the ${side} ${path} does not exist; ${
          side === "source" ? "is it mounted?" : "mount it, or make it with mkdir"
        }`,
        { cause: error },
      );
    }
    throw unreached(`the ${side} ${path}`, error);
  }
  if (!info.isDirectory) {
    throw new UsageError(`the ${side} ${path} is not a directory; name the directory it is in`);
  }
  return { path: real, info };
}

/** Bytes of the database's name: those of a file beside it have up to 13 more (`-lock-journal`). */
const LONGEST_DATABASE = 255 - 13;

/** Bytes of its full path: SQLite takes 512, of those of the files beside it as well. */
const LONGEST_DATABASE_PATH = 511 - 13;

/** The real path of a file that need not exist; its directory must. */
async function fileOf(
  path: string,
  what: string,
  flag: string,
  base: Base,
): Promise<string> {
  if (path === "") throw new UsageError(`the path of the ${what} is empty; give ${flag} a file`);
  const full = absolute(path, base);
  try {
    const real = await Deno.realPath(full);
    // whoever opens a pipe waits for its other end, and a device keeps nothing
    if ((await Deno.stat(real)).isFile) return real;
    throw new UsageError(`the ${what} ${path} is not a regular file; give ${flag} one`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) {
      throw unreached(`the ${what} ${path}`, error);
    }
  }
  if (await isLink(full)) {
    throw new UsageError(`the ${what} ${path} is a link that leads nowhere; give ${flag} a file`);
  }
  const slash = full.lastIndexOf("/");
  const directory = full.slice(0, slash) || "/";
  try {
    const real = await Deno.realPath(directory);
    if (full.slice(slash + 1) === "") throw new UsageError(`the ${what} ${path} names no file`);
    return `${real === "/" ? "" : real}/${full.slice(slash + 1)}`;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) throw unreached(`the ${what} ${path}`, error);
    throw new UsageError(
      `the directory of the ${what} ${path} does not exist; make it, or name another with ${flag}`,
      { cause: error },
    );
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw unreached(path, error);
  }
}

/** The error of a place that cannot be looked at: of the run where it is gone, of its name otherwise. */
function unreached(what: string, error: unknown): UsageError | SyncError {
  if (error instanceof Deno.errors.InvalidData) {
    const message =
      `${what} leads to a path that is not UTF-8; give that another one with a bind ` +
      "mount (mount --bind)";
    return new UsageError(message, { cause: error });
  }
  const failed = portableError(error, `reach ${what}`, "");
  if (isAway(failed)) {
    const message = `${failed.message}; start again when its server is back`;
    return new SyncError(failed.code, message, { scope: "run", cause: error });
  }
  // what has no code has no words of ours either
  const message = codeOf(error) === null
    ? `cannot reach ${what}: ${failed.message}`
    : failed.message;
  return new UsageError(message, { cause: error });
}
