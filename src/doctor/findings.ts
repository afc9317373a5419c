/** Findings: what was tried as lines of a table, each with a verdict. Pure. */
import { formatCount, formatSize } from "../lib/units.ts";
import { describeRules, isExact } from "../name_rules.ts";
import type { Finding } from "../report/doctor_report.ts";
import { LOST, WRAP } from "../times.ts";
import { fateText, shown } from "./fit.ts";
import type { Mount, Room } from "./mount.ts";
import {
  CHARACTERS,
  ENDS,
  type Fate,
  nameWith,
  ODD_BYTES,
  type Place,
  RESERVED_NAMES,
  type Tried,
} from "./place.ts";

const SECOND = 1_000_000_000n;

/** Whether a shift is by 32 bits of seconds, and not by some hours. */
const isWrap = (shift: bigint) => shift > WRAP / 2n || -shift > WRAP / 2n;

/** The table of everything that was tried. */
export function findingsOf(
  place: Place,
  mount: Mount | null,
  room: Tried<Room>,
): Finding[] {
  const line = <T>(
    topic: string,
    tried: Tried<T>,
    judge: (value: T) => readonly [boolean, string],
  ): Finding => {
    if ("unknown" in tried) return { topic, says: tried.unknown, verdict: "unknown" };
    const [good, says] = judge(tried.found);
    return { topic, says, verdict: good ? "good" : "limited" };
  };
  const names = (topic: string, of: readonly string[], wrap: (name: string) => string) =>
    line(topic, place.names, (fates) => fateSummary(of, (name) => fates.get(wrap(name)) ?? "kept"));
  const same = (name: string) => name;
  const yes = (tried: Tried<boolean>, topic: string, good = "work", bad = "do not work") =>
    line(topic, tried, (works) => [works, works ? good : bad]);
  const findings = [
    line("different names", place.rules, (rules) => [
      isExact(rules),
      isExact(rules) ? "kept apart, byte for byte" : `taken for one: ${describeRules(rules)}`,
    ]),
    yes(place.casePreserved, "case", "preserved", "not preserved"),
    line("Unicode form", place.form, (form) => [
      form === "as given",
      form === "as given" ? "names keep theirs" : `every name is stored as ${form}`,
    ]),
    names("characters", CHARACTERS, nameWith),
    names("not UTF-8", ODD_BYTES, nameWith),
    names("dot at the end", [ENDS.dot], same),
    names("space at the end", [ENDS.space], same),
    names("space at the start", [ENDS.leadingSpace], same),
    names("device names", RESERVED_NAMES, same),
    line("longest name", place.nameLimit, ({ length, unit }) => [
      unit === "bytes" && length >= 255 || length >= 255 && unit === "characters",
      `${length} ${unit}`,
    ]),
    line("longest path", place.pathLimit, (limit) => [
      limit === null,
      limit === null ? "longer than 8,000 bytes" : `${formatCount(limit)} bytes below the root`,
    ]),
    line("times", place.times, ({ precision, earliest, latest, shifts, links }) => {
      if (precision === LOST) return [false, "not kept: each run copies all files again"];
      const limits = [
        earliest === null ? "" : `, none before ${yearOf(earliest)}`,
        latest === null ? "" : `, none after ${yearOf(latest)}`,
        shifts.some((shift) => shift !== 0n && !isWrap(shift)) ? ", shifted as local time" : "",
        shifts.some(isWrap) ? ", cut to 32 bits of seconds" : "",
        links === "kept" ? "" : ", none of links",
      ].join("");
      return [precision === 1n && limits === "", `kept to ${precisionText(precision)}${limits}`];
    }),
    yes(place.symbolicLinks, "symbolic links"),
    yes(place.hardLinks, "hard links"),
    yes(place.renameOver, "rename over a file", "works", "does not work: sluice cannot write here"),
    yes(place.fsync, "flush", "works", "fails: nothing could be known to be safe"),
  ];
  if (mount !== null) {
    findings.push(
      yes(mount.holes, "holes in files", "kept", "filled"),
      yes(mount.flock, "flock locks"),
      yes(mount.fcntl, "fcntl locks"),
    );
  }
  findings.push(line("room", room, ({ free, size, inodes }) => [
    free > 0 && inodes !== 0,
    `${formatSize(free)} free of ${formatSize(size)}` +
    (inodes === null ? "" : `, ${formatCount(inodes)} more files`),
  ]));
  return findings;
}

function fateSummary(
  names: readonly string[],
  fateOf: (name: string) => Fate,
): readonly [boolean, string] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const fate = fateText(fateOf(name));
    groups.set(fate, [...groups.get(fate) ?? [], name]);
  }
  if (groups.size === 1) {
    const [fate] = groups.keys();
    return [fate === "kept", fate!];
  }
  groups.delete("kept");
  const texts = [...groups].map(([fate, names]) => `${listText(names)} ${fate}`);
  return [false, texts.join("; ")];
}

/** Names in a row; bytes that follow each other as a range. */
function listText(names: readonly string[]): string {
  const texts: string[] = [];
  for (let i = 0; i < names.length; i++) {
    let end = i;
    const code = (at: number) => names[at]!.length === 1 ? names[at]!.charCodeAt(0) : NaN;
    while (code(i) < 0x20 && code(end + 1) === code(end) + 1 && code(end + 1) < 0x20) end += 1;
    const name = (at: number) => names[at]!.length === 1 ? shown(names[at]!) : names[at]!;
    texts.push(end - i > 1 ? `${name(i)}-${name(end)}` : name(i));
    if (end - i > 1) i = end;
  }
  return texts.join(" ");
}

function precisionText(nanoseconds: bigint): string {
  if (nanoseconds < 1000n) return `${nanoseconds} ns`;
  if (nanoseconds < 1_000_000n) return `${nanoseconds / 1000n} µs`;
  return nanoseconds < SECOND ? `${nanoseconds / 1_000_000n} ms` : `${nanoseconds / SECOND} s`;
}

function yearOf(time: bigint): string {
  return new Date(Number(time / 1_000_000n)).toISOString().slice(0, 10);
}
