/**
 * The protocol of the control socket: one JSON object on one line for each request, and one for each
 * answer, in order; a connection may carry several. It is an interface: keys are only ever added.
 *
 * The socket is a Unix stream socket beside the database, named as it is with `-ctl` after it
 * (`socket_path.ts` has the exception), open to its owner only, there as long as the run.
 *
 * Requests have a `command`, and may have `by`: who asks, for the log.
 *
 * - `status`
 * - `limit`, with `rate`: `"50M"`, `"50M:10M"` (reading, writing), `"off"`
 * - `pause`, `resume`
 * - `lanes`, with `lanes`: a number from 1 to 256, or `"auto"`
 * - `stop`
 *
 * An answer has `ok`. Where that is false, `error` says in one sentence what is wrong with the
 * request. Otherwise:
 *
 * - `message`: what was done, or how far the run is, in one sentence
 * - `run`: what is running: `command` (`sync` or `verify`), `pid`, `source`, `destination`,
 *   `database`, and what holds now: `state` (`running`, `paused`, `ending`), `paused_by` (or null),
 *   `limit_read` and `limit_write` (bytes per second, null for no limit), `limit_by`, `timetable` (its
 *   text, or null), `lanes` (what was asked for, null for as many as seem best), `lanes_now` (those of
 *   now, where they were asked for or are adapted, else null)
 * - `progress`, of `status` only: the keys of a progress line of `--progress json`
 */
import { parseRates, type Rates } from "../bandwidth.ts";
import { MOST_LANES } from "../lanes.ts";
import { oneLine } from "../name.ts";

/** The most bytes of a request; what is longer is none. */
export const LONGEST_REQUEST = 4096;

/** What can be asked of a run. */
export type Request =
  & { readonly by: string }
  & (
    | { readonly command: "status" | "pause" | "resume" | "stop" }
    | { readonly command: "limit"; readonly rates: Rates }
    | { readonly command: "lanes"; readonly lanes: number | null }
  );

/** What a request comes to; on the line as it is. */
export type Answer =
  | { readonly ok: false; readonly error: string }
  | {
    readonly ok: true;
    readonly message: string;
    readonly run: RunState;
    readonly progress?: object;
  };

/** What is running, and what holds. */
export interface RunState {
  readonly command: "sync" | "verify";
  readonly pid: number;
  readonly source: string;
  readonly destination: string;
  readonly database: string;
  readonly state: "running" | "paused" | "ending";
  readonly paused_by: string | null;
  readonly limit_read: number | null;
  readonly limit_write: number | null;
  readonly limit_by: string;
  readonly timetable: string | null;
  readonly lanes: number | null;
  readonly lanes_now: number | null;
}

/** The commands, in the order in which they are told. */
export const CONTROL_COMMANDS = ["status", "limit", "pause", "resume", "lanes", "stop"] as const;

/** Who asks when a request does not say. */
const SOMEBODY = "the control socket";
const LONGEST_BY = 100;

/**
 * Reads a request.
 *
 * @throws RangeError with one sentence that says what is wrong
 */
export function parseRequest(line: string): Request {
  const fields = parseObject(line);
  const by = typeof fields.by === "string" ? nameOf(fields.by) : SOMEBODY;
  switch (fields.command) {
    case "status":
    case "pause":
    case "resume":
    case "stop":
      return { command: fields.command, by };
    case "limit":
      if (typeof fields.rate !== "string") {
        throw new RangeError('Cannot set a limit without "rate", a text such as "50M" or "off"');
      }
      return { command: "limit", rates: parseRates(fields.rate), by };
    case "lanes":
      return { command: "lanes", lanes: parseLanes(String(fields.lanes)), by };
  }
  throw new RangeError(
    `Cannot do ${JSON.stringify(fields.command)?.slice(0, 40)}: "command" is one of ` +
      CONTROL_COMMANDS.join(", "),
  );
}

/**
 * A number of lanes; null for `auto`.
 *
 * @throws RangeError when it is neither
 */
export function parseLanes(text: string): number | null {
  if (text === "auto") return null;
  const lanes = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (lanes >= 1 && lanes <= MOST_LANES) return lanes;
  throw new RangeError(`Cannot take "${text}" lanes: give 1 to ${MOST_LANES}, or auto`);
}

function parseObject(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RangeError("Cannot read the request: it must be one JSON object on one line");
}

/** A name that cannot end a record or move a cursor. */
function nameOf(by: string): string {
  const name = oneLine(by).slice(0, LONGEST_BY);
  return name === "" ? SOMEBODY : name;
}
