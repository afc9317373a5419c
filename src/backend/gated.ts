/** A backend whose calls wait while a run is paused. */
import type { Gate } from "../lib/gate.ts";
import type { Backend, CallOptions } from "./backend.ts";

/** What a person who pauses a run does not want to happen; a look at the root itself is none. */
const HELD: ReadonlySet<PropertyKey> = new Set<keyof Backend>([
  ...["look", "open", "create", "createLink", "link", "makeDirectory", "setTimes"] as const,
  ...["xattrs", "setAttributes", "removeFile", "removeDirectory"] as const,
  "holdNames",
]);

/** Wraps `inner`; calls that begin while `gate` is closed begin when it is open. */
export function withGate<B extends Backend>(inner: B, gate: Gate): B {
  return new Proxy(inner, {
    get(_, key) {
      const value = Reflect.get(inner, key, inner);
      if (typeof value !== "function") return value;
      if (!HELD.has(key)) return value.bind(inner);
      return (...args: unknown[]) => {
        const opening = gate.pass(args.at(-1) as CallOptions | undefined);
        if (opening === undefined) return value.apply(inner, args);
        return opening.then(() => value.apply(inner, args));
      };
    },
  });
}
