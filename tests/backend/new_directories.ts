/** What tests of new directories share: a source, a destination, and a parcel of one directory. */
import { join } from "node:path";
import type { Backend } from "../../src/backend/backend.ts";
import { type Libc, loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import type { Job, JobFile } from "../../src/job.ts";
import { Parcel, PARCEL_BYTES } from "../../src/parcel.ts";
import { stampOf } from "../../src/stamp.ts";
import { Group } from "../../src/transfer/group.ts";
import type { Settled } from "../../src/transfer/staged.ts";
import { outcomeInParcel } from "../../src/transfer/parcel_writer.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { LOCAL, type SHARE } from "../testing/open_disk.ts";
import { scratchDirectory } from "../testing/scratch.ts";

type Way = typeof LOCAL | typeof SHARE;

export const NAMES = ["a", "b", "new\nline", "ü"];

/** A source with a directory of files, and an empty destination, on a disk of this machine. */
export class Place implements AsyncDisposable {
  readonly job: Job;

  private constructor(
    readonly path: string,
    readonly source: Backend,
    readonly destination: Backend,
    readonly parcel: Parcel,
    readonly close: () => void,
  ) {
    this.job = parcel.job;
  }

  /** @param change puts something around the system calls of the destination */
  static async make(way: Way = LOCAL, change = (libc: Libc) => libc): Promise<Place> {
    const libc = loadLibc(), path = scratchDirectory();
    Deno.mkdirSync(join(path, "from", "d"), { recursive: true });
    Deno.mkdirSync(join(path, "to"));
    let made = 0;
    const open = (side: string, calls: Libc) =>
      openPosix(join(path, side), calls, {
        temporaryName: () => `.sluice-0-0-0-${made++}.part`,
        ...way,
        now: () => Date.now() + 120_000,
      });
    const source = await open("from", libc);
    const files: JobFile[] = [];
    for (const name of NAMES) {
      Deno.writeTextFileSync(join(path, "from", "d", name), `content of ${name}`);
      const entry = (await source.look(`d/${name}`))!;
      const { mtime, mtimeNanos, ctime, ctimeNanos } = stampOf(entry);
      const scanned = { mtime, mtimeNanos, ctime, ctimeNanos };
      files.push({
        name,
        kind: "file",
        size: entry.size,
        reason: "not at the destination",
        scanned,
      });
    }
    const missing = [{ directory: 2, path: "d" }];
    const job: Job = {
      directory: 2,
      path: "d",
      missing,
      files,
      listed: null,
      last: true,
      whole: 1,
    };
    const data = new Uint8Array(PARCEL_BYTES);
    const parcel = new Parcel(job, files, { data, release() {}, began: 0 });
    using from = await source.small!.hold("d");
    await from.read(parcel);
    parcel.hashes.push(...NAMES.map(() => "00"));
    return new Place(
      path,
      source,
      await open("to", change(libc)),
      parcel,
      () => libc[Symbol.dispose](),
    );
  }

  /** The names at the destination, temporaries as "?". */
  get names(): string[] {
    const names = (path: string): string[] =>
      [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) => {
        const shown = name.startsWith(".sluice-") ? "?" : name;
        const inside = isDirectory ? names(join(path, name)) : [];
        return [shown, ...inside.map((name) => `${shown}/${name}`)];
      });
    return names(join(this.path, "to")).sort();
  }

  content(name: string): string {
    return Deno.readTextFileSync(join(this.path, "to", "d", name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await this.destination[Symbol.asyncDispose]();
    this.close();
    Deno.removeSync(this.path, { recursive: true });
  }
}

export const ALL = ["d", ...NAMES.map((name) => `d/${name}`)].sort();
export const HIDDEN = ["?", ...NAMES.map((name) => `?/${name}`)].sort();

export function groupAt(
  destination: Backend,
  settled: (settled: Settled) => void,
  checkRoots: () => Promise<void> | undefined = () => undefined,
): Group {
  return new Group({
    checkRoots,
    destination,
    clock: new FakeClock(),
    outcomeOf: outcomeInParcel,
    settled,
  });
}
