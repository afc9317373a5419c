/** The directory that relative paths of the command line are relative to. */

/** A task runs in the project's directory; the user's own is in INIT_CWD then. */
export function workingDirectory(): string {
  const typed = Deno.build.standalone ? undefined : Deno.env.get("INIT_CWD");
  return typed ?? Deno.cwd();
}
