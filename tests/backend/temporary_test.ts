import assert from "node:assert/strict";
import { isTemporary, temporaryNames, tokenOf } from "../../src/backend/temporary.ts";

Deno.test("temporaryNames gives names that are known as temporaries of their token", () => {
  const next = temporaryNames("0badcafe-4711-1700000000", 3);
  const names = Array.from({ length: 1000 }, next);
  assert.equal(new Set(names).size, 1000);
  for (const name of names) {
    assert.ok(isTemporary(name), name);
    assert.equal(tokenOf(name), "0badcafe-4711-1700000000");
    assert.ok(name.length < 60);
  }
});

Deno.test("temporaryNames gives different names when threads share a token", () => {
  const names = new Set<string>();
  for (let thread = 0; thread < 40; thread++) {
    const next = temporaryNames("0badcafe-1-1", thread);
    for (let i = 0; i < 100; i++) names.add(next());
  }
  assert.equal(names.size, 4000);
});

Deno.test("isTemporary is false when a name only looks like one", () => {
  const names = [
    "",
    ".sluice-",
    ".sluice-x.part",
    ".sluice-0badcafe-1-1.part",
    ".sluice-0badcafe-1-1-a.part.bak",
    "a.sluice-0badcafe-1-1-a.part",
    ".sluice-0BADCAFE-1-1-a.part",
    ".sluice-0badcafe-1-1-a.part\n",
    ".sluice-0badcafe-1-1-../a.part",
  ];
  for (const name of names) {
    assert.equal(isTemporary(name), false, JSON.stringify(name));
    assert.equal(tokenOf(name), null);
  }
});
