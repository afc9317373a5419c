/** A backend that can be opened again in place, for when its file system was mounted anew. */
import type { Backend } from "./backend.ts";

/** A backend whose calls go to the one that was opened last. */
export type Reopening = Backend & {
  /** Opens anew; rejects, and keeps the old one, when that fails. */
  reopen(): Promise<void>;
};

/** Wraps `first`; `open` makes the ones after it. */
export function withReopening(first: Backend, open: () => Promise<Backend>): Reopening {
  let current = first;
  const reopen = async () => {
    const next = await open();
    const old = current;
    current = next;
    await old[Symbol.asyncDispose]();
  };
  return new Proxy(first, {
    get(_, key) {
      if (key === "reopen") return reopen;
      const value = Reflect.get(current, key, current);
      return typeof value === "function" ? value.bind(current) : value;
    },
  }) as Reopening;
}
