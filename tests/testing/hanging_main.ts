/** The command with threads that never answer, as when both mounts are dead. */
globalThis.Worker = class extends EventTarget {
  postMessage() {}
  terminate() {}
} as unknown as typeof Worker;

const { main } = await import("../../src/cli.ts");
Deno.exit(await main(Deno.args));
