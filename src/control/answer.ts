/** What a run answers to a request. */
import type { Answer, Request, RunState } from "./protocol.ts";
import type { RunControl } from "./run_control.ts";

/** What of a run does not change. */
export type RunAbout = Pick<RunState, "command" | "source" | "destination" | "database">;

/** How far a run is. */
export interface Standing {
  /** In one sentence. */
  readonly message: string;
  /** The keys of a progress line. */
  readonly progress: object;
}

/** Does what is asked. */
export function answer(
  request: Request,
  control: RunControl,
  { about, standing }: { readonly about: RunAbout; readonly standing: () => Standing },
): Answer {
  if (request.command === "status") {
    return { ok: true, ...standing(), run: stateOf(control, about) };
  }
  const message = carryOut(request, control);
  return { ok: true, message, run: stateOf(control, about) };
}

function carryOut(request: Exclude<Request, { command: "status" }>, control: RunControl): string {
  const { by } = request;
  switch (request.command) {
    case "limit":
      return control.limit(request.rates, by);
    case "lanes":
      return control.lanes(request.lanes, by);
    case "pause":
      return control.pause(by);
    case "resume":
      return control.resume(by);
    default:
      return control.stop(`${by} has asked for it`);
  }
}

function stateOf(control: RunControl, about: RunAbout): RunState {
  const { rates, by, paused, lanes, lanesNow } = control.state;
  const running = paused === null ? "running" : "paused";
  return {
    ...about,
    pid: Deno.pid,
    state: control.signal.aborted ? "ending" : running,
    paused_by: paused,
    limit_read: rates.read,
    limit_write: rates.write,
    limit_by: by,
    timetable: control.timetable,
    lanes,
    lanes_now: lanesNow,
  };
}
