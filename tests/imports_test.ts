import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path/posix";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** One import of a file: from which other one, or which package, and whether of types alone. */
interface Import {
  readonly from: string;
  readonly to: string;
  readonly types: boolean;
}

/** The files of `src/` by their paths below it, with their imports. */
function readImports(): Map<string, Import[]> {
  const found = new Map<string, Import[]>();
  const walk = (directory: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      const path = join(directory, name);
      if (isDirectory) walk(path);
      else found.set(relative(SRC, path), importsOf(path));
    }
  };
  walk(SRC);
  return found;
}

function importsOf(path: string): Import[] {
  const from = relative(SRC, path);
  const text = Deno.readTextFileSync(path);
  const statements = text.matchAll(
    /^(?:import|export) (type )?(\{[^}]*\}|\*[^"]*|\w+) from "([^"]+)"/gm,
  );
  return [...statements].map(([, type, names = "", to = ""]) => ({
    from,
    to: to.startsWith(".") ? join(dirname(from), to) : to,
    types: type !== undefined ||
      names.startsWith("{") &&
        names.slice(1, -1).split(",").every((name) => /^\s*(type\s|$)/.test(name)),
  }));
}

const IMPORTS = readImports();

/** The folder of a file of `src/`; its name without the ending where it is in none. */
function areaOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path.replace(/\.ts$/, "");
}

const VOCABULARY = [
  ...["entry", "name", "operation", "options", "errors", "event", "job", "block", "listing"],
  "listing_packer",
  ...["stamp", "times", "packed", "parcel", "preserve", "removal", "bandwidth", "name_rules"],
];
const STAGES = ["scan", "plan", "transfer"];
const CONTRACTS = ["backend/backend.ts", "backlog/backlog.ts"];

/** Imports that break a rule, each known. */
const EXCEPTIONS = new Set([
  "backlog/decide_store.ts -> plan/compare.ts",
  "backlog/last_scan.ts -> backend/identity.ts",
  "scan/names.ts -> backlog/merge_store.ts",
  "scan/scan.ts -> hands.ts",
  "scan/scan.ts -> report/operation_record.ts",
  "scan/scan_records.ts -> report/operation_record.ts",
  "control/follow.ts -> report/statistics.ts",
  "verify/check_file.ts -> transfer/digest.ts",
  "commands/why_lines.ts -> plan/deletion_rules.ts",
]);

/** What the files of an area may import, of the files of this project. */
function mayImport(area: string, { to, types }: Import): boolean {
  const target = areaOf(to);
  if (target === area || target === "lib" || VOCABULARY.includes(target)) {
    return area !== "lib" || target === "lib";
  }
  if (area === "lib" || VOCABULARY.includes(area)) return false;
  if (area === "backend" || area === "backlog" || area === "report") return false;
  if (area === "control") return to === "lanes.ts" || to === "backend/way.ts";
  if (STAGES.includes(area)) {
    if (CONTRACTS.includes(to) || target === "context" || target === "self") return true;
    if (target === "backend") return true;
    return types && ["backlog", "crew", "hands", "lanes"].includes(target);
  }
  if (area === "verify" || area === "doctor") return target !== "run" && !STAGES.includes(target);
  if (area === "commands") return !["run", "sync", "ledger", ...STAGES].includes(target);
  return true;
}

Deno.test("every import of src is understood", () => {
  for (const [path, imports] of IMPORTS) {
    const text = Deno.readTextFileSync(join(SRC, path));
    const all = [...text.matchAll(/^(?:import|\}|export) .*from "|^import "/gm)].length;
    assert.equal(imports.length, all, path);
  }
});

Deno.test("the files of src import what the rules of the architecture let them import", () => {
  const broken: string[] = [], used = new Set<string>();
  for (const imports of IMPORTS.values()) {
    for (const one of imports) {
      if (!one.to.endsWith(".ts") || mayImport(areaOf(one.from), one)) continue;
      const line = `${one.from} -> ${one.to}`;
      if (EXCEPTIONS.has(line)) used.add(line);
      else broken.push(line);
    }
  }
  assert.deepEqual(broken, []);
  // one that is not needed any more would hide the next
  assert.deepEqual([...EXCEPTIONS].filter((line) => !used.has(line)), []);
});

Deno.test("commands do not import each other", () => {
  const commands = ["audit", "ctl", "doctor", "manifest", "verify", "why"];
  for (const command of commands) {
    const imports = IMPORTS.get(`commands/${command}.ts`)!;
    const others = commands.map((name) => `commands/${name}.ts`);
    assert.deepEqual(imports.filter(({ to }) => others.includes(to)), []);
  }
});

Deno.test("the database and the system's library are reached in one place each", () => {
  for (const [path, imports] of IMPORTS) {
    if (imports.some(({ to }) => to === "node:sqlite")) assert.equal(areaOf(path), "backlog", path);
    const text = Deno.readTextFileSync(join(SRC, path)).replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, "");
    if (text.includes("Deno.dlopen")) assert.equal(path, "lib/system_library.ts");
  }
});

Deno.test("no files of src import each other in a circle, but for types", () => {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string) => {
    const at = way.indexOf(path);
    assert.equal(at, -1, `a circle: ${[...way.slice(at), path].join(" -> ")}`);
    if (done.has(path)) return;
    way.push(path);
    for (const { to, types } of IMPORTS.get(path) ?? []) if (!types) visit(to);
    way.pop();
    done.add(path);
  };
  for (const path of IMPORTS.keys()) visit(path);
});
