/** The writer of a lane: items in, files at the destination out. */
import type { FileWriter } from "../backend/backend.ts";
import type { Item } from "../block.ts";
import { awaitName, beginJob, beginning, completed } from "./begun.ts";
import { begin, end, write, writeLink, type WriterOptions } from "./one_file.ts";
import { writeParcel } from "./parcel_writer.ts";
import { Underway } from "./underway.ts";

/** Blocks of files on a share that are being written and flushed at the same time. */
const WRITES = { each: 3, all: 8 };

/** Writes everything that `batches` bring; what was begun and not completed leaves nothing behind. */
export async function writeItems(
  batches: AsyncIterable<Item[]>,
  options: WriterOptions,
): Promise<void> {
  let writer: FileWriter | null = null;
  let begun = beginning(0);
  const parcels = new Underway(options.width);
  // on a share, a block is on its way while the one before is being flushed
  const waiting = options.destination.capabilities.latency === "waiting";
  const underway = new Underway(() => waiting ? options.streams.blocks(WRITES) : 1);
  try {
    for await (const batch of batches) {
      for (const item of batch) {
        if (item.type === "parcel") {
          await parcels.add(writeParcel(item, begun, options));
          continue;
        }
        await parcels.all();
        if (item.type === "begin") {
          options.busy(true);
          begun = await beginJob(item.job, options);
          const completing = completed(begun, 0, options);
          if (completing !== undefined) await completing;
          continue;
        }
        const { carried } = item;
        if (begun.failed !== null) carried.failed ??= { side: "destination", error: begun.failed };
        await awaitName(begun, options);
        if (item.type === "link") await writeLink(carried, options);
        else {
          if (carried.failed === null && item.offset === 0) writer = await begin(carried, options);
          const writing = writer !== null && carried.failed === null
            ? write(writer, item, options).finally(item.release)
            : item.release();
          if (writing !== undefined) await underway.add(writing);
          if (item.last) {
            await underway.all();
            const ended: FileWriter | null = writer;
            writer = null;
            await end(ended, item, options);
          }
        }
      }
      const pacing = options.group.pace();
      if (pacing !== undefined) await pacing;
    }
    await parcels.all();
  } finally {
    options.busy(false);
    for (const some of [parcels, underway]) {
      await some.all().catch(() => {/* what ends this lane is thrown already */});
    }
    await writer?.abort();
  }
}
