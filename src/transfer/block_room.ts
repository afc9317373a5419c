/** The room for blocks: how large they are, and how many of them a thread may hold. */
import type { Capabilities } from "../backend/backend.ts";
import type { TransferPlan } from "../lanes.ts";
import type { SyncOptions } from "../options.ts";

/** Bytes of a block where none is asked for and any size suits. */
const BLOCK = 5 * 2 ** 20;

/**
 * Bytes of the blocks of a run, about, where each is sent as it is written. What has been read and
 * waits is what still leaves when nothing is read any more, so more than the line needs is too much.
 */
const MOST_HELD = 40 * 2 ** 20;

/** A file alone in its thread keeps so many blocks busy. */
const LEAST_SLOTS = 7;

/** What suits a destination, within what was asked for. */
export function blockRoom(
  { block }: Pick<Capabilities, "block">,
  { blockSize, queueCapacity }: Pick<SyncOptions, "blockSize" | "queueCapacity">,
  { threads }: Pick<TransferPlan, "threads">,
): { readonly slots: number; readonly blockSize: number } {
  const size = blockSize ?? block ?? BLOCK;
  const share = Math.max(2, Math.floor(queueCapacity / threads));
  if (block === undefined) return { slots: share, blockSize: size };
  const held = Math.max(LEAST_SLOTS, Math.floor(MOST_HELD / size / threads));
  return { slots: Math.min(share, held), blockSize: size };
}
