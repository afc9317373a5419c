/** Readers of the output that rest: a stopped terminal, a pipe that nobody empties. */
import assert from "node:assert/strict";
import { PatientStream } from "../src/patient_stream.ts";
import { queryDatabase } from "./testing/query.ts";
import { DiskWorld, readTree, type Tree } from "./testing/world.ts";

/** A stream that takes so many bytes before it would have to wait. */
class Pipe {
  room: number;
  text = "";
  error: Error | null = null;

  constructor(room: number) {
    this.room = room;
  }

  writeSync(bytes: Uint8Array): number {
    if (this.error !== null) throw this.error;
    if (this.room === 0) throw new Deno.errors.WouldBlock("full");
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const never = () => false;

Deno.test("PatientStream keeps what is not taken now, and writes it in its order", async () => {
  const pipe = new Pipe(3), stream = new PatientStream(pipe);
  const reused = bytes("hello ");
  assert.equal(stream.writeSync(reused), 6);
  reused.fill(0);
  assert.ok(stream.isBehind);
  stream.writeSync(bytes("world"));
  assert.equal(pipe.text, "hel");
  pipe.room = 4;
  await stream.drain(() => pipe.room === 0);
  assert.equal(pipe.text, "hello w");
  pipe.room = Infinity;
  await stream.drain(never);
  assert.equal(pipe.text, "hello world");
  assert.equal(stream.isBehind, false);
  stream.writeSync(bytes("!"));
  assert.equal(pipe.text, "hello world!");
});

Deno.test("PatientStream tells the next who writes what went wrong meanwhile, and goes on", async () => {
  const pipe = new Pipe(0), stream = new PatientStream(pipe);
  stream.writeSync(bytes("lost"));
  pipe.error = new Deno.errors.BrokenPipe("nobody reads");
  await stream.drain(never);
  assert.throws(() => stream.writeSync(bytes("x")), Deno.errors.BrokenPipe);
  pipe.error = null;
  pipe.room = Infinity;
  stream.writeSync(bytes("again"));
  assert.equal(pipe.text, "again");
});

Deno.test("PatientStream waits for the reader when it has kept too much", () => {
  const pipe = new Pipe(0),
    stream = new PatientStream({
      writeSync(bytes) {
        // the reader wakes up when it is looked after for the third time
        if (++looks === 3) pipe.room = Infinity;
        return pipe.writeSync(bytes);
      },
    });
  let looks = 0;
  const much = new Uint8Array(17 * 2 ** 20).fill(65);
  assert.equal(stream.writeSync(much), much.length);
  assert.equal(looks, 3);
  assert.equal(pipe.text.length, much.length);
});

/** Each of these fails with a line: a directory has its name. */
const NAMES = Array.from({ length: 1500 }, (_, i) => `${i}`.padStart(80, "blocked "));
const SOURCE: Tree = Object.fromEntries([...NAMES, "good"].map((name) => [name, "1"]));
const DESTINATION: Tree = Object.fromEntries(NAMES.map((name) => [`${name}/inner`, "x"]));

/** The command with a pipe at its output that is not read yet. */
function unread(world: DiskWorld, ...options: string[]): Deno.ChildProcess {
  const main = new URL("../main.ts", import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", main, ...world.args("--progress", "plain", ...options)],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

/** Waits for something that would never come if the run stood still. */
async function until(isSo: () => boolean): Promise<void> {
  const since = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - since < 60_000, "it stands still");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What the database says of the run; undefined before there is one. */
function runOf(world: DiskWorld): Record<string, unknown> | undefined {
  try {
    return queryDatabase(world.db, "SELECT ended_at, failed FROM run")[0];
  } catch {
    // not there yet, or not complete
    return undefined;
  }
}

Deno.test({
  name: "the command does its work while nobody reads its output, which is all there later",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld(SOURCE, DESTINATION);
    const child = unread(world);
    await until(() => typeof runOf(world)?.ended_at === "number");
    assert.ok("good" in readTree(world.destination));
    const { code, stdout } = await child.output();
    assert.equal(code, 1);
    const text = new TextDecoder().decode(stdout);
    assert.ok(text.length > 100_000);
    const failed = text.split("\n").filter((line) => line.startsWith("failed "));
    assert.equal(failed.length, NAMES.length, "each once");
    for (const name of NAMES) assert.ok(text.includes(`${name}: cannot rename`), name);
    assert.match(text, /\n +next [^\n]+\n$/);
  },
});

Deno.test({
  name: "the command ends by a signal while nobody reads its output",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld({ ...SOURCE, slow: "x".repeat(3_000_000) }, DESTINATION);
    const child = unread(world, "--bwlimit", "20K", "--lanes", "2");
    await until(() => Number(runOf(world)?.failed) >= 1000);
    child.kill("SIGTERM");
    const { code } = await child.status;
    assert.equal(code, 143);
    await child.stdout.cancel();
  },
});
