/** The climb, on a simulated server that does most with a known number of lanes. */
import assert from "node:assert/strict";
import { type Climbed, type Done, LaneClimber } from "../../src/control/lane_climber.ts";

/** What a server does in a second with so many lanes, at a time in seconds. */
type Server = (lanes: number, second: number) => Done;

/** Grows with the lanes up to `best`, and sinks beyond it: files that get in each other's way. */
function busiest(best: number, { files = 10, each = 4096 } = {}): Server {
  return (lanes) => {
    const done = lanes <= best ? lanes * files : best * files / (1 + (lanes - best) / best / 2);
    return { files: done, bytes: done * each };
  };
}

/** From 0 up to 1, the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** A server of which each second varies by itself, by up to so much each way. */
function varying(server: Server, by: number, seed: number): Server {
  const random = randomFrom(seed);
  return (lanes, second) => {
    const { files, bytes } = server(lanes, second);
    const factor = 1 + (2 * random() - 1) * by;
    return { files: files * factor, bytes: bytes * factor };
  };
}

/** Looks once a second; the lanes of each second, and what was said. */
function climb(
  server: Server,
  { seconds, lanes = 32, least = 2, most = 64 }: {
    readonly seconds: number;
    readonly lanes?: number;
    readonly least?: number;
    readonly most?: number;
  },
) {
  const climber = new LaneClimber({ lanes, least, most });
  let done: Done = { files: 0, bytes: 0 };
  const used: number[] = [], said: { readonly second: number; readonly climbed: Climbed }[] = [];
  for (let second = 0; second < seconds; second++) {
    const climbed = climber.look(second * 1000, done);
    if (climbed !== null) assert.equal(climbed.lanes, climber.lanes);
    if (climbed !== null) said.push({ second, climbed });
    used.push(climber.lanes);
    const { files, bytes } = server(climber.lanes, second);
    done = { files: done.files + files, bytes: done.bytes + bytes };
  }
  return { used, said, done };
}

function last<T>(list: readonly T[], count: number): T[] {
  return list.slice(-count);
}

/** The number that is used most of the time. */
function mostly(used: readonly number[]): number {
  const counts = Map.groupBy(used, (lanes) => lanes);
  return [...counts].reduce((a, b) => b[1].length > a[1].length ? b : a)[0];
}

Deno.test("LaneClimber comes near the best number of lanes from either side", () => {
  for (const best of [4, 8, 16, 24, 48]) {
    const { used } = climb(busiest(best), { seconds: 1800 });
    const found = mostly(last(used, 600));
    assert.ok(found >= best / 1.5 && found <= best * 1.5, `${found} lanes, best ${best}`);
  }
});

Deno.test("LaneClimber stays within its bounds", () => {
  const more = climb(busiest(1000), { seconds: 3600 });
  assert.equal(mostly(last(more.used, 600)), 64);
  assert.equal(Math.max(...more.used), 64);
  const fewer = climb(busiest(1, { files: 100 }), { seconds: 3600, least: 3 });
  assert.equal(mostly(last(fewer.used, 600)), 3);
  assert.equal(Math.min(...fewer.used), 3);
});

Deno.test("LaneClimber does not move where lanes make no difference, and tries seldom", () => {
  const { used, said } = climb(() => ({ files: 100, bytes: 10e6 }), { seconds: 4 * 3600 });
  assert.equal(mostly(used), 32);
  assert.ok(said.every(({ climbed: { why } }) => why === null || /^32 lanes as before/.test(why)));
  const busy = last(used, 3600).filter((lanes) => lanes !== 32).length;
  assert.ok(busy < 3600 * 0.02, `${busy} s of an hour`);
});

Deno.test("LaneClimber is not made to wander by what varies by itself", () => {
  for (const by of [0.1, 0.3]) {
    let moved = 0, trials = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const flat: Server = () => ({ files: 100, bytes: 10e6 });
      const { said } = climb(varying(flat, by, seed), { seconds: 3600 });
      for (const { climbed: { why } } of said) {
        if (why === null) continue;
        trials += 1;
        if (/from now on/.test(why)) moved += 1;
      }
    }
    assert.ok(trials > 100);
    assert.ok(moved <= trials * 0.05, `${moved} of ${trials} at ${by}`);
  }
});

Deno.test("LaneClimber comes near the best number although each second varies", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { used } = climb(varying(busiest(8), 0.2, seed), { seconds: 3600 });
    const found = mostly(last(used, 900));
    assert.ok(found >= 5 && found <= 14, `${found} lanes`);
  }
});

Deno.test("LaneClimber loses little by trying, and gains much", () => {
  const server = busiest(8);
  const { done } = climb(server, { seconds: 3600 });
  const best = server(8, 0).files * 3600, unchanged = server(32, 0).files * 3600;
  assert.ok(done.files > best * 0.9, `${done.files} of ${best}`);
  assert.ok(done.files > unchanged * 1.5);
});

Deno.test("LaneClimber follows when another number becomes the best", () => {
  const change = 3600;
  const server: Server = (lanes, second) => busiest(second < change ? 6 : 40)(lanes, second);
  const { used } = climb(server, { seconds: change + 1800 });
  const before = mostly(used.slice(change - 600, change)), after = mostly(last(used, 300));
  assert.ok(before >= 4 && before <= 9, `${before} lanes before`);
  assert.ok(after >= 28 && after <= 60, `${after} lanes after`);
});

Deno.test("LaneClimber is not misled by small files that follow large ones", () => {
  // lanes make no difference; the files do, every 11 seconds
  const mixed: Server = (_, second) =>
    Math.floor(second / 11) % 2 === 0 ? { files: 300, bytes: 1e6 } : { files: 2, bytes: 100e6 };
  const { used } = climb(mixed, { seconds: 2 * 3600 });
  assert.equal(mostly(last(used, 3600)), 32);
});

Deno.test("LaneClimber waits while nothing moves, and gives up a trial on being told so", () => {
  const climber = new LaneClimber({ lanes: 32, least: 2, most: 64 });
  let now = 0;
  for (; now < 600_000; now += 1000) {
    assert.equal(climber.look(now, { files: 0, bytes: 0 }), null);
  }
  const done = { files: 0, bytes: 0 };
  let climbed: Climbed | null = null;
  for (; climbed === null; now += 1000) {
    climbed = climber.look(now, { ...done });
    done.files += 100;
  }
  assert.deepEqual(climbed, { lanes: 48, why: null });
  assert.deepEqual(climber.abandon(now), { lanes: 32, why: null });
  assert.equal(climber.abandon(now), null);
  assert.equal(climber.lanes, 32);
});

Deno.test("LaneClimber tells the figures that made it change", () => {
  const { said } = climb(busiest(48, { files: 10, each: 2 ** 20 }), { seconds: 100 });
  const why = said.map(({ climbed }) => climbed.why).find((why) => why !== null);
  assert.equal(
    why,
    "48 lanes from now on: 48 lanes did 480.0 files/s and 480.0 MiB/s, " +
      "32 lanes 320.0 files/s and 320.0 MiB/s",
  );
});
