/** The public surface of sluice as a library. */
export { sync, type SyncEnvironment } from "./sync.ts";
export { type Bandwidth, parseBandwidth, type Rates, type Timetable } from "./bandwidth.ts";
export { type ControlState, RunControl } from "./control/run_control.ts";
export { type Algorithm, ALGORITHMS, DEFAULTS, type SyncOptions } from "./options.ts";
export { SyncError, UsageError } from "./errors.ts";
export type * from "./event.ts";
export type * from "./backend/backend.ts";
export { openBackend } from "./backend/open.ts";
export { compare } from "./plan/compare.ts";
export { VERSION } from "./version.ts";
