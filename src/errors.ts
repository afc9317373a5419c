/**
 * Errors as data: what went wrong, where, and how far it reaches.
 *
 * A backend turns a native error into a {@link SyncError} at its edge; nobody above it looks into
 * message texts.
 */

/**
 * How far an error reaches: `entry` fails one file or directory and the run goes on; `run` stops the
 * run (root gone, disk full, database unusable).
 */
export type Scope = "entry" | "run";

/** The fields of a {@link SyncError} that survive a message between threads. */
export interface ErrorData {
  readonly code: string;
  readonly message: string;
  readonly path: string;
  readonly scope: Scope;
  readonly retryable: boolean;
}

/** What is known about an error beside its code and message. */
export interface SyncErrorOptions {
  /** The path the failed call was about, relative to its root; "" is the root. */
  readonly path?: string;
  /** Default: `entry`. */
  readonly scope?: Scope;
  /** Whether the same call may succeed later without anybody's help. Default: false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** An error of moving files, with a stable `code`: an errno name such as `ENOENT`, or one of ours. */
export class SyncError extends Error {
  override readonly name = "SyncError";
  readonly code: string;
  readonly path: string;
  readonly scope: Scope;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: SyncErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.path = options.path ?? "";
    this.scope = options.scope ?? "entry";
    this.retryable = options.retryable ?? false;
  }

  /** The error as plain data, for a message to another thread. */
  toData(): ErrorData {
    const { code, message, path, scope, retryable } = this;
    return { code, message, path, scope, retryable };
  }

  /** The error that {@link toData} described. */
  static fromData(data: ErrorData): SyncError {
    return new SyncError(data.code, data.message, data);
  }

  /** Any thrown value as a SyncError: itself, or wrapped as `EUNKNOWN` that stops the run. */
  static from(error: unknown): SyncError {
    if (error instanceof SyncError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new SyncError("EUNKNOWN", message, { scope: "run", cause: error });
  }
}

/** An error that fails an entry; throws anything larger, which stops the run. */
export function entryError(error: unknown): SyncError {
  if (error instanceof SyncError && error.scope === "entry") return error;
  throw error;
}

/** A mistake in how sluice was called: one sentence for stderr, exit code 2, nothing was touched. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
