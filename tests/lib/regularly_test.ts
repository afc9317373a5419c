import assert from "node:assert/strict";
import { regularly } from "../../src/lib/regularly.ts";
import { FakeClock } from "../testing/fake_clock.ts";

Deno.test("regularly looks each time that so much has passed, until it is disposed of", async () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  {
    using _looking = regularly(() => seen.push(clock.now()), { every: 500, clock });
    await clock.advance(400);
    assert.deepEqual(seen, []);
    await clock.advance(1200);
    assert.deepEqual(seen, [500, 1000, 1500]);
  }
  await clock.advance(2000);
  assert.deepEqual(seen, [500, 1000, 1500]);
});
