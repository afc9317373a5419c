/** Targets: the platforms that an executable can be made for. */

/** The targets that can be asked for, and what `deno compile --target` calls them. */
export const TRIPLES = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
} as const;

/** A platform that an executable can be made for. */
export type Target = keyof typeof TRIPLES;

/**
 * The target names among the arguments of the command line.
 *
 * @throws RangeError when an argument is none.
 */
export function parseTargets(args: readonly string[]): Target[] {
  return args.map((arg) => {
    if (Object.hasOwn(TRIPLES, arg)) return arg as Target;
    const known = Object.keys(TRIPLES).join(", ");
    throw new RangeError(`"${arg}" is not a target: choose among ${known}`);
  });
}

/** The target that is this machine, or nothing where sluice has no name for it. */
export function hostTarget(build: Pick<typeof Deno.build, "os" | "arch">): Target | undefined {
  const os = { linux: "linux", darwin: "macos", windows: "windows" }[build.os as string];
  const name = `${os}-${build.arch === "aarch64" ? "arm64" : "x64"}`;
  return Object.hasOwn(TRIPLES, name) ? name as Target : undefined;
}

/** The path of the executable: plain for this machine, with the target in its name otherwise. */
export function outputPath(target: Target | undefined, build = Deno.build.os): string {
  const windows = target === undefined ? build === "windows" : target.startsWith("windows");
  return `dist/sluice${target === undefined ? "" : `-${target}`}${windows ? ".exe" : ""}`;
}
