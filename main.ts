import { launch } from "./src/launch.ts";

Deno.exit(await launch(Deno.args, async () => (await import("./src/cli.ts")).main));
