/**
 * The early transfer: what the scan has decided is carried while the scan goes on.
 *
 * A directory is decided once both its sides are listed, and nothing that the scan finds later
 * changes that. What needs the whole scan waits for it: deletions, hard links, an order, and
 * destinations that do not keep all names apart.
 */
import type { RunContext } from "../context.ts";
import { isExact } from "../name_rules.ts";
import type { TransferPlan } from "../lanes.ts";
import { Transfer } from "./transfer.ts";

/** Milliseconds between two counts of what is pending. */
const COUNT_EVERY = 500;

/** A transfer that may have begun before {@link finish}. */
export class EarlyTransfer implements AsyncDisposable {
  readonly #context: RunContext;
  readonly #plan: TransferPlan;
  #transfer: Transfer | null = null;
  #counted = -Infinity;

  constructor(context: RunContext, plan: TransferPlan) {
    this.#context = context;
    this.#plan = plan;
  }

  /** Whether something is carried, or waits for the scan to decide more. */
  get isUnderWay(): boolean {
    return this.#transfer !== null;
  }

  /** Runs a scan, and beside it the transfer. What stops the one stops the other. */
  async during(scan: number, run: (context: RunContext) => Promise<void>): Promise<void> {
    const { options, names, signal } = this.#context;
    const { overlap, dryRun, deleteExtras, hardLinks, order } = options;
    if (!overlap || order !== "found" || dryRun || deleteExtras || hardLinks || !isExact(names)) {
      return await run(this.#context);
    }
    const transfer = this.#transfer = new Transfer(this.#context, this.#plan, { scan });
    const stop = new AbortController();
    transfer.done.catch((error) => stop.abort(error));
    try {
      await run({ ...this.#context, signal: AbortSignal.any([signal, stop.signal]) });
    } catch (error) {
      await this.#end(transfer, error);
      // what the scan was stopped with is what stopped the transfer
      throw stop.signal.aborted ? stop.signal.reason : error;
    }
  }

  /** The scan has begun, and has its threads. */
  begin(): void {
    this.#transfer?.begin();
  }

  /** The scan has decided these directories. */
  news(directories: readonly number[]): void {
    if (this.#transfer === null) return;
    const { clock, statistics, backlog } = this.#context;
    if (clock.now() - this.#counted >= COUNT_EVERY) {
      this.#counted = clock.now();
      statistics.backlog(backlog.transfer.transferable());
    }
    this.#transfer.news(directories);
  }

  /** Carries everything that is left. */
  async finish(): Promise<void> {
    const transfer = this.#transfer ?? new Transfer(this.#context, this.#plan, { scan: null });
    this.#transfer = transfer;
    transfer.complete();
    try {
      await transfer.done;
    } finally {
      this.#transfer = null;
    }
  }

  /** Stops what is under way, where something else has failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#transfer === null) return;
    await this.#end(this.#transfer, new DOMException("the run has to stop", "AbortError"));
  }

  async #end(transfer: Transfer, reason: unknown): Promise<void> {
    this.#transfer = null;
    transfer.abort(reason);
    await transfer.done.catch(() => {/* what stopped the run is thrown elsewhere */});
  }
}
