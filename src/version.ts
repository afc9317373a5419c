/** The version, from the one place where it is written down. */
import config from "../deno.json" with { type: "json" };

/** Such as `0.1.0`. */
export const VERSION: string = config.version;
