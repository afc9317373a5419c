import assert from "node:assert/strict";
import { type Around, withAround } from "../../src/backend/around.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { probeNameRules, removeTree, withProbeDirectory } from "../../src/backend/probe_names.ts";
import { SyncError } from "../../src/errors.ts";
import { ALL_APART, type NameRules } from "../../src/name_rules.ts";
import { withFaults } from "../testing/faulty_backend.ts";

const NAME = ".sluice-12345678-1-1-0z1.part";
const stays = (error: SyncError) => assert.fail(error.message);

const places: Readonly<Record<string, NameRules>> = {
  "keeps all names apart": ALL_APART,
  "ignores the case of ASCII": { ...ALL_APART, letters: true },
  "ignores case as NTFS does": {
    ...ALL_APART,
    letters: true,
    accents: true,
    dots: true,
    spaces: true,
  },
  "ignores case and forms as ext4 does": {
    ...ALL_APART,
    letters: true,
    accents: true,
    expanded: true,
    forms: true,
    invisible: true,
  },
  "merges look-alikes": { ...ALL_APART, forms: true, lookalikes: true },
  "drops dots at the end": { ...ALL_APART, dots: true },
  "drops spaces at the end": { ...ALL_APART, spaces: true },
  "folds bytes as xfs does": { ...ALL_APART, letters: true, latin1: true },
};

for (const [what, rules] of Object.entries(places)) {
  for (const form of [undefined, "NFC", "NFD"] as const) {
    if (form !== undefined && !rules.forms) continue;
    Deno.test(`probeNameRules finds out that a place ${what} (${form ?? "names as given"})`, async () => {
      const backend = memoryBackend({ names: { rules, form } });
      const before = await backend.look("");
      const found = await withProbeDirectory(
        backend,
        { name: NAME, stays },
        (directory) => probeNameRules(backend, directory),
      );
      assert.deepEqual(found, rules);
      assert.deepEqual(backend.tree(), {});
      assert.equal((await backend.look(""))!.mtime, before!.mtime);
    });
  }
}

Deno.test("probeNameRules takes a call that fails once for no answer", async () => {
  for (const call of ["look", "makeDirectory"] as const) {
    for (let after = 0; after < 12; after++) {
      const rules = { ...ALL_APART, letters: true };
      const inner = memoryBackend({ names: { rules } });
      await inner.makeDirectory("probe");
      const backend = withFaults(inner, [{ call, after, times: 1, errno: "EIO" }]);
      // the directories of its own, which nothing refuses, are the caller's to complain about
      const found = await probeNameRules(backend, "probe").catch(({ code }) => code);
      if (found !== "EIO") assert.deepEqual(found, rules, `${call} ${after}`);
    }
  }
});

Deno.test("probeNameRules makes few calls where names are kept apart", async () => {
  const backend = withFaults(memoryBackend(), []);
  await backend.makeDirectory("probe");
  backend.calls.clear();
  await probeNameRules(backend, "probe");
  const calls = [...backend.calls.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(calls <= 6, `${calls} calls`);
});

/** Answers the calls that are there only when nobody has another one to make. */
class Rounds implements Around {
  count = 0;
  #waiting: (() => void)[] = [];

  async call<T>(_call: unknown, _path: string, make: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0) setTimeout(() => this.#answer(), 0);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return await make();
  }

  now<T>(_call: unknown, _path: string, make: () => T): T {
    return make();
  }

  #answer(): void {
    this.count += 1;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

Deno.test("withProbeDirectory and probeNameRules wait for few answers, whatever names are taken for one", async () => {
  for (const rules of Object.values(places)) {
    const rounds = new Rounds();
    const backend = withAround(memoryBackend({ names: { rules } }), rounds);
    const found = await withProbeDirectory(
      backend,
      { name: NAME, stays },
      (directory) => probeNameRules(backend, directory),
    );
    assert.deepEqual(found, rules);
    // one after the other they would be some seventy
    assert.ok(rounds.count <= 20, `${rounds.count} rounds`);
  }
});

Deno.test("probeNameRules takes names that are refused for names of their own", async () => {
  const inner = memoryBackend({ names: { rules: { ...ALL_APART, letters: true } } });
  const refused = withFaults(inner, [
    { call: "makeDirectory", path: /[.\udce9 ]$/, errno: "EINVAL" },
    { call: "look", path: /\udcc9$/, errno: "EILSEQ" },
  ]);
  await refused.makeDirectory("probe");
  assert.deepEqual(await probeNameRules(refused, "probe"), { ...ALL_APART, letters: true });
});

Deno.test("withProbeDirectory removes everything when its body fails or is interrupted", async () => {
  const backend = memoryBackend();
  const abort = new AbortController();
  const { signal } = abort;
  const probing = withProbeDirectory(backend, { name: NAME, stays, signal }, async (directory) => {
    backend.put(`${directory}/sub/file`, { content: "x" });
    backend.put(`${directory}/link`, { target: "/" });
    backend.put(`${directory}/${NAME}`, {});
    abort.abort(new Error("interrupted"));
    await backend.look("", { signal });
  });
  await assert.rejects(probing, /interrupted/);
  assert.deepEqual(backend.tree(), {});
});

Deno.test("withProbeDirectory tells what stays, and gives what its body gave", async () => {
  const backend = withFaults(memoryBackend(), [{ call: "removeDirectory", errno: "EACCES" }]);
  const said: string[] = [];
  const result = await withProbeDirectory(
    backend,
    { name: NAME, stays: ({ code }) => said.push(code) },
    () => Promise.resolve(42),
  );
  assert.equal(result, 42);
  assert.deepEqual(said, ["EACCES"]);
});

Deno.test("removeTree follows no link", async () => {
  const backend = memoryBackend();
  backend.put("precious/file", { content: "x" });
  backend.put("mine/link", { target: "../precious" });
  await removeTree(backend, "mine");
  assert.deepEqual(Object.keys(backend.tree()), ["precious", "precious/file"]);
});
