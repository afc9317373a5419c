/** What a mounted directory does beyond the contract of a backend: holes, locks, room. */
import { statfsSync } from "node:fs";
import { canLockDatabase } from "../backlog/open_database.ts";
import type { Tried } from "./place.ts";

/** Room in a file system; null where it does not say. */
export interface Room {
  /** Bytes, for this user. */
  readonly free: number;
  readonly size: number;
  /** Files that can still be made. */
  readonly inodes: number | null;
}

/** What was found out by full path. */
export interface Mount {
  readonly holes: Tried<boolean>;
  /** flock(2): a second lock is refused while the first is held. */
  readonly flock: Tried<boolean>;
  /** fcntl(2): record locks, as SQLite takes them. */
  readonly fcntl: Tried<boolean>;
}

/** Tries it in the directory with this full path, which the caller removes. */
export function tryMount(directory: string): Mount {
  return {
    holes: attempt(() => {
      const path = `${directory}/hole`;
      using file = Deno.openSync(path, { write: true, createNew: true });
      file.truncateSync(2 ** 20);
      file.syncSync();
      const { blocks } = Deno.statSync(path);
      if (blocks === null) throw new Error("the system does not say how many blocks a file has");
      return blocks * 512 < 2 ** 20;
    }),
    flock: attempt(() => {
      const path = `${directory}/lock`;
      using first = Deno.openSync(path, { write: true, createNew: true });
      using second = Deno.openSync(path, { write: true });
      if (!first.tryLockSync(true)) return false;
      const both = second.tryLockSync(true);
      first.unlockSync();
      return !both;
    }),
    fcntl: attempt(() => canLockDatabase(`${directory}/locks.db`)),
  };
}

/** The room in the file system of a directory. */
export function roomAt(directory: string): Tried<Room> {
  return attempt(() => {
    const { bsize, bavail, blocks, files, ffree } = statfsSync(directory);
    return {
      free: bsize * bavail,
      size: bsize * blocks,
      // file systems that make inodes as they need them say 0 of 0
      inodes: files === 0 ? null : ffree,
    };
  });
}

function attempt<T>(body: () => T): Tried<T> {
  try {
    return { found: body() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { unknown: error.message };
  }
}
