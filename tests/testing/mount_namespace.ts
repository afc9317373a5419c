/** A mount namespace of its own: what a test mounts in it goes with it, and nobody else sees it. */
import { scratchDirectory } from "./scratch.ts";

/** Whether this process may make mount namespaces and mount in them. */
export function mayMount(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    const script = "mount -t tmpfs none /mnt && command -v nsenter";
    const { success } = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", script],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A namespace; disposing of it unmounts whatever is mounted in it. */
export class MountNamespace implements AsyncDisposable {
  /** A directory that both sides of the namespace see, for mount points. */
  readonly top: string = Deno.realPathSync(scratchDirectory());
  readonly #holder: Deno.ChildProcess;

  private constructor() {
    this.#holder = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", "echo ready; cat"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  }

  static async make(): Promise<MountNamespace> {
    const made = new MountNamespace();
    const reader = made.#holder.stdout.getReader();
    await reader.read();
    reader.releaseLock();
    return made;
  }

  /** A path as the namespace has it, for this process. */
  inside(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** Runs a shell script inside; throws when it fails. */
  async sh(script: string): Promise<string> {
    const { success, stdout, stderr } = await this.command("sh", ["-ec", script]).output();
    const text = new TextDecoder();
    if (!success) throw new Error(`${script}: ${text.decode(stderr)}`);
    return text.decode(stdout);
  }

  /** A command inside. */
  command(name: string, args: readonly string[]): Deno.Command {
    return new Deno.Command("nsenter", {
      args: ["--mount", "--target", String(this.#holder.pid), name, ...args],
      cwd: this.top,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.stdout.cancel();
    await this.#holder.status;
    await Deno.remove(this.top, { recursive: true });
  }
}
