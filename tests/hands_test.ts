import assert from "node:assert/strict";
import { type Around, withAround } from "../src/backend/around.ts";
import { memoryBackend } from "../src/backend/memory.ts";
import type { Pending } from "../src/backend/watch.ts";
import type { QueuedDirectory } from "../src/backlog/backlog.ts";
import type { FromCrew, Role, ToCrew } from "../src/crew.ts";
import { RunControl } from "../src/control/run_control.ts";
import { Crew, type Hand, spawnAhead, spawnInProcess, spawnWorker } from "../src/hands.ts";
import { DEFAULTS } from "../src/options.ts";
import { canNest, startThread, Thread } from "../src/thread.ts";
import { FakeClock } from "./testing/fake_clock.ts";

/** A thread that says only what the test says. */
class PuppetHand implements Hand {
  readonly posted: ToCrew[] = [];
  terminated = false;
  say: (message: FromCrew) => void = () => {};

  post(message: ToCrew): void {
    this.posted.push(message);
  }

  onMessage(handler: (message: FromCrew) => void): void {
    this.say = handler;
  }

  terminate(): void {
    this.terminated = true;
  }

  /** What it has in common with its owner. */
  get calls(): Int32Array {
    const start = this.posted.find((message) => message.type === "start")!;
    return new Int32Array(start.calls);
  }

  pulse(...pending: Pending[]): void {
    this.say({ type: "pulse", pending });
  }
}

/** A crew of two threads in some role. */
function crewOfTwo(grace = 10_000) {
  const clock = new FakeClock(1000);
  const hands: PuppetHand[] = [];
  const spawn = () => {
    const hand = new PuppetHand();
    hands.push(hand);
    return hand;
  };
  const crew = new Crew({ spawn, token: "t", now: () => clock.now(), every: clock.every });
  const stop = new AbortController();
  const role = { type: "walk", side: "source" } as Role;
  const done = [1, 2].map(() => crew.start(role, () => {}, { signal: stop.signal, grace }).done);
  return { clock, crew, stop, done, first: hands[0]!, second: hands[1]! };
}

const pending = (side: Pending["side"], path: string, age: number): Pending => ({
  side,
  path,
  age,
});

Deno.test("Crew tells of the oldest call of each side that was not answered for some seconds", async () => {
  const { clock, crew, first, second } = crewOfTwo();
  using _ = crew;
  first.pulse(pending("source", "a", 7000), pending("destination", "b", 100));
  second.pulse(pending("source", "c", 9000), pending("destination", "", 6000));
  await clock.advance(400);
  assert.deepEqual(crew.unanswered(), [
    { side: "source", path: "c", ms: 9400 },
    { side: "destination", path: null, ms: 6400 },
  ]);
  second.pulse();
  assert.deepEqual(crew.unanswered(), [{ side: "source", path: "a", ms: 7400 }]);
});

Deno.test("Crew knows by its silence a thread that hangs in a call of its own", async () => {
  const { clock, crew, first, second } = crewOfTwo();
  using _ = crew;
  Atomics.add(first.calls, 1, 1);
  await clock.advance(4000);
  second.pulse();
  // it may have said something just before it began to hang
  assert.deepEqual(crew.unanswered(), []);
  await clock.advance(2000);
  second.pulse();
  assert.deepEqual(crew.unanswered(), [{ side: "destination", path: null, ms: 6000 }]);
  Atomics.add(first.calls, 0, 1);
  assert.deepEqual(crew.unanswered(), [{ side: null, path: null, ms: 6000 }]);
  first.pulse();
  assert.deepEqual(crew.unanswered(), []);
});

Deno.test("Crew does not take it for silence that its own thread was stopped", async () => {
  const { clock, crew, first } = crewOfTwo();
  using _ = crew;
  Atomics.add(first.calls, 0, 1);
  await clock.advance(250);
  // the whole process was stopped: no timer ran
  clock.jump(60_000);
  assert.deepEqual(crew.unanswered(), []);
  await clock.advance(250);
  assert.deepEqual(crew.unanswered(), []);
});

Deno.test("Crew leaves a silent thread behind soon after an abort, one that lives after its grace", async () => {
  const { clock, crew, stop, done, first, second } = crewOfTwo();
  using _ = crew;
  Atomics.add(first.calls, 0, 1);
  await clock.advance(3000);
  second.pulse();
  stop.abort();
  assert.deepEqual(first.posted.at(-1), { type: "abort" });
  await clock.advance(1250);
  assert.equal(first.terminated, false);
  await clock.advance(250);
  await done[0];
  assert.equal(first.terminated, true);
  for (let i = 0; i < 16; i++) {
    second.pulse();
    await clock.advance(500);
  }
  assert.equal(second.terminated, false);
  second.pulse();
  await clock.advance(1000);
  await done[1];
  assert.equal(second.terminated, true);
});

Deno.test("Crew waits after an abort for a thread whose calls are answered, and for no other", async () => {
  const { clock, crew, stop, done, first, second } = crewOfTwo(1500);
  using _ = crew;
  stop.abort();
  for (let i = 0; i < 3; i++) {
    first.pulse(pending("destination", "answered", 300));
    second.pulse(pending("destination", "hangs", 300 + i * 500));
    await clock.advance(500);
  }
  await done[1];
  assert.deepEqual([first.terminated, second.terminated], [false, true]);
  for (let i = 0; i < 16; i++) {
    first.pulse(pending("destination", "answered", 300));
    await clock.advance(500);
  }
  assert.equal(first.terminated, false);
  first.pulse();
  await clock.advance(500);
  await done[0];
  assert.equal(first.terminated, true);
});

Deno.test("Crew leaves no timer behind", async () => {
  const { clock, crew, stop, done, first, second } = crewOfTwo();
  stop.abort();
  first.say({ type: "done" });
  second.say({ type: "done" });
  await Promise.all(done);
  crew[Symbol.dispose]();
  assert.equal(clock.waiting, 0);
});

Deno.test("Crew lets one thread serve two roles where it can, and gives only the first another one", async () => {
  const clock = new FakeClock(1000);
  const threads: PuppetHand[] = [], beside: PuppetHand[] = [];
  const seat = () => {
    const hand = new PuppetHand();
    beside.push(hand);
    return hand;
  };
  const spawn = () => {
    const hand = new PuppetHand();
    threads.push(hand);
    return Object.assign(hand, { beside: seat });
  };
  using crew = new Crew({ spawn, token: "t", now: () => clock.now(), every: clock.every });
  const { signal } = new AbortController();
  const role = { type: "walk", side: "source" } as Role;
  const first = crew.start(role, () => {}, { signal, grace: 1000 });
  const second = crew.start(role, () => {}, { signal, grace: 1000, beside: first.hand });
  assert.deepEqual([threads.length, beside.length], [1, 1]);
  assert.equal(crew.hasIdle, false);
  beside[0]!.say({ type: "done" });
  await second.done;
  // the thread goes on with the other role
  assert.deepEqual([beside[0]!.terminated, crew.hasIdle], [true, false]);
  threads[0]!.say({ type: "done" });
  await first.done;
  assert.deepEqual([threads[0]!.terminated, crew.hasIdle], [false, true]);
  crew.start(role, () => {}, { signal, grace: 1000 });
  assert.deepEqual([threads.length, beside.length], [1, 1]);
});

Deno.test("spawnInProcess has a role that was left behind make no more calls, whatever becomes of the one that hung", async () => {
  const made: string[] = [];
  const hangs = Promise.withResolvers<void>(), answered = Promise.withResolvers<void>();
  const backend = memoryBackend({ root: "/root" });
  backend.put("directory", { kind: "directory" });
  const watched: Around = {
    async call(call, path, make) {
      made.push(`${call} ${path}`);
      if (path !== "directory") return await make();
      hangs.resolve();
      await answered.promise;
      return await make();
    },
    now: (_call, _path, make) => make(),
  };
  const hand = spawnInProcess(() => Promise.resolve(withAround(backend, watched)))();
  const heard: FromCrew[] = [];
  hand.onMessage((message) => heard.push(message));
  using control = new RunControl({ ...DEFAULTS, bandwidth: null, clock: new FakeClock() });
  const { identity } = backend;
  hand.post({
    type: "start",
    role: {
      type: "walk",
      side: "source",
      root: "/root",
      identity,
      retries: 0,
      control: control.memory,
    },
    thread: 1,
    token: "t",
    now: performance.now(),
    calls: new SharedArrayBuffer(8),
  });
  const directory = { id: 1, path: "directory" } as QueuedDirectory;
  hand.post({ type: "list", directories: [directory, { ...directory, path: "other" }] });
  await hangs.promise;
  hand.terminate();
  const told = heard.length, calls = made.length;
  answered.resolve();
  // whatever it has left to do is done in the turns that are due by then
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(heard.length, told);
  assert.equal(made.length, calls);
});

for (const kind of ["beside", "another"] as const) {
  Deno.test(`spawnWorker serves a role at each of its hands, and ends with the last of them (${kind})`, async () => {
    await servesTwo((thread) => thread[kind]!());
  });
}

Deno.test("spawnWorker tells of a thread that has failed before it had a role", async () => {
  const thread = spawnWorker(new Thread("data:text/javascript,throw new Error('no memory')"));
  const started = () =>
    new Promise<FromCrew[]>((resolve) => {
      const heard: FromCrew[] = [];
      thread.onMessage((message) => {
        heard.push(message);
        if (message.type === "done") resolve(heard);
      });
    });
  for (let role = 0; role < 2; role++) {
    const [fatal] = await started();
    assert.ok(fatal?.type === "fatal");
    assert.match(fatal.error.message, /^a thread failed: .*no memory/);
  }
  thread.terminate();
});

Deno.test("spawnWorker tells of a thread that has failed before it was anybody's", async () => {
  const started = new Thread("data:text/javascript,throw new Error('no memory')");
  while (started.failure === null) await new Promise((resolve) => setTimeout(resolve, 1));
  const hand = spawnWorker(started);
  const { promise, resolve } = Promise.withResolvers<FromCrew>();
  hand.onMessage(resolve);
  const first = await promise;
  assert.ok(first.type === "fatal");
  assert.match(first.error.message, /^a thread failed: .*no memory/);
  hand.terminate();
});

Deno.test("Thread gives out the seats that it has begun before it takes others", () => {
  const { Worker } = globalThis;
  const taken: string[] = [];
  globalThis.Worker = class {
    postMessage(seat: string, [port]: [MessagePort]) {
      taken.push(seat);
      port.close();
    }
  } as unknown as typeof Worker;
  try {
    const thread = new Thread("data:text/javascript,");
    thread.begin();
    thread.begin();
    const ports = [thread.at("beside"), ...Array.from({ length: 3 }, () => thread.at("another"))];
    assert.deepEqual(taken, ["another", "another", "beside", "another"]);
    assert.equal(new Set(ports).size, 4);
    ports.forEach((port) => port.close());
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("startThread says what to do when the system gives no more threads", () => {
  const { Worker } = globalThis;
  globalThis.Worker = class {
    constructor() {
      throw new Deno.errors.WouldBlock("Resource temporarily unavailable");
    }
  } as unknown as typeof Worker;
  try {
    const expected = { code: "ETHREAD", scope: "run", message: /cannot be started: .*; raise/ };
    assert.throws(() => startThread("data:text/javascript,"), expected);
  } finally {
    globalThis.Worker = Worker;
  }
});

/** Starts a role at a thread and at another hand of it, then one more at the thread. */
async function servesTwo(otherOf: (thread: Hand) => Hand): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "sluice-" });
  using control = new RunControl({ ...DEFAULTS, bandwidth: null, clock: new FakeClock() });
  const thread = spawnWorker();
  const start = (hand: Hand, side: "source" | "destination") => {
    const heard: FromCrew[] = [];
    const over = Promise.withResolvers<void>();
    hand.onMessage((message) => {
      heard.push(message);
      if (message.type === "done") over.resolve();
    });
    const identity = { device: 0n, inode: 0n, type: "none" };
    hand.post({
      type: "start",
      role: { type: "walk", side, root, identity, retries: 0, control: control.memory },
      thread: 1,
      token: "t",
      now: 0,
      calls: new SharedArrayBuffer(8),
    });
    return { heard, over: over.promise };
  };
  const first = start(thread, "source");
  const other = otherOf(thread);
  const second = start(other, "destination");
  await Promise.all([first.over, second.over]);
  // neither root is the one that was named: each role says so for itself
  for (const [{ heard }, side] of [[first, "source"], [second, "destination"]] as const) {
    const fatal = heard.find((message) => message.type === "fatal")!;
    assert.match(fatal.error.message, new RegExp(`the ${side} .* is gone`));
  }
  other.terminate();
  const again = start(thread, "source");
  await again.over;
  thread.terminate();
  await Deno.remove(root, { recursive: true });
}

Deno.test("spawnAhead has the first thread make the others where it can, and ends what nobody wanted", () => {
  for (const [canMake, nested] of [[true, true], [false, true], [true, false]] as const) {
    const made: PuppetHand[] = [], spawned: PuppetHand[] = [];
    const spawn = () => {
      const hand = new PuppetHand();
      spawned.push(hand);
      const another = () => {
        const hand = new PuppetHand();
        made.push(hand);
        return hand;
      };
      return canMake ? Object.assign(hand, { another }) : hand;
    };
    const ahead = spawnAhead(spawn, { nested });
    ahead.another();
    ahead.another();
    const all = [...spawned, ...made];
    assert.deepEqual([spawned.length, made.length], canMake && nested ? [1, 2] : [3, 0]);
    assert.equal(ahead.spawn(), all[0]);
    assert.equal(ahead.spawn(), all[1]);
    ahead[Symbol.dispose]();
    assert.deepEqual(all.map(({ terminated }) => terminated), [false, false, true]);
    assert.equal(ahead.spawn(), spawned.at(-1));
    assert.equal(all.includes(spawned.at(-1)!), false);
  }
});

Deno.test("canNest knows the versions of Deno in which a thread of a thread waits", () => {
  for (const version of ["1.46.3", "2.7.14", "2.8.3"]) {
    assert.equal(canNest(version), true, version);
  }
  for (const version of ["2.9.6", "2.10.0", "3.0.0"]) {
    assert.equal(canNest(version), false, version);
  }
});
