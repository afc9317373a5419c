import assert from "node:assert/strict";
import { asciiOnly } from "../../scripts/compile.ts";
import { elfEnd } from "../../scripts/compile/runtimes.ts";
import { hostTarget, outputPath, parseTargets } from "../../scripts/compile/targets.ts";

/** The first 64 bytes of an ELF file with the given place and shape of its section headers. */
function elfHeader(offset: bigint, entrySize: number, entries: number): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0x28, offset, true);
  view.setUint16(0x3a, entrySize, true);
  view.setUint16(0x3c, entries, true);
  return bytes;
}

Deno.test("elfEnd is behind the last section header", () => {
  assert.equal(elfEnd(elfHeader(1000n, 64, 3)), 1192);
});

Deno.test("elfEnd reads offsets above 4 GiB", () => {
  assert.equal(elfEnd(elfHeader(5n * 2n ** 32n, 64, 30)), 5 * 2 ** 32 + 1920);
});

Deno.test("elfEnd reads a header that starts in the middle of a buffer", () => {
  const buffer = new Uint8Array(100);
  buffer.set(elfHeader(1000n, 64, 3), 7);
  assert.equal(elfEnd(buffer.subarray(7)), 1192);
});

Deno.test("elfEnd refuses what is not a 64-bit little-endian ELF file", () => {
  const good = elfHeader(1000n, 64, 3);
  const notElf = Uint8Array.from(good).fill(0x4d, 0, 2);
  const elf32 = Uint8Array.from(good).fill(1, 4, 5);
  const bigEndian = Uint8Array.from(good).fill(2, 5, 6);
  for (const bytes of [notElf, elf32, bigEndian, good.subarray(0, 63), new Uint8Array()]) {
    assert.throws(() => elfEnd(bytes), RangeError);
  }
});

Deno.test("parseTargets takes known names in their order", () => {
  assert.deepEqual(parseTargets([]), []);
  assert.deepEqual(parseTargets(["windows-x64", "linux-arm64"]), ["windows-x64", "linux-arm64"]);
});

Deno.test("parseTargets refuses an unknown name and tells the known ones", () => {
  for (const name of ["linux", "toString", "--help", ""]) {
    assert.throws(() => parseTargets(["linux-x64", name]), /is not a target: .*macos-arm64/);
  }
});

Deno.test("hostTarget names the platforms that have a runtime, and no others", () => {
  assert.equal(hostTarget({ os: "linux", arch: "x86_64" }), "linux-x64");
  assert.equal(hostTarget({ os: "linux", arch: "aarch64" }), "linux-arm64");
  assert.equal(hostTarget({ os: "darwin", arch: "aarch64" }), "macos-arm64");
  assert.equal(hostTarget({ os: "windows", arch: "x86_64" }), "windows-x64");
  assert.equal(hostTarget({ os: "windows", arch: "aarch64" }), undefined);
  assert.equal(hostTarget({ os: "freebsd", arch: "x86_64" }), undefined);
});

Deno.test("outputPath is plain for this machine and names any target that was asked for", () => {
  assert.equal(outputPath(undefined, "linux"), "dist/sluice");
  assert.equal(outputPath(undefined, "windows"), "dist/sluice.exe");
  assert.equal(outputPath("linux-x64", "windows"), "dist/sluice-linux-x64");
  assert.equal(outputPath("windows-x64", "linux"), "dist/sluice-windows-x64.exe");
});

Deno.test("asciiOnly keeps what a program says, also beyond the basic plane", () => {
  const program = 'const a = "\u2713 \u{1f600}", b = /\u2713/.test(a); [a, b]';
  const written = program.replace(
    /\\u\{?([0-9a-f]+)\}?/g,
    (_, hex) => String.fromCodePoint(parseInt(hex, 16)),
  );
  const escaped = asciiOnly(written);
  // deno-lint-ignore no-control-regex
  assert.match(escaped, /^[\x00-\x7f]*$/);
  assert.deepEqual((0, eval)(escaped), (0, eval)(written));
  assert.equal(asciiOnly("plain"), "plain");
});
