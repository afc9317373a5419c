/**
 * What it costs to hand a batch of blocks from a lane's reader to its writer.
 *
 * Run it with `deno bench -A bench/queue_bench.ts`. An iteration passes 10,000 batches through a
 * queue of 2 slots, as a lane has it, and through nothing but the stream that fills it, for
 * comparison.
 */
import { BlockQueue } from "../src/transfer/queue.ts";

const BATCHES = 10_000;

/** Stands for a batch: the queue does not look at it. */
async function* batches(): AsyncGenerator<number> {
  for (let i = 0; i < BATCHES; i++) yield i;
}

function expectAll(arrived: number): void {
  if (arrived !== BATCHES) throw new Error(`${arrived} batches of ${BATCHES} arrived`);
}

for (const slots of [2, 16]) {
  Deno.bench(`${BATCHES} batches, ${slots} slots`, { group: "queue" }, async () => {
    const queue = new BlockQueue<number>(slots);
    const filled = ReadableStream.from(batches()).pipeTo(queue.writable);
    let arrived = 0;
    for await (const _ of queue) arrived += 1;
    await filled;
    expectAll(arrived);
  });
}

Deno.bench(
  `${BATCHES} batches, a stream alone`,
  { group: "queue", baseline: true },
  async () => {
    let arrived = 0;
    const sink = new WritableStream<number>({ write: () => void (arrived += 1) });
    await ReadableStream.from(batches()).pipeTo(sink);
    expectAll(arrived);
  },
);
