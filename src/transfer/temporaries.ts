/** Temporaries of runs that were killed: found, told from those of live runs, and removed. */
import type { Backend } from "../backend/backend.ts";
import { removeTemporary } from "../backend/probe_names.ts";
import { tokenOf } from "../backend/temporary.ts";
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";

/** The name of this process in temporary names, see `backend/temporary.ts`. */
export interface Self {
  readonly token: string;
  /** The part of the token that stands for this host. */
  readonly host: string;
}

/** Eight hexadecimal digits for the place in which a process number means something. */
async function hostToken(): Promise<string> {
  // two containers may share a host name and see different processes
  const parts = [Deno.hostname(), Deno.build.os];
  for (const path of ["/etc/machine-id", "/proc/self/ns/pid"]) {
    try {
      parts.push(path.startsWith("/proc") ? Deno.readLinkSync(path) : Deno.readTextFileSync(path));
    } catch (error) {
      // not every system has these; the others still tell it apart
      if (!(error instanceof Error)) throw error;
    }
  }
  const bytes = new TextEncoder().encode(parts.join("\n"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The moment at which a process began, in ticks since boot; null when there is no such process. */
function beginningOf(pid: number): string | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // the name of the program, in brackets, may have spaces; the 20th field after it is the time
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** What marks this process. */
export async function identifySelf(): Promise<Self> {
  const host = await hostToken();
  const began = Deno.build.os === "linux" ? beginningOf(Deno.pid) : null;
  return { host, token: `${host}-${Deno.pid}-${began ?? Date.now()}` };
}

/**
 * Whether a temporary belongs to a run that is over: one of `earlier` runs of this database, or one
 * of this host whose process is gone. A live run's, or another host's, is left alone.
 */
export function isLeftover(name: string, self: Self, earlier: ReadonlySet<string>): boolean {
  const token = tokenOf(name);
  if (token === null || token === self.token) return false;
  if (earlier.has(token)) return true;
  const [host, pid, began] = token.split("-");
  if (host !== self.host || Deno.build.os !== "linux") return false;
  return beginningOf(Number(pid)) !== began;
}

/** Removes leftovers among `names` of a directory. Returns how many went. */
export async function removeLeftovers(
  destination: Backend,
  directory: string,
  names: readonly string[],
  leftover: (name: string) => boolean,
  { signal }: { signal: AbortSignal },
): Promise<number> {
  let removed = 0;
  for (const name of names) {
    if (!leftover(name)) continue;
    try {
      await removeTemporary(destination, join(directory, name), { signal });
      removed += 1;
    } catch (error) {
      // removed by somebody else meanwhile: just as well
      if (!(error instanceof SyncError) || error.code !== "ENOENT") throw error;
    }
  }
  return removed;
}
