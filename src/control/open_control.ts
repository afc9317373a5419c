/** Opening the control socket of a run, which goes on without one where there can be none. */
import { getLogger } from "@logtape/logtape";
import { answer, type RunAbout, type Standing } from "./answer.ts";
import type { RunControl } from "./run_control.ts";
import { ControlServer } from "./server.ts";

const logger = getLogger(["sluice", "control"]);

/** Opens the socket of the database at a full path; null, with a warning, where that cannot be. */
export function openControl(
  database: string,
  control: RunControl,
  { about: { command, source, destination }, standing }: {
    readonly about: RunAbout;
    readonly standing: () => Standing;
  },
): ControlServer | null {
  if (Deno.build.os === "windows") return null;
  const about = { command, source, destination, database };
  try {
    return ControlServer.open(
      database,
      (request) => answer(request, control, { about, standing }),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    logger.warn("sluice ctl cannot reach this run: {why}", { why });
    return null;
  }
}
