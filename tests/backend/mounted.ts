/** Subjects of the conformance suite that are directories of the machine's own disk. */
import { createServer } from "node:net";
import type { Backend } from "../../src/backend/backend.ts";
import { temporaryNames } from "../../src/backend/temporary.ts";
import type { Subject } from "./contract.ts";

/** A new directory `root` beside a directory `outside` with a file `precious`; removed at the end. */
export async function mountedSubject(
  open: (root: string, temporaryName: () => string) => Promise<Backend>,
  features: Pick<Subject, "linkTimes" | "earlyTimes">,
): Promise<Subject & { readonly root: string }> {
  const top = await Deno.makeTempDir({ prefix: "sluice-test-" });
  const root = `${top}/root`;
  const outside = `${top}/outside`;
  await Deno.mkdir(root);
  await Deno.mkdir(outside);
  await Deno.writeTextFile(`${outside}/precious`, "precious");
  const backend = await open(root, temporaryNames("12345678-1-1", 0));
  return {
    root,
    backend,
    outside,
    ...features,
    outsideNames: async () => (await Array.fromAsync(Deno.readDir(outside))).map((e) => e.name),
    makeSpecial: (path, what) => what === "fifo" ? fifo(`${root}/${path}`) : socket(root, path),
    dispose: async () => {
      await backend[Symbol.asyncDispose]();
      await Deno.remove(top, { recursive: true });
    },
  };
}

async function fifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  if (!success) throw new Error("mkfifo failed");
}

/** A socket whose file stays when its server is gone. */
async function socket(root: string, path: string): Promise<void> {
  const server = createServer();
  // under another name while it listens: closing the server removes the name that it was given
  const listening = `${root}/${path}.listening`;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listening, resolve);
  });
  await Deno.rename(listening, `${root}/${path}`);
  await new Promise((resolve) => server.close(resolve));
}
