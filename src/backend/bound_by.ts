/** What the two sides of a copy are, taken together. */
import type { Capabilities } from "./backend.ts";

/** What a transfer between these sides is bound by: a share, if one of them is one. */
export function boundBy(...sides: readonly Capabilities[]): "local" | "share" {
  return sides.some(({ durability }) => durability === "file") ? "share" : "local";
}
