import assert from "node:assert/strict";
import { demandSameFile } from "../../src/backlog/same_file.ts";
import { SyncError } from "../../src/errors.ts";
import { scratchDirectory } from "../testing/scratch.ts";

const gone = (error: unknown) =>
  error instanceof SyncError && error.scope === "run" && /removed or replaced/.test(error.message);

Deno.test("demandSameFile throws when the file, or the directory above it, is not there any more", () => {
  const top = scratchDirectory();
  try {
    Deno.mkdirSync(`${top}/a`);
    Deno.writeTextFileSync(`${top}/a/db`, "");
    const demand = demandSameFile(`${top}/a/db`);
    demand();
    Deno.writeTextFileSync(`${top}/a/db`, "more");
    demand();
    Deno.renameSync(`${top}/a`, `${top}/b`);
    assert.throws(demand, gone);
    Deno.writeTextFileSync(`${top}/a`, "");
    assert.throws(demand, gone);
    Deno.removeSync(`${top}/a`);
    Deno.renameSync(`${top}/b`, `${top}/a`);
    demand();
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
});

Deno.test("demandSameFile says nothing where it cannot tell", () => {
  const top = scratchDirectory();
  try {
    Deno.writeTextFileSync(`${top}/db`, "");
    Deno.symlinkSync("db", `${top}/link`);
    const demand = demandSameFile(`${top}/link`);
    Deno.removeSync(`${top}/link`);
    // too many levels: neither there nor gone
    Deno.symlinkSync("link", `${top}/link`);
    demand();
    const late = demandSameFile(`${top}/link`);
    Deno.removeSync(`${top}/link`);
    assert.throws(late, gone);
    Deno.symlinkSync("db", `${top}/link`);
    late();
    demand();
    Deno.writeTextFileSync(`${top}/other`, "");
    Deno.renameSync(`${top}/other`, `${top}/db`);
    assert.throws(late, gone);
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
});
