/** Removals: what was known when something was taken away from the destination, and where it went. */

/** Why something could be removed: what two independent questions to the source have answered. */
export interface Evidence {
  /** The scan that found it at the destination only. */
  readonly scan: number;
  /** When the source's directory was listed without it, in ms since the epoch; null if not known. */
  readonly listedAt: number | null;
  /** Complete scans in a row that missed it at the source, the first of them when (ms). */
  readonly scans: number;
  readonly firstMissedAt: number | null;
  /** The last look at the source, in ms since the epoch; null where a killed run made it. */
  readonly lookedAt: number | null;
  /**
   * What that look brought: `ENOENT`, or where the source has something of another kind in the way,
   * `ENOTDIR` or that kind; null where a killed run made it.
   */
  readonly answer: string | null;
}

/** A removal that was carried out. */
export interface Removal {
  readonly evidence: Evidence;
  /** Full path in the trash, as in `name.ts`; null when it was deleted. */
  readonly trash: string | null;
  /** In ms since the epoch; when it was noticed, for one of a killed run. */
  readonly at: number;
}
