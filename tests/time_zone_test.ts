import assert from "node:assert/strict";
import { isTakenForUtc } from "../src/time_zone.ts";
import { sluice } from "./testing/command.ts";
import { DiskWorld } from "./testing/world.ts";

const RULE = "CET-1CEST,M3.5.0,M10.5.0/3";

Deno.test("isTakenForUtc knows a zone that is not UTC from one that is", () => {
  const utc = { name: "UTC", offsets: [0, 0] }, nameless = { name: undefined, offsets: [0, 0] };
  for (const tz of [RULE, "XXX-5:30", "<+0530>-5:30", "GMT0BST,M3.5.0/1,M10.5.0", ":CET-1CEST"]) {
    assert.equal(isTakenForUtc(tz, utc), true, tz);
  }
  for (const tz of ["Europe/Belrin", "europe/berlin", "Foo"]) {
    assert.equal(isTakenForUtc(tz, nameless), true, tz);
  }
  for (
    const tz of ["", ":", "UTC", ":UTC", "Etc/UTC", "Etc/GMT+0", "UTC0", "GMT-0", "<+00>0"]
      .concat("XYZ+00:00", "Zulu", "posix/Etc/Universal", "right/UTC", ":/etc/localtime")
  ) {
    assert.equal(isTakenForUtc(tz, utc), false, tz);
    assert.equal(isTakenForUtc(tz, nameless), false, tz);
  }
  assert.equal(isTakenForUtc("EST5", { name: undefined, offsets: [300, 300] }), false);
  assert.equal(isTakenForUtc("WET", { name: "Europe/Lisbon", offsets: [0, -60] }), false);
  assert.equal(isTakenForUtc("Africa/Abidjan", { name: "Africa/Abidjan", offsets: [0, 0] }), false);
});

Deno.test("what goes by the clock is refused with a TZ that the runtime cannot read", async () => {
  using world = new DiskWorld({ file: "1" });
  const sentence = (flag: string, tz: string) =>
    `sluice: ${flag} is in local time, and TZ=${tz} is no time zone that sluice can read: it would ` +
    "be taken for UTC; set TZ to the name of a zone, such as TZ=Europe/Berlin\n";
  const run = (tz: string, ...args: string[]) =>
    sluice(world.args("-q", ...args), { env: { TZ: tz } });
  const limit = ["--bwlimit", "08:00,20M 18:00,off"], stop = ["--stop-at", "06:00"];
  const timetable = "the timetable of --bwlimit";
  for (const tz of [RULE, "XXX-5:30", "Europe/Belrin"]) {
    const refused = await run(tz, ...limit);
    assert.deepEqual(refused, { code: 2, stdout: "", stderr: sentence(timetable, tz) });
  }
  assert.equal((await run(RULE, ...stop)).stderr, sentence("--stop-at", RULE));
  for (const more of [limit, stop]) {
    const { code } = await sluice(["verify", world.db, ...more], { env: { TZ: RULE } });
    assert.equal(code, 2);
  }
  assert.deepEqual([...Deno.readDirSync(world.top)].length, 2);
  assert.equal((await run(RULE, "--bwlimit", "20M", "--stop-after", "8h")).code, 0);
  for (const tz of ["Europe/Berlin", "UTC", "EST5"]) {
    assert.equal((await run(tz, ...limit, ...stop)).code, 0, tz);
  }
});
