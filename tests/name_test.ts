import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeName, encodeName, oneLine, readPath, showPath, showText } from "../src/name.ts";

const utf8 = new TextEncoder();
/** Bytes of a name: any but NUL and "/", with many that are nearly UTF-8. */
const nameBytes = fc.array(
  fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 1 }),
    fc.string({ unit: "binary", maxLength: 3 }).map((text) => utf8.encode(text.toWellFormed())),
    fc.constantFrom([0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0xef, 0xbb, 0xbf])
      .map((bytes) => Uint8Array.from(bytes)),
  ),
  { maxLength: 20 },
).map((parts) =>
  Uint8Array.from(parts.flatMap((part) => [...part]).filter((b) => b !== 0 && b !== 0x2f))
);

Deno.test("decodeName and encodeName go there and back for any bytes", () => {
  fc.assert(
    fc.property(nameBytes, (bytes) => {
      assert.deepEqual(encodeName(decodeName(bytes)), bytes);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decodeName gives the string when the bytes are UTF-8", () => {
  for (const text of ["", "plain", "é", "日本語", "👩‍🚀", "\ufeffmark", "\ufffd", "\n"]) {
    assert.equal(decodeName(utf8.encode(text)), text);
    assert.deepEqual(encodeName(text), utf8.encode(text));
  }
});

Deno.test("decodeName keeps each byte that is not UTF-8", () => {
  const table: [number[], string][] = [
    [[0xff], "\udcff"],
    [[0x61, 0x80, 0x62], "a\udc80b"],
    // cut short, overlong, a surrogate, beyond U+10FFFF
    [[0xe2, 0x82], "\udce2\udc82"],
    [[0xc0, 0xaf], "\udcc0\udcaf"],
    [[0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
    [[0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
    [[0xff, 0xc3, 0xa9], "\udcffé"],
    [[0xff, 0xef, 0xbb, 0xbf], "\udcff\ufeff"],
  ];
  for (const [bytes, name] of table) {
    assert.equal(decodeName(Uint8Array.from(bytes)), name);
    assert.deepEqual([...encodeName(name)], bytes);
  }
});

Deno.test("decodeName takes for UTF-8 what the system's decoder takes for it", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const sequenceAt = (bytes: Uint8Array, i: number) => {
    for (let end = i + 1; end <= i + 4 && end <= bytes.length; end++) {
      try {
        return { text: strict.decode(bytes.subarray(i, end)), end };
      } catch {
        // longer, or none
      }
    }
    return { text: String.fromCharCode(0xdc00 + bytes[i]!), end: i + 1 };
  };
  const leads = fc.constantFrom(0x41, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff);
  const others = fc.constantFrom(0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbd, 0xbf, 0xc0);
  const arbitrary = fc.array(fc.oneof(leads, others, others), { maxLength: 12 });
  fc.assert(
    fc.property(arbitrary, (values) => {
      const bytes = Uint8Array.from(values);
      let expected = "";
      for (let i = 0; i < bytes.length;) {
        const { text, end } = sequenceAt(bytes, i);
        expected += text;
        i = end;
      }
      assert.equal(decodeName(bytes), expected);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("decodeName never merges two names", () => {
  fc.assert(fc.property(nameBytes, nameBytes, (a, b) => {
    assert.equal(decodeName(a) === decodeName(b), Buffer.compare(a, b) === 0);
  }));
});

Deno.test("showPath shows a plain path as it is, any other in the shell's notation", () => {
  const table: [string, string][] = [
    ["", ""],
    ["a b/c'd\"e", "a b/c'd\"e"],
    ["back\\slash", "back\\slash"],
    ["é/日本", "é/日本"],
    ["line\nbreak", "$'line\\nbreak'"],
    ["tab\t'", "$'tab\\t\\''"],
    ["\x01\x7f", "$'\\x01\\x7f'"],
    ["a\udcffb", "$'a\\xffb'"],
    ["a\u202egpj.exe", "$'a\\u202egpj.exe'"],
    ["\u061c\u200e\u200f\u202a\u2066\u2069", "$'\\u061c\\u200e\\u200f\\u202a\\u2066\\u2069'"],
    // what joins letters or emoji turns nothing round
    ["\u200c\u200d\u2060\u05d0", "\u200c\u200d\u2060\u05d0"],
    ["$'looks like it'", "$'$\\'looks like it\\''"],
  ];
  for (const [path, shown] of table) assert.equal(showPath(path), shown);
});

Deno.test("showPath keeps control characters when told to, but not odd bytes", () => {
  assert.equal(showPath("a\nb", true), "a\nb");
  assert.equal(showPath("a\n\udcff", true), "$'a\\n\\xff'");
  assert.equal(showPath("a\u202e", true), "a\u202e");
  assert.equal(showPath("a\u202e\udcff", true), "$'a\u202e\\xff'");
});

Deno.test("showPath never shows two paths alike", () => {
  const path = nameBytes.map(decodeName);
  fc.assert(
    fc.property(path, path, fc.boolean(), (a, b, keep) => {
      assert.equal(showPath(a, keep) === showPath(b, keep), a === b);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("showPath is read back byte for byte when bash is given what it shows", async () => {
  const samples = [
    ...fc.sample(nameBytes, { numRuns: 300, seed: 7 }),
    ...["\x1b[31m", "\u0085\u009f", "\u202e\u2066", "\\n", "$'", "'", "\x7f0", "a\n1"].map((s) =>
      utf8.encode(s)
    ),
    Uint8Array.of(0xff, 0x31, 0x66),
  ];
  const commands = samples.map((bytes) => {
    const shown = showPath(decodeName(bytes));
    const quoted = shown.startsWith("$'") ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
    return `printf '%s\\0' ${quoted}`;
  });
  // outside of a UTF-8 locale bash does not read \u back
  const env = { LC_ALL: "C.UTF-8" };
  const child = new Deno.Command("bash", { stdin: "piped", stdout: "piped", env }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(utf8.encode(commands.join("\n")));
  await writer.close();
  const { stdout } = await child.output();
  const expected = samples.flatMap((bytes) => [...bytes, 0]);
  assert.ok(Buffer.compare(stdout, Uint8Array.from(expected)) === 0);
});

Deno.test("readPath reads back what showPath shows, whatever the bytes", () => {
  const paths = [
    "plain/file",
    "",
    "a b",
    "$'x",
    "\\",
    "it's",
    "a\nb\tc\x01\x7f",
    "ü\x85",
    "\u{1f600}\n",
  ];
  const all = Uint8Array.from({ length: 255 }, (_, i) => i + 1);
  for (const path of [...paths, decodeName(all), decodeName(Uint8Array.of(0xff, 0x27, 0x5c))]) {
    assert.equal(readPath(showPath(path)), path);
    assert.equal(readPath(showPath(path, true)), path);
  }
});

Deno.test("readPath takes any other text as it is and refuses a notation that is broken", () => {
  for (const text of ["\\x41", "a'b", "'quoted'", "$x"]) assert.equal(readPath(text), text);
  for (const text of ["$'", "$'a", "$'\\q'", "$'\\x4'", "$'a'b'", "$'a\\'"]) {
    assert.throws(() => readPath(text), RangeError, text);
  }
});

Deno.test("showText writes control characters of a message as escapes and leaves the rest", () => {
  assert.equal(
    showText('no such "ümlaut\\": a\x1b[0m\n\x9b'),
    'no such "ümlaut\\": a\\x1b[0m\\n\\u009b',
  );
});

Deno.test("oneLine takes line breaks and escapes out of a message", () => {
  assert.equal(oneLine("a\r\nb\x1b[2Jc\u009bd\ud800\n"), "a b [2Jc d\ufffd");
});
