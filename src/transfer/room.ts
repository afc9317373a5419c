/** Room: before the transfer, what is to be copied is compared with what the destination has free. */
import type { Space } from "../backend/backend.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import type { Amount } from "../event.ts";
import { formatCount, formatSize } from "../lib/units.ts";

/** Free names below which those of directories are counted too. */
const FEW_NAMES = 10_000;

/** Warns when what is pending may not fit. It is tried all the same: others may make room. */
export async function warnOfRoom(context: RunContext): Promise<void> {
  const { backlog, note } = context;
  const pending = backlog.transfer.transferable();
  if (pending.files === 0) return;
  const space = await spaceOf(context);
  if (space === null) return;
  const message = shortage(pending, space, () => backlog.transfer.newlyPending());
  if (message === null) return;
  note(message);
}

/**
 * What is wrong, in one sentence; null when there is room for all.
 *
 * @param ofThem what of it is not at the destination yet; asked only when it matters
 */
export function shortage(
  pending: Amount,
  { bytes, files }: Space,
  ofThem: () => Amount & { readonly directories: number },
): string | null {
  const noRoom = pending.bytes > bytes;
  // directories need names too; how many are missing is counted only where it is close
  const noNames = files !== null && files < 2 * pending.files + FEW_NAMES;
  if (!noRoom && !noNames) return null;
  const fresh = ofThem();
  const parts: string[] = [];
  if (noRoom) {
    const sure = fresh.bytes > bytes ? "do not fit" : "may not fit";
    const which = fresh.bytes < pending.bytes ? ` (${formatSize(fresh.bytes)} of it new)` : "";
    parts.push(
      `${formatSize(pending.bytes)}${which} to be copied ${sure} into the ${formatSize(bytes)} ` +
        "that are free at the destination",
    );
  }
  if (noNames && fresh.files + fresh.directories > files!) {
    parts.push(
      `${formatCount(fresh.files + fresh.directories)} new files and directories do not fit into ` +
        `the ${formatCount(files!)} that the destination can still make`,
    );
  }
  return parts.length === 0 ? null : `room is short: ${parts.join("; ")}`;
}

/** How much room there is; null where that is not known, also because it cannot be asked. */
export async function spaceOf(
  { destination, signal }: Pick<RunContext, "destination" | "signal">,
): Promise<Space | null> {
  try {
    return await destination.space({ signal });
  } catch (error) {
    // nothing is known; whatever is wrong, the transfer meets it too
    if (error instanceof SyncError) return null;
    throw error;
  }
}
