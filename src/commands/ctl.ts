/** `sluice ctl COMMAND`: asks a run that is under way for something, over its control socket. */
import { formatRates, parseRates } from "../bandwidth.ts";
import { type Answer, CONTROL_COMMANDS, parseLanes, type RunState } from "../control/protocol.ts";
import { shortPath, socketPath } from "../control/socket_path.ts";
import { SyncError, UsageError } from "../errors.ts";
import { oneOf, value } from "../flags.ts";
import { showPath } from "../name.ts";
import { DEFAULTS } from "../options.ts";
import { absolute } from "../working_directory.ts";
import { hint, type Subcommand } from "./command.ts";

/** How long a run may take to answer, in ms: it may be busy with its database. */
const PATIENCE = 30_000;

/** The command. */
export const ctl: Subcommand = {
  name: "ctl",
  words: ["COMMAND", "[VALUE]"],
  description: "Asks a run that is under way for its status, or to change what it does.",
  options: (command) =>
    command
      .option("--db <path>", "the database of the run", DEFAULTS.db)
      .option("--json", "print the answer as it came, in one line"),
  more: `  sluice ctl status            how far it is, and what holds
  sluice ctl limit 50M         another limit: 50M, 50M:10M (reading, writing), off
  sluice ctl pause             stop reading and writing, keep everything as it is
  sluice ctl resume            go on
  sluice ctl lanes 8           carry so many files at once; auto for as many as seem best
  sluice ctl stop              end the run as --stop-after does: exit code 0, the next one resumes

A change takes effect within two seconds, in a sync and in a verification, and is a note in the
audit log. With a timetable, a limit holds until the next change of the timetable.

Exit codes: 0 done, 2 wrong usage, 3 there is no such run, or it does not answer.`,
  parse([command, given], flags) {
    const request = requestOf(command!, given);
    const db = String(flags.db);
    if (db === "") throw new UsageError("--db is an empty path; name the database of the run");
    return async ({ base, stdout, signal }) => {
      const line = await ask(absolute(db, base), { ...request, by: asker() }, { signal });
      const answer: Answer = JSON.parse(line);
      if (flags.json === true) stdout.write(`${line}\n`);
      else if (answer.ok) stdout.write(lines(answer).map((line) => `${line}\n`).join(""));
      if (answer.ok) return 0;
      throw new SyncError("EREFUSED", `the run refuses: ${answer.error}`, { scope: "run" });
    };
  },
};

/** The fields of a request, checked here already. */
function requestOf(word: string, given: string | undefined): Readonly<Record<string, unknown>> {
  const command = oneOf("ctl", word, CONTROL_COMMANDS);
  const wanted = command === "limit" ? "a rate such as 50M" : "a number such as 8";
  if (command === "limit" || command === "lanes") {
    if (given === undefined) throw new UsageError(`${command} needs ${wanted}${hint("ctl")}`);
    if (command === "limit") {
      value("ctl limit", given, parseRates);
      return { command, rate: given };
    }
    return { command, lanes: value("ctl lanes", given, parseLanes) ?? "auto" };
  }
  if (given === undefined) return { command };
  throw new UsageError(`${command} takes nothing after it, not "${given}" either${hint("ctl")}`);
}

/** Who asks, for the log of the run. */
function asker(): string {
  const user = Deno.env.get("SUDO_USER") ?? Deno.env.get("USER") ?? Deno.env.get("LOGNAME");
  return user === undefined ? "sluice ctl" : `sluice ctl (${user})`;
}

/** Sends one request to the run that has a database open; the line of the answer. */
async function ask(
  database: string,
  request: object,
  { signal }: { signal: AbortSignal },
): Promise<string> {
  let path: string;
  try {
    path = socketPath(Deno.realPathSync(database));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unreachable(database, error);
    throw new UsageError(`there is no database ${showPath(database)}; name the run's with --db`, {
      cause: error,
    });
  }
  let connection: Deno.UnixConn;
  try {
    using short = shortPath(path);
    connection = await Deno.connect({ transport: "unix", path: short.path });
  } catch (error) {
    throw unreachable(database, error);
  }
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  patience.addEventListener("abort", () => connection.close(), { once: true });
  try {
    const writer = connection.writable.getWriter();
    await writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    let text = "";
    for await (const part of connection.readable.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
    }
    throw ended();
  } catch (error) {
    signal.throwIfAborted();
    if (GONE.some((kind) => error instanceof kind)) throw ended(error);
    if (!patience.aborted) throw error;
    throw new SyncError("ENORUN", `the run has not answered within ${PATIENCE / 1000} s`, {
      scope: "run",
      cause: error,
    });
  }
}

/** What a connection says whose other end goes away while a request is on its way. */
const GONE = [
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.BrokenPipe,
  Deno.errors.NotConnected,
];

function ended(cause?: unknown): SyncError {
  return new SyncError("ENORUN", "the run has ended before it answered", { scope: "run", cause });
}

function unreachable(database: string, error: unknown): SyncError {
  const none = error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.ConnectionRefused;
  const why = none
    ? `no run has the database ${showPath(database)} open`
    : `cannot reach the run of ${showPath(database)}: ${(error as Error).message}`;
  return new SyncError("ENORUN", why, { scope: "run", cause: error });
}

function lines({ message, run, progress }: Extract<Answer, { ok: true }>): string[] {
  return progress === undefined ? [message] : [...statusLines(run), message];
}

function lanesLine({ lanes, lanes_now: now }: RunState): string[] {
  if (lanes !== null) return [`lanes: ${lanes}`];
  return now === null ? [] : [`lanes: ${now}, adapted to what gets done`];
}

function statusLines(run: RunState): string[] {
  const { command, pid, source, destination, limit_read: read, limit_write: write } = run;
  const where = command === "verify"
    ? showPath(destination)
    : `${showPath(source)} -> ${showPath(destination)}`;
  const paused = run.paused_by === null ? "" : ` by ${run.paused_by}`;
  return [
    `${command} of ${where}, process ${pid}: ${run.state}${paused}`,
    `limit: ${formatRates({ read, write })}, set by ${run.limit_by}`,
    ...run.timetable === null ? [] : [`timetable: ${run.timetable}`],
    ...lanesLine(run),
  ];
}
