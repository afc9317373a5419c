import assert from "node:assert/strict";
import { Fixture } from "./fixture.ts";

Deno.test("OutboxStore keeps lines until they are known to be written, and always the last", () => {
  using fixture = new Fixture();
  const { backlog } = fixture, { outbox } = backlog;
  const put = (sequence: number, lines: string) =>
    backlog.transaction(() => outbox.put([{ sequence, lines: new TextEncoder().encode(lines) }]));
  const kept = () => outbox.rows().map(({ sequence, written }) => [sequence, written]);
  put(2, "one\ntwo\n");
  put(3, "three\n");
  assert.deepEqual(kept(), [[2, false], [3, false]]);
  assert.equal(outbox.rows().map(({ lines }) => lines).join(""), "one\ntwo\nthree\n");
  outbox.written(3);
  assert.deepEqual(kept(), [[2, true], [3, true]]);
  put(4, "four\n");
  assert.deepEqual(kept(), [[4, false]]);
});
