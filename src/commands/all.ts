/** All commands, in the order in which the help names them. */
import { audit } from "./audit.ts";
import type { Subcommand } from "./command.ts";
import { ctl } from "./ctl.ts";
import { doctor } from "./doctor.ts";
import { manifest } from "./manifest.ts";
import { verify } from "./verify.ts";
import { why } from "./why.ts";

/** The commands that there are. */
export const COMMANDS: readonly Subcommand[] = [doctor, verify, manifest, audit, why, ctl];

/** Names that will be commands; a directory of that name is written `./plan`. */
export const RESERVED: readonly string[] = [
  ...["report", "plan"],
];
