/** The command line: arguments to a run or a command, signals to an abort, the outcome to an exit code. */
import { resolve } from "node:path";
import { configureSync, type Sink } from "@logtape/logtape";
import { type Invocation, parseArguments } from "./arguments.ts";
import { whyStopped } from "./causes.ts";
import type { Output, Task } from "./commands/command.ts";
import { UsageError } from "./errors.ts";
import type { Reporter } from "./event.ts";
import { isKept, keep, needsKeeper } from "./keeper.ts";
import { endWithKeeper, letGo } from "./kept.ts";
import { Keyboard, noKeyboard, type OpenKeyboard } from "./keyboard.ts";
import { Keys } from "./keys.ts";
import { systemClock } from "./lib/clock.ts";
import { complain, drain, isBehind, print, tellBy, teller, warn } from "./output.ts";
import { patient } from "./patient_stream.ts";
import { jsonLinesReporter } from "./report/json_lines.ts";
import { failureLine } from "./report/lines.ts";
import { plainReporter } from "./report/plain.ts";
import type { Statistics } from "./report/statistics.ts";
import { type TerminalReporter, terminalReporter } from "./report/terminal.ts";
import { type EndingSignal, onSignals, onSuspend, SIGNALS } from "./signals.ts";
import { sync } from "./sync.ts";
import type { Thread } from "./thread.ts";
import { absolute, leaveNameless, workingDirectory } from "./working_directory.ts";

/** Milliseconds that a command beside the sync has to end after a signal, where a share may hang. */
const GRACE = 3_000;

/** Milliseconds that a reader who rests is given after an interruption. */
const LAST_WORDS = 1_000;

/**
 * Runs the command line. Resolves with the exit code; never throws for what a user can cause.
 *
 * @param thread for a sync, if one was started already
 */
export async function main(args: readonly string[], thread?: Thread): Promise<number> {
  tellBy(patient);
  const code = await run(args, thread).catch((error) => {
    if (error instanceof UsageError) return refuse(error);
    throw error;
  });
  const since = performance.now(),
    interrupted = (Object.values(SIGNALS) as number[]).includes(code);
  await drain(() => interrupted && performance.now() - since > LAST_WORDS);
  if (isKept()) letGo();
  return code;
}

async function run(args: readonly string[], thread?: Thread): Promise<number> {
  const invocation = parseArguments(args);
  if (invocation.type === "print") {
    const { text } = invocation;
    const task: Task = ({ stdout }) => {
      stdout.write(text);
      return Promise.resolve(0);
    };
    return await runCommand(task, { kept: false });
  }
  if (invocation.type === "command") {
    if (!isKept()) return await runCommand(invocation.task, { kept: false });
    endWithKeeper();
    return await runCommand(invocation.task, { kept: true });
  }
  if (isKept()) {
    const keyboard = endWithKeeper();
    return await runSync(invocation, { kept: true, keyboard, thread });
  }
  const { source, destination, options } = invocation;
  const base = workingDirectory();
  const full = (path: string) => resolve(absolute(path, base));
  const needed = needsKeeper({
    trees: [source, destination].map(full),
    files: [options.db, options.log].map(full),
  });
  const openKeyboard = isLive(invocation) ? Keyboard.open : noKeyboard;
  return (needed ? await keep(openKeyboard) : null) ??
    await runSync(invocation, { keyboard: openKeyboard, thread });
}

/** Whether a person watches: there is a screen that is drawn anew. */
function isLive({ progress, quiet, options }: Extract<Invocation, { type: "sync" }>): boolean {
  const terminal = Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb";
  return progress === "auto" && terminal && !quiet && !options.dryRun;
}

/** Runs a command beside the sync; what it throws becomes a sentence and an exit code. */
async function runCommand(task: Task, { kept }: { kept: boolean }): Promise<number> {
  const stop = new AbortController();
  let code: number = SIGNALS.SIGINT;
  const gaveUp = Promise.withResolvers<number>();
  using cleaning = new DisposableStack();
  using _signals = onSignals({
    first(signal) {
      code = SIGNALS[signal];
      stop.abort(new DOMException(`interrupted by ${signal}`, "AbortError"));
      if (!kept) return;
      // its keeper can leave as soon as the main thread has ended, whatever a call still waits for
      const timer = setTimeout(() => {
        complain("a call to a file system is not answered, and is left behind");
        gaveUp.resolve(code);
      }, GRACE);
      cleaning.defer(() => clearTimeout(timer));
    },
    again: (signal) => leave(signal, kept),
  });
  const output = (stream: typeof Deno.stdout, write: Output["write"]): Output => ({
    write,
    tell: stream === Deno.stdout ? teller(complain) : warn,
    terminal: stream.isTerminal() && Deno.env.get("TERM") !== "dumb",
    columns: () => terminalSize().columns,
  });
  try {
    const ended = task({
      signal: stop.signal,
      interruptedCode: () => code,
      base: leaveNameless(),
      stdout: output(Deno.stdout, print),
      stderr: output(Deno.stderr, warn),
      diagnose: (verbose) => logTo(warn, verbose),
    });
    return await Promise.race([ended, gaveUp.promise]);
  } catch (error) {
    return codeOf(error, stop.signal, code);
  }
}

/** Leaves at once, whatever is half done. */
function leave(signal: EndingSignal, kept: boolean): void {
  // one that comes again may be the keeper's, which passes on what has come to both
  if (!kept) Deno.exit(SIGNALS[signal]);
}

/** Tells what ended a command, and makes it an exit code. */
function codeOf(error: unknown, signal: AbortSignal, interrupted: number): number {
  if (error instanceof UsageError) return refuse(error);
  if (signal.aborted && error === signal.reason) return interrupted;
  const reason = whyStopped(error);
  if (reason !== null) {
    complain(reason);
    return 3;
  }
  // a defect of sluice: the cause must be found, so nothing of it is hidden
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  warn(`sluice: an error that sluice did not expect: ${text}\n`);
  return 3;
}

async function runSync(
  invocation: Extract<Invocation, { type: "sync" }>,
  { kept = false, keyboard, thread }: {
    kept?: boolean;
    keyboard: OpenKeyboard;
    thread: Thread | undefined;
  },
): Promise<number> {
  const { source, destination, options } = invocation;
  const stop = new AbortController();
  let code: number = SIGNALS.SIGINT;
  let statistics: Statistics | undefined;
  using cleaning = new DisposableStack();
  using _signals = onSignals({
    first(signal) {
      code = SIGNALS[signal];
      statistics?.notice("interrupted: settling what is done; once more leaves at once");
      stop.abort(new DOMException(`interrupted by ${signal}`, "AbortError"));
    },
    again: (signal) => leave(signal, kept),
  });
  try {
    const summary = await sync(source, destination, {
      ...options,
      thread,
      signal: stop.signal,
      interruptedCode: () => code,
      base: leaveNameless(),
      tell: complain,
      reporter: (made, control) => {
        statistics = made;
        const keys = new Keys({ control, statistics: made, clock: systemClock() });
        const opened = keyboard((bytes) => keys.press(bytes));
        cleaning.use(opened);
        const reporter = makeReporter(invocation, made, opened === null ? null : keys);
        if (!isLive(invocation)) return reporter;
        cleaning.use(onSuspend(() => {
          (reporter as TerminalReporter).clear();
          opened?.release();
        }));
        return reporter;
      },
    });
    // on a terminal the summary has just said it
    const said = !invocation.quiet && Deno.stdout.isTerminal();
    if (summary.outcome === "stopped" && !said) complain(summary.reason ?? "the run had to stop");
    return summary.exitCode;
  } catch (error) {
    // later there is a summary that says it
    if (error === stop.signal.reason) complain("interrupted before anything was done");
    return codeOf(error, stop.signal, code);
  }
}

function makeReporter(
  invocation: Extract<Invocation, { type: "sync" }>,
  statistics: Statistics,
  keys: Keys | null,
): Reporter {
  const { progress, quiet, verbose, options } = invocation;
  const snapshot = () => statistics.snapshot();
  // what a dry run finds is told nowhere else
  const write = options.dryRun ? print : teller(complain);
  if (progress === "json") {
    logTo(warn, verbose);
    return jsonLinesReporter({ snapshot, output: { write } });
  }
  if (isLive(invocation)) {
    const reporter = terminalReporter({
      snapshot,
      output: {
        write,
        columns: () => terminalSize().columns,
        rows: () => terminalSize().rows,
        isBehind,
      },
      colour: !Deno.env.get("NO_COLOR"),
      keys: () => keys?.hint ?? "",
    });
    logTo((text) => reporter.interrupt(() => warn(text)), verbose);
    return reporter;
  }
  logTo(warn, verbose);
  if (quiet && !options.dryRun) return errorReporter();
  return plainReporter({
    snapshot,
    output: { write },
    progress: progress !== "none" && !options.dryRun && !quiet,
  });
}

/** What `--quiet` leaves: a failure is never silent. */
function errorReporter(): Reporter {
  return {
    event(event) {
      if (event.type === "failure") complain(failureLine(event));
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Diagnostics go to stderr, and never into the middle of a live screen. */
function logTo(write: (text: string) => void, verbose: boolean): void {
  const stderr: Sink = ({ level, message }) =>
    write(`${level}: ${message.map((part) => String(part)).join("")}\n`);
  configureSync({
    reset: true,
    sinks: { stderr },
    loggers: [
      { category: "sluice", sinks: ["stderr"], lowestLevel: verbose ? "debug" : "warning" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "error" },
    ],
  });
}

function terminalSize(): { columns: number; rows: number } {
  try {
    return Deno.consoleSize();
  } catch (error) {
    // a terminal without a size (a serial line) has always had 80 columns
    if (error instanceof Error) return { columns: 80, rows: 24 };
    throw error;
  }
}

function refuse(error: UsageError): number {
  complain(error.message);
  return 2;
}
