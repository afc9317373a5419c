/** The length of parcels on a share: how many files one has, by how long the ones before took. */
import { MOST } from "./desk.ts";

/** Files of a parcel, at least, and to begin with: nothing is written until the first has been read. */
const FEWEST = 2;

/**
 * Milliseconds that the calls of a parcel should take: an interrupt and a pause wait for them. Lanes
 * wait for each other at a server, so over sshfs 250 ms made parcels of 2 and 4 files, and this machine
 * pays for each parcel: 5,000 files of 4 KiB took 9.5 s with 250 ms and 9.1 s with 600 ms, the means
 * of eight pairs of runs between 8.2 and 10.1 s, and an eighth less processor time.
 */
const LONG = 600, SHORT = 240;

/** Adapts the length of parcels. */
export class ParcelLength {
  #most = FEWEST;

  /** Files that a parcel should have at most. */
  get most(): number {
    return this.#most;
  }

  /** The calls of a parcel of so many files took so many milliseconds. */
  took(ms: number, files: number): void {
    if (ms > LONG) this.#most = Math.max(FEWEST, Math.floor(this.#most / 2));
    else if (ms < SHORT && files >= this.#most) this.#most = Math.min(MOST, this.#most * 2);
  }
}
