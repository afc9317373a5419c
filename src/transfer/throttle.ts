/** Throttle: holds blocks back, just before they are written, until the budget of bytes allows it. */
import type { Item } from "../block.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";

/**
 * What a small file costs on the wire of a share beside its bytes, in each direction: requests,
 * answers and headers. Measured: 2.2 to 2.6 KB on NFSv3, 3.5 on SMB 3.1.1.
 */
export const OVERHEAD = 2560;

/** Bytes that small files are worth: with `shared` what they cost on the wire. */
export function costOf(
  { files, bytes }: { readonly files: number; readonly bytes: number },
  shared: boolean,
): number {
  return shared ? bytes + files * OVERHEAD : bytes;
}

/** Passes batches of items on at the pace of `bucket`; not faster after something has stalled. */
export async function* throttle(
  batches: AsyncIterable<Item[]>,
  bucket: TokenBucket,
  { signal, shared = false }: { readonly signal?: AbortSignal; readonly shared?: boolean } = {},
): AsyncGenerator<Item[]> {
  for await (const batch of batches) {
    let bytes = 0;
    for (const item of batch) {
      // a hole is not moved
      if (item.type === "block") bytes += item.hole ? 0 : item.data.length;
      else if (item.type === "parcel") {
        bytes += costOf({ files: item.files.length, bytes: item.bytes }, shared);
      }
    }
    const pacing = bucket.take(bytes, { signal });
    if (pacing !== undefined) await pacing;
    yield batch;
  }
}
