/** Golden files of the reporters. */
import { assertGoldenFile } from "../testing/golden.ts";

/** Compares a text with the golden file of that name. */
export function assertGolden(name: string, actual: string): void {
  assertGoldenFile(new URL(`./golden/${name}`, import.meta.url), actual);
}
