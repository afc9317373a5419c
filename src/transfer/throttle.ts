/** Throttle: holds blocks back until the budget of bytes allows it to go on. */
import type { Item } from "../block.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";

/** A stream that passes batches of items on at the pace of `bucket`. */
export function throttle(
  bucket: TokenBucket,
  { signal }: { signal?: AbortSignal } = {},
): TransformStream<Item[], Item[]> {
  return new TransformStream({
    transform(batch, controller) {
      let bytes = 0;
      for (const item of batch) {
        // a hole is not moved
        if (item.type === "block") bytes += item.hole ? 0 : item.data.length;
        else if (item.type === "parcel") bytes += item.bytes;
      }
      const pacing = bucket.take(bytes, { signal });
      if (pacing === undefined) controller.enqueue(batch);
      else return pacing.then(() => controller.enqueue(batch));
    },
  });
}
