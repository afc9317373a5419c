import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { openBackend } from "../../src/backend/open.ts";
import { withFaults } from "../testing/faulty_backend.ts";
import { DiskWorld } from "../testing/world.ts";

/** Calls `first` before the backend holds names for the first time. */
function beforeHolding(backend: Backend, first: () => void): Backend {
  let called = false;
  return new Proxy(backend, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (key === "holdNames" && !called) {
          called = true;
          first();
        }
        return value.apply(target, args);
      };
    },
  });
}

for (const together of [true, false]) {
  Deno.test({
    name: "sync fails a directory that somebody has put a link in the place of before its times " +
      `are set (${together ? "with others" : "by itself"})`,
    // elsewhere there are no held directories, and nothing is set many at a time
    ignore: Deno.build.os !== "linux",
    async fn() {
      // what is made with its files has their times already, unless attributes are to be kept
      const inside = together ? "below/file" : "file";
      using world = new DiskWorld({ [`d/${inside}`]: "1", [`e/${inside}`]: "2" });
      const outside = `${world.top}/outside`;
      Deno.mkdirSync(outside);
      const before = Deno.statSync(outside).mtime;
      const swap = () => {
        Deno.renameSync(`${world.destination}/d`, `${world.top}/aside`);
        Deno.symlinkSync(outside, `${world.destination}/d`);
      };
      const { summary } = await world.run({
        // with attributes, each is done by itself
        preserve: together ? [] : ["mode"],
        open: async (root, temporaryName) => {
          const backend = await openBackend(root, { temporaryName });
          if (root !== world.destination) return backend;
          if (together) return beforeHolding(backend, swap);
          return withFaults(backend, [{ call: "look", path: "d", times: 1, act: swap }]);
        },
      });
      assert.equal(summary.exitCode, 1, summary.reason ?? "");
      assert.deepEqual(summary.failures.map(({ path, message }) => `${path}: ${message}`), [
        "d: the destination has a symlink where this directory must be",
      ]);
      assert.deepEqual([...Deno.readDirSync(outside)], []);
      assert.deepEqual(Deno.statSync(outside).mtime, before);
      assert.deepEqual(
        Deno.statSync(`${world.destination}/e`).mtime,
        Deno.statSync(`${world.source}/e`).mtime,
      );
    },
  });
}
