import assert from "node:assert/strict";
import {
  renderSnapshot,
  type TerminalReporter,
  terminalReporter,
} from "../../src/report/terminal.ts";
import type { Snapshot } from "../../src/event.ts";
import { displayWidth } from "../../src/report/width.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { assertGolden } from "./golden.ts";
import { ACTIVE, EMPTY, GIVES_WAY, RESUMED, SCAN, START, SUMMARY, TRANSFER } from "./samples.ts";
import { ScreenEmulator } from "./screen_emulator.ts";

const BOTH: Snapshot = {
  ...SCAN,
  active: ACTIVE,
  backlog: SCAN.pending,
  secondsLeftByBytes: 3600,
  notice: "interrupted: settling what is done",
};

function setUp(first: Snapshot, columns = 80, rows = 24) {
  const clock = new FakeClock();
  const screen = new ScreenEmulator(columns, rows);
  const state = { snapshot: first };
  const reporter: TerminalReporter = terminalReporter({
    snapshot: () => state.snapshot,
    output: screen,
    every: clock.every,
  });
  return { clock, screen, state, reporter };
}

function rendered(snapshot: Snapshot, columns: number, rows = 24): string {
  return renderSnapshot(snapshot, columns, rows).join("\n");
}

for (const columns of [80, 140]) {
  Deno.test(`renderSnapshot shows both sides when the scan runs at ${columns} columns`, () => {
    assertGolden(`scan_${columns}.txt`, `${rendered(SCAN, columns)}\n`);
  });

  Deno.test(`renderSnapshot shows files and bars when the transfer runs at ${columns} columns`, () => {
    assertGolden(`transfer_${columns}.txt`, `${rendered(TRANSFER, columns)}\n`);
  });
}

Deno.test("renderSnapshot stays within the window when it has any size", () => {
  for (const snapshot of [EMPTY, SCAN, TRANSFER, BOTH]) {
    for (let columns = 1; columns <= 200; columns++) {
      for (const rows of [1, 2, 5, 9, 13, 24, 60]) {
        const lines = renderSnapshot(snapshot, columns, rows);
        assert.ok(lines.length < Math.max(rows, 1), `${lines.length} lines in ${rows} rows`);
        for (const line of lines) {
          assert.ok(displayWidth(line) <= columns, `wider than ${columns}: ${line}`);
        }
      }
    }
  }
});

Deno.test("renderSnapshot tells how far it is when the window is very narrow", () => {
  const [title, ...figures] = renderSnapshot(TRANSFER, 20, 9);
  assert.equal(title, "Transferring");
  assert.ok(figures.some((line) => /^\d[\d.]*% of bytes$/.test(line)), figures.join("\n"));
  assert.ok(figures.some((line) => /^\d[\d.]*% of files$/.test(line)), figures.join("\n"));
  assert.ok(figures.some((line) => /^[\d.]+ [KMG]iB\/s$/.test(line)), figures.join("\n"));
  const paused = { ...TRANSFER, paused: "paused by sluice ctl" };
  assert.equal(renderSnapshot(paused, 20, 9)[0], "paused by sluice ctl");
});

Deno.test("renderSnapshot ends with the keys, and loses them in a window of few rows", () => {
  const keys = "p pause   + - limit   q end the run";
  for (const columns of [30, 40, 80, 140, 400]) {
    for (const snapshot of [SCAN, TRANSFER]) {
      const lines = renderSnapshot(snapshot, columns, 24, undefined, keys);
      assert.ok(keys.startsWith(lines.at(-1)!.trim().replace(/…$/, "")), lines.at(-1));
      assert.ok(lines.length < 24);
      for (const line of lines) assert.ok(displayWidth(line) <= columns);
      const small = renderSnapshot(snapshot, columns, 11, undefined, keys);
      assert.deepEqual(small, renderSnapshot(snapshot, columns, 11));
    }
  }
});

Deno.test("renderSnapshot names all essentials when the window has 40 columns", () => {
  const text = rendered(TRANSFER, 40);
  for (const part of ["58.3%", "54.9%", "1d 02:43 left", "21:10:51 left", "187 MiB/s", "limit"]) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  }
  for (const part of ["source ✓", "32,345,678", "errors", "22,456,000"]) {
    assert.ok(rendered(SCAN, 40).includes(part), part);
  }
});

Deno.test("renderSnapshot loses files first when there are few rows", () => {
  assert.match(rendered(TRANSFER, 80, 24), /and 2 more files/);
  assert.match(rendered(TRANSFER, 80, 10), /and 7 more files/);
  const few = rendered(TRANSFER, 80, 7);
  assert.doesNotMatch(few, /more file/);
  assert.match(few, /bytes.*\n.*files.*\n.*speed.*\n.*copied.*\n.*7 failed/);
});

Deno.test("renderSnapshot shows a seventh file when it would only say that there is one more", () => {
  const text = rendered({ ...TRANSFER, active: ACTIVE.slice(0, 7) }, 80);
  assert.doesNotMatch(text, /more file/);
  assert.match(text, /^ a +0.0%/m);
});

Deno.test("renderSnapshot says that a time is unknown when it is not known", () => {
  const text = rendered({ ...TRANSFER, secondsLeftByBytes: null }, 80);
  assert.match(text, /bytes.*time unknown\n.*files.*21:10:51 left/);
});

Deno.test("renderSnapshot marks a time as the least when the scan still runs", () => {
  assert.match(rendered(BOTH, 80), /bytes.*1:00:00\+ left/);
});

Deno.test("renderSnapshot does not say 100% when a byte is left", () => {
  const copied = { files: 22_455_999, bytes: TRANSFER.backlog.bytes - 1 };
  assert.match(rendered({ ...TRANSFER, copied }, 80), /99\.9%.*\n.*99\.9%/);
});

Deno.test("renderSnapshot gives finite figures when nothing is known yet", () => {
  for (const snapshot of [EMPTY, { ...EMPTY, phase: "transfer" } as const]) {
    assert.doesNotMatch(rendered(snapshot, 140), /NaN|Infinity|undefined|null/);
  }
});

Deno.test("terminalReporter redraws in place when time passes", async () => {
  const { clock, screen, state, reporter } = setUp(SCAN);
  reporter.event({ ...START, resumed: RESUMED });
  state.snapshot = TRANSFER;
  await clock.advance(250);
  assert.equal(
    screen.text(),
    "sluice 0.1.0: /mnt/old/projects -> /mnt/new/projects\n" +
      "resuming: 1,204 files, 3.1 GiB pending from 2026-11-20 14:02\n" +
      rendered(TRANSFER, 80).trimEnd().replace(/ +$/gm, ""),
  );
  await reporter[Symbol.asyncDispose]();
});

Deno.test("terminalReporter writes nothing when nothing has changed", async () => {
  const { clock, screen, reporter } = setUp(SCAN);
  reporter.event(START);
  const { writes } = screen;
  await clock.advance(5000);
  assert.equal(screen.writes, writes);
  await reporter[Symbol.asyncDispose]();
});

Deno.test("terminalReporter keeps lines above the live region when events come", async () => {
  const { clock, screen, reporter } = setUp(TRANSFER);
  reporter.event(START);
  reporter.event({ type: "note", message: "removed 3 temporaries" });
  reporter.event({ type: "failure", path: "a\nb", message: "EIO:\ninput/output error" });
  reporter.event({
    type: "operation",
    action: "copy",
    path: "x/y",
    size: 1,
    reason: "sizes differ",
  });
  await clock.advance(250);
  const [, ...lines] = screen.text().split("\n");
  assert.deepEqual(lines.slice(0, 4), [
    "removed 3 temporaries",
    "failed     $'a\\nb': EIO: input/output error",
    "copy       x/y  (sizes differ)",
    renderSnapshot(TRANSFER, 80, 24)[0],
  ]);
  await reporter[Symbol.asyncDispose]();
});

Deno.test("terminalReporter prints without waiting when very many lines come", () => {
  const { screen, reporter } = setUp(TRANSFER);
  reporter.event(START);
  for (let i = 0; i < 1000; i++) {
    reporter.event({ type: "failure", path: `f${i}`, message: "EIO" });
  }
  assert.ok(screen.text().includes("f999: EIO"));
  assert.ok(screen.writes < 10, `${screen.writes} writes`);
  reporter.event({ type: "end", summary: SUMMARY });
});

for (const [from, to] of [[80, 50], [50, 120], [140, 41]] as const) {
  Deno.test(`terminalReporter leaves no rubbish when ${from} columns become ${to}`, async () => {
    const { clock, screen, state, reporter } = setUp(TRANSFER, from, 50);
    reporter.event(START);
    screen.resize(to);
    state.snapshot = SCAN;
    await clock.advance(250);
    const lines = screen.text().split("\n");
    const title = lines.findIndex((line) => line.startsWith(" Scanning"));
    assert.equal(
      lines.slice(0, title).join(""),
      `sluice 0.1.0: ${START.source} -> ${START.destination}`,
    );
    const expected = rendered(SCAN, to, 50).replace(/ +$/gm, "");
    assert.equal(lines.slice(title).join("\n"), expected);
    await reporter[Symbol.asyncDispose]();
  });
}

Deno.test("terminalReporter leaves only lines and the summary when the run ends", async () => {
  const { clock, screen, reporter } = setUp(TRANSFER);
  reporter.event(START);
  await clock.advance(1000);
  reporter.event({ type: "note", message: "last words" });
  reporter.event({ type: "end", summary: SUMMARY });
  const lines = screen.text().split("\n");
  assert.deepEqual(lines.slice(1, 3), ["last words", "done with failures after 2d 10:49"]);
  assert.doesNotMatch(screen.text(), /━|elapsed/);
  assert.match(screen.text(), /and 5 more: see \/var\/lib\/sluice\/projects\.log/);
  assert.equal(clock.waiting, 0);
});

Deno.test("terminalReporter stops its timer and clears when disposed before the end", async () => {
  const { clock, screen, reporter } = setUp(TRANSFER);
  reporter.event(START);
  await reporter[Symbol.asyncDispose]();
  assert.equal(screen.text(), "sluice 0.1.0: /mnt/old/projects -> /mnt/new/projects");
  assert.equal(clock.waiting, 0);
});

Deno.test("terminalReporter makes way when interrupted by a log line", async () => {
  const { screen, reporter } = setUp(TRANSFER);
  reporter.event(START);
  reporter.interrupt(() => screen.write("WARN a mount is slow\n"));
  const lines = screen.text().split("\n");
  assert.equal(lines[1], "WARN a mount is slow");
  assert.deepEqual(lines[2], renderSnapshot(TRANSFER, 80, 24)[0]);
  await reporter[Symbol.asyncDispose]();
  assert.equal(screen.text().split("\n").length, 2);
});

Deno.test("terminalReporter uses colour only when asked to", async () => {
  for (const colour of [true, false]) {
    let text = "";
    const output = {
      write: (more: string) => void (text += more),
      columns: () => 0,
      rows: () => 0,
    };
    const { every } = new FakeClock();
    const reporter = terminalReporter({ snapshot: () => TRANSFER, output, colour, every });
    reporter.event(START);
    await reporter[Symbol.asyncDispose]();
    assert.equal(text.includes("\x1b[1mTransferring"), colour);
    assert.equal(text.includes("\x1b[36m━"), colour);
  }
});

Deno.test("renderSnapshot says where the run gives way when it does, in 80 columns", () => {
  const lines = renderSnapshot({ ...TRANSFER, ...GIVES_WAY }, 80, 24);
  assert.ok(
    lines.includes(" gives way at the destination: 141 ms a block, 44 ms in quiet; 3 at a time"),
  );
  assert.doesNotMatch(renderSnapshot({ ...TRANSFER, givesWay: [] }, 80, 24).join(), /gives way/);
});
