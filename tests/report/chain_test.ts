import assert from "node:assert/strict";
import fc from "fast-check";
import { ChainEncoder, GENESIS, linkOf } from "../../src/report/chain.ts";
import { numRuns } from "../testing/trees.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();
const beginning = { type: "operation", time: "2026-11-22T12:00:00.000Z", run: 7 };

Deno.test("ChainEncoder makes the same records of lines as of one after the other, each chained", () => {
  const field = fc.string({ unit: "grapheme", maxLength: 40 }).map((text) =>
    `"path":${JSON.stringify(text)}`
  );
  const groups = fc.array(fc.array(fc.oneof(fc.constant(""), field), { maxLength: 300 }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(groups, fc.nat({ max: 2 ** 40 }), (groups, first) => {
      const together = new ChainEncoder(GENESIS), alone = new ChainEncoder(GENESIS, () => null);
      let sequence = first;
      for (const group of groups) {
        const lines = encoder.encode(group.map((fields) => `${fields}\n`).join(""));
        const last = together.add(beginning, sequence, lines, group.length);
        for (const fields of group) {
          sequence = alone.add(beginning, sequence, encoder.encode(`${fields}\n`), 1);
        }
        assert.equal(last, sequence);
      }
      const text = decoder.decode(together.take());
      assert.equal(text, decoder.decode(alone.take()));
      assert.equal(together.head, alone.head);
      const records = text.split("\n").slice(0, -1);
      assert.equal(records.length, groups.flat().length);
      let head = GENESIS;
      groups.flat().forEach((fields, i) => {
        const link = linkOf(encoder.encode(records[i]!));
        assert.ok(link.type === "record" && link.intact && link.prev === head, records[i]);
        const { prev: _prev, check: _check, ...told } = JSON.parse(records[i]!);
        assert.deepEqual(told, { ...begun(first + i + 1), ...JSON.parse(`{${fields}}`) });
        head = link.hash;
      });
      assert.equal(together.head, head);
    }),
    numRuns(100),
  );
});

function begun(seq: number) {
  const { type, time, run } = beginning;
  return { type, seq, time, run };
}

Deno.test("ChainEncoder begins anew after its lines were taken, and goes on with its chain", () => {
  const chain = new ChainEncoder(GENESIS);
  chain.add(beginning, 0, encoder.encode('"a":1\n'), 1);
  const first = decoder.decode(chain.take());
  assert.equal(chain.take().length, 0);
  const { head } = chain;
  chain.add(beginning, 1, encoder.encode('"a":2\n'), 1);
  const link = linkOf(chain.take().slice(0, -1));
  assert.ok(first.endsWith('"}\n'));
  assert.ok(link.type === "record" && link.intact);
  assert.equal(link.prev, head);
});

Deno.test("ChainEncoder refuses lines that are more or fewer than it was told", () => {
  const lines = encoder.encode('"a":1\n"a":2\n');
  for (const count of [0, 1, 3]) {
    const chain = new ChainEncoder(GENESIS);
    assert.throws(() => chain.add(beginning, 0, lines, count), /there are not \d lines/);
    assert.equal(chain.length, 0);
    assert.equal(chain.head, GENESIS);
  }
});

Deno.test("ChainEncoder makes the same records without machine code", () => {
  const lines = encoder.encode(
    Array.from({ length: 600 }, (_, i) => `"a":${10 ** (i % 99)}\n`).join(""),
  );
  const [one, other] = [new ChainEncoder(GENESIS), new ChainEncoder(GENESIS, () => null)];
  for (const chain of [one, other]) chain.add(beginning, 0, lines, 600);
  assert.equal(decoder.decode(one.take()), decoder.decode(other.take()));
  assert.equal(one.head, other.head);
});
