/** What a place refuses for good, told from what fails there for a passing reason. */
import { SyncError } from "../errors.ts";

/**
 * What `call` resolves with; `refused` when the place refuses it. What fails for a passing reason says
 * nothing about the place: it is called once more, and is refused when it fails again.
 */
export async function unlessRefused<T>(call: () => Promise<T>, refused: T): Promise<T> {
  for (let first = true;; first = false) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      if (!first || !error.retryable) return refused;
    }
  }
}
