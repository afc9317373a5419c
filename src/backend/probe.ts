/**
 * The probe: what times a place keeps, of files and of symbolic links, and whether it keeps hard links,
 * found out with a file and a link of its own.
 */
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { isSameTime, type LinkTimes, LOST, type TimeKeeping, timeRule, WRAP } from "../times.ts";
import type { Backend, CallOptions } from "./backend.ts";
import { unlessRefused } from "./refused.ts";

const SECOND = 1_000_000_000n, QUARTER_HOUR = 900n * SECOND, LONGEST_SHIFT = 15n * 3600n * SECOND;

/** From the finest to the coarsest: NTFS has 100 ns, exFAT 10 ms, FAT two seconds. */
const PRECISIONS = [1n, 100n, 1000n, 1_000_000n, 10_000_000n, SECOND, 2n * SECOND];

/**
 * An odd second in a winter and an even one in a summer of the north, with digits to lose: whichever
 * way a place rounds to two seconds, one of them moves by more than one.
 */
const WINTER = 1_705_276_801n * SECOND + 123_456_789n;
const SUMMER = 1_721_001_600n * SECOND + 987_654_321n;

/**
 * The years 2153 and 1881, which become 2017 where a time is cut to 32 bits, and the bounds beyond
 * which a limit is one that is in use somewhere: FAT begins in 1980, ext3 ends in 2038.
 */
const LATE = 5_794_967_296n * SECOND, LATEST_LIMIT = 2_100_000_000n * SECOND;
const EARLY = -2_794_967_296n * SECOND, EARLIEST_LIMIT = 631_152_000n * SECOND;

/** What a probe found. */
export interface Probed {
  readonly times: TimeKeeping;
  /** A file can have more than one name, and shows it. */
  readonly hardLinks: boolean;
}

/**
 * Finds out what `backend` keeps. Writes a file and links into `directory` and removes them. Rejects with a
 * SyncError when that cannot be done.
 */
export async function probe(
  backend: Backend,
  directory: string,
  options: CallOptions = {},
): Promise<Probed> {
  // at the same time: on a share each waits for some ten answers
  const linking = tryLink(backend, directory, options);
  const filing = probeFile(backend, directory, options);
  await Promise.allSettled([linking, filing]);
  const { times, hardLinks } = await filing;
  return { times: { ...times, links: judgeLink(await linking, times) }, hardLinks };
}

function judgeLink(link: LinkTime | null, times: FileTimes): LinkTimes {
  if (link === null) return "kept";
  if (typeof link === "string") return link;
  const rule = timeRule(1n, { ...times, links: "kept" }, null);
  return isSameTime(WINTER, link.mtime, rule) ? "kept" : "lost";
}

/** What becomes of the times of files. */
type FileTimes = Omit<TimeKeeping, "links">;

async function probeFile(
  backend: Backend,
  directory: string,
  options: CallOptions,
): Promise<{ readonly times: FileTimes; readonly hardLinks: boolean }> {
  // the name is never given to anything: the file stays a temporary one, and is aborted
  const writer = await backend.create(join(directory, "sluice-probe"), options);
  try {
    await writer.finish({ mtime: WINTER, atime: WINTER }, options);
    return {
      times: await measure(backend, writer.temporary, options),
      hardLinks: await canLink(backend, directory, writer.temporary, options),
    };
  } finally {
    await writer.abort();
  }
}

async function measure(
  backend: Backend,
  path: string,
  options: CallOptions,
): Promise<FileTimes> {
  const read = async () => (await backend.look(path, options))?.mtime ?? null;
  const give = async (mtime: bigint) => {
    const set = () => backend.setTimes(path, { mtime, atime: mtime }, options).then(() => true);
    // a time that is refused fails its file by name; it is no limit that is kept to in silence
    return await unlessRefused(set, false) ? await read() : null;
  };
  const winter = judge(WINTER, await read());
  const summer = judge(SUMMER, await give(SUMMER));
  const late = await give(LATE), early = await give(EARLY);
  const isLost = winter.precision === LOST || summer.precision === LOST;
  const coarser = winter.precision > summer.precision ? winter.precision : summer.precision;
  const precision = isLost ? LOST : coarser;
  const shifts = new Set([winter.shift, summer.shift]);
  for (const [given, wrap, kept] of [[LATE, -WRAP, late], [EARLY, WRAP, early]] as const) {
    const shift = wrap + winter.shift;
    const rest = kept === null ? WRAP : kept - given - shift;
    if (rest < precision && -rest < precision) shifts.add(shift);
  }
  return {
    precision,
    shifts: [...shifts],
    // what is neither kept nor a sensible limit is a number that went over its edge
    latest: late !== null && late >= LATEST_LIMIT && late < LATE - LONGEST_SHIFT ? late : null,
    earliest: early !== null && early <= EARLIEST_LIMIT && early > EARLY + LONGEST_SHIFT
      ? early
      : null,
  };
}

/** What a symbolic link that was given a time shows. */
type LinkTime = Exclude<LinkTimes, "kept"> | { readonly mtime: bigint };

/** Null where there are no symbolic links. */
async function tryLink(
  backend: Backend,
  directory: string,
  options: CallOptions,
): Promise<LinkTime | null> {
  const path = join(directory, "sluice-probe-link");
  // it leads nowhere, so that a place which follows it says so, and nothing gets the time
  const make = () => backend.createLink(path, { target: "sluice-probe-none" }, options);
  if (!await unlessRefused(() => make().then(() => true), false)) return null;
  try {
    const time = { mtime: WINTER, atime: WINTER };
    const set = async () => {
      try {
        await backend.setTimes(path, time, options);
      } catch (error) {
        if (error instanceof SyncError && error.code === "ENOENT") return "followed";
        throw error;
      }
      return "set";
    };
    const answer = await unlessRefused(set, "lost");
    const there = await backend.look(path, options);
    if (there === undefined) return null;
    return answer === "set" ? { mtime: there.mtime } : answer;
  } finally {
    // without the signal, as what else the probe leaves
    await unlessRefused(() => backend.removeFile(path), undefined);
  }
}

/** Whether a file can have a second name, and shows that it has. */
async function canLink(
  backend: Backend,
  directory: string,
  path: string,
  options: CallOptions,
): Promise<boolean> {
  const second = join(directory, "sluice-probe-name");
  const make = () => backend.link(path, second, options);
  if (!await unlessRefused(() => make().then(() => true), false)) return false;
  try {
    const [one, two] = [await backend.look(path, options), await backend.look(second, options)];
    // over SFTP each name is a file of its own to see, and each run would link anew
    return two !== undefined && two.links > 1 && one?.inode === two.inode;
  } finally {
    // without the signal, as what else the probe leaves
    await unlessRefused(() => backend.removeFile(second), undefined);
  }
}

/** How a time that was given and the one that was read fit together. */
function judge(given: bigint, read: bigint | null): { precision: bigint; shift: bigint } {
  if (read === null) return { precision: 1n, shift: 0n };
  const apart = read - given;
  const quarters = (apart + (apart < 0n ? -1n : 1n) * QUARTER_HOUR / 2n) / QUARTER_HOUR;
  const shift = quarters * QUARTER_HOUR;
  const rest = apart - shift;
  const fits = (precision: bigint) =>
    read % precision === 0n && rest < precision && -rest < precision;
  const precision = PRECISIONS.find(fits);
  if (precision === undefined || shift > LONGEST_SHIFT || -shift > LONGEST_SHIFT) {
    // the place does what it likes with times
    const isNear = apart < 2n * SECOND && -apart < 2n * SECOND;
    return { precision: isNear ? 2n * SECOND : LOST, shift: 0n };
  }
  return { precision, shift };
}
