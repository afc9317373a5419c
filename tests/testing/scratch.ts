/** Temporary directories for databases that are made, filled and dropped again by the hundred. */

/**
 * A new directory, in memory where the system has such a place: how fast the machine's disk flushes
 * is nothing that these tests are about, and it can be very slow while something else writes.
 */
export function scratchDirectory(): string {
  const options = { prefix: "sluice-test-" };
  try {
    if (Deno.build.os === "linux" && Deno.statSync("/dev/shm").isDirectory) {
      return Deno.makeTempDirSync({ ...options, dir: "/dev/shm" });
    }
  } catch (error) {
    // not there, or not for us: the usual place will do
    if (!(error instanceof Error)) throw error;
  }
  return Deno.makeTempDirSync(options);
}
