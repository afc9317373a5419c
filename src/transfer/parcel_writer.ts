/** Parcels at the destination: in one go where that can be, and file by file where it cannot. */
import type { Carried } from "../block.ts";
import { join } from "../entry.ts";
import { entryError } from "../errors.ts";
import type { Outcome } from "../job.ts";
import { actionFor } from "../operation.ts";
import { type Parcel, PROGRESS } from "../parcel.ts";
import { awaitName, type Begun, completed } from "./begun.ts";
import { writeAlone, type WriterOptions } from "./one_file.ts";

/** Writes a parcel, maybe while others of its job are being written. */
export async function writeParcel(
  parcel: Parcel,
  begun: Begun,
  options: WriterOptions,
): Promise<void> {
  const { progress } = parcel;
  begun.above = parcel.above;
  const together = writeTogether(parcel, begun, options);
  begun.underway.add(together);
  await together.finally(() => begun.underway.delete(together));
  if (progress.includes(PROGRESS.read)) {
    begun.alone = begun.alone.then(() => writeRest(parcel, begun, options));
    await begun.alone;
  }
  parcel.unload();
  let carried = 0;
  for (let i = 0; i < progress.length; i++) if (progress[i] !== PROGRESS.taken) carried += 1;
  const completing = completed(begun, carried, options);
  if (completing !== undefined) await completing;
}

/** Writes the files of a parcel in one go. What is only `read` afterwards is to be tried alone. */
async function writeTogether(parcel: Parcel, begun: Begun, options: WriterOptions): Promise<void> {
  const { job, files } = parcel, { made } = begun;
  if (begun.failed !== null) return;
  try {
    if (made?.directory.open === false) await awaitName(begun, options);
    const within = made?.directory.open ? made : null;
    const small = options.destination.small!;
    const directory = within?.directory.hold() ?? small.holdAtOnce?.(job.path) ??
      await small.hold(job.path);
    const writing = directory.write(parcel);
    if (writing !== undefined) await writing;
    parcel.duration = (options.clock.now() - parcel.began) / files.length;
    const bytes = files.reduce((sum, { size }, i) => sum + (isWritten(parcel, i) ? size : 0), 0);
    options.ended(bytes);
    const staging = options.group.stageParcel(parcel, directory, within);
    if (staging !== undefined) await staging;
  } catch (error) {
    // writing them one by one finds the same error, for each file
    entryError(error);
  }
}

/** Writes those files of a parcel that take the ordinary way, one by one. */
async function writeRest(parcel: Parcel, begun: Begun, options: WriterOptions): Promise<void> {
  const { job, files, progress, hashes } = parcel;
  // their directory needs its name, and gets none while something is being written in it
  while (begun.underway.size > 0) await Promise.all(begun.underway);
  for (let i = 0, at = 0; i < files.length; i++) {
    const file = files[i]!;
    const end = at + file.size;
    if (progress[i] === PROGRESS.read) {
      await awaitName(begun, options);
      const carried: Carried = {
        job,
        file,
        path: join(job.path, file.name),
        entry: null,
        stamp: parcel.stamp(i),
        began: parcel.began,
        failed: begun.failed === null ? null : { side: "destination", error: begun.failed },
      };
      await writeAlone(carried, parcel.data.subarray(at, end), hashes[i]!, options);
    }
    at = end;
  }
}

/** What becomes of one file of a parcel that got as far as its final name. */
export function outcomeInParcel(parcel: Parcel, index: number): Outcome {
  const { job, files, hashes, duration } = parcel;
  const file = files[index]!;
  return {
    directory: job.directory,
    name: file.name,
    path: join(job.path, file.name),
    kind: "file",
    action: actionFor(file.reason),
    reason: file.reason,
    status: "success",
    size: file.size,
    hash: hashes[index]!,
    stamp: parcel.stamp(index),
    expected: file.size,
    duration,
    error: null,
  };
}

function isWritten({ progress }: Parcel, index: number): boolean {
  return progress[index] === PROGRESS.written;
}
