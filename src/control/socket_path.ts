/**
 * The path of the control socket. The system takes paths of at most 107 bytes for a socket, so a
 * longer one is reached through a link with a short path, for as long as it takes to open it.
 */
import { createHash } from "node:crypto";

/** What every system takes, in bytes (macOS: 103). */
const LONGEST_PATH = 103;
/** The longest name that is used as it is: there must be room for the path of the link. */
const LONGEST_NAME = 52;

const encoder = new TextEncoder();

/** Where the socket of a database is: beside it. The path is full; so is the answer. */
export function socketPath(database: string): string {
  const slash = database.lastIndexOf("/");
  const directory = database.slice(0, slash + 1), name = `${database.slice(slash + 1)}-ctl`;
  if (encoder.encode(name).length <= LONGEST_NAME) return directory + name;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${directory}sluice-${digest}-ctl`;
}

/** A path to the socket at the full path `path` that the system takes, until it is disposed of. */
export function shortPath(path: string): Disposable & { readonly path: string } {
  if (encoder.encode(path).length <= LONGEST_PATH) return { path, [Symbol.dispose]() {} };
  const slash = path.lastIndexOf("/");
  // not the working directory: when it closes a socket, the runtime removes what has its path then
  const place = Deno.makeTempDirSync({ prefix: "sluice-" });
  const remove = () => Deno.removeSync(place, { recursive: true });
  try {
    Deno.symlinkSync(path.slice(0, slash + 1), `${place}/d`);
  } catch (error) {
    remove();
    throw error;
  }
  return { path: `${place}/d/${path.slice(slash + 1)}`, [Symbol.dispose]: remove };
}
