/** Throttle: holds each block back until the budget of bytes allows it to go on. */
import type { Item } from "../block.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";

/** A stream that passes items on at the pace of `bucket`. */
export function throttle(
  bucket: TokenBucket,
  { signal }: { signal?: AbortSignal } = {},
): TransformStream<Item, Item> {
  return new TransformStream({
    async transform(item, controller) {
      if (item.type === "block") await bucket.take(item.data.length, { signal });
      controller.enqueue(item);
    },
  });
}
