/** Arbitrary trees for property tests. */
import fc from "fast-check";
import type { TreeNode } from "../../src/backend/memory.ts";
import { THEN, type Tree } from "./world.ts";

const ODD_NAMES = ["a", "b", "c", "é", "n\n", "\udcff"];
const mtime = fc.constantFrom(THEN, THEN + 1n, -1n);

/** A file: size and time say which content it has, as sluice takes for granted. */
const file: fc.Arbitrary<TreeNode> = fc.record({ size: fc.nat(2), mtime })
  .map(({ size, mtime }) => ({ content: String(mtime).slice(-1).repeat(size), mtime }));

const node: fc.Arbitrary<TreeNode> = fc.oneof(
  { weight: 3, arbitrary: file },
  fc.record({ kind: fc.constant("directory" as const), mtime }),
  fc.record({ target: fc.constantFrom("a", "../b"), mtime }),
);

/** A path of one to four names of which there are so few that trees meet. */
export const arbitraryPath: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...ODD_NAMES), { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/"));

/** A tree of a few files, directories and links. */
export const arbitraryTree: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(arbitraryPath, node), { maxLength: 12 })
  .map((entries) => Object.fromEntries(entries));

/** How often a property is tried: the default, or what SLUICE_TEST_RUNS says. */
export function numRuns(usual: number): { numRuns: number } {
  return { numRuns: Number(Deno.env.get("SLUICE_TEST_RUNS") ?? usual) };
}
