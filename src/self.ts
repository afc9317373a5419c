/** This process among all others, now and later: how its temporaries and its runs are marked. */
import { portableError } from "./backend/portable_errors.ts";

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

/**
 * The moment at which a process began, in ticks since boot; null when there is no such process.
 * Throws a SyncError when that cannot be found out.
 */
export function beginningOf(pid: number): string | null {
  const path = `/proc/${pid}/stat`;
  try {
    const stat = Deno.readTextFileSync(path);
    // the name of the program, in brackets, may have spaces; the 20th field after it is the time
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw portableError(error, `read ${path}`, "");
  }
}

/** What marks this process. */
export async function identifySelf(): Promise<Self> {
  const host = await hostToken();
  const began = Deno.build.os === "linux" ? beginningOf(Deno.pid) : null;
  return { host, token: `${host}-${Deno.pid}-${began ?? Date.now()}` };
}
