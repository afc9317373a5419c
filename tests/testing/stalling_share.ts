/** A share (sshfs, without a network) whose server can be stopped: its calls then never return. */
import type { MountNamespace } from "./mount_namespace.ts";
import { mayMount } from "./mount_namespace.ts";

const SERVERS = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server"];

/** The server that sshfs is to talk to; null where there is none. */
function serverPath(): string | null {
  for (const path of SERVERS) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/** Whether this machine can have a {@link StallingShare}. */
export function mayStall(): boolean {
  if (!mayMount() || serverPath() === null) return false;
  try {
    Deno.statSync("/dev/fuse");
    return new Deno.Command("sshfs", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A directory of a namespace, seen through a server. */
export class StallingShare implements AsyncDisposable {
  #dead = false;

  private constructor(readonly mounted: Deno.ChildProcess, readonly server: number) {}

  /** Mounts `directory` at `at`, both below the top of the namespace. */
  static async mount(
    space: MountNamespace,
    directory: string,
    at: string,
  ): Promise<StallingShare> {
    const { top } = space;
    const script = `${top}/${at}-server.sh`, pid = `${top}/${at}-server.pid`;
    Deno.writeTextFileSync(script, `#!/bin/sh\necho $$ > ${pid}\nexec ${serverPath()}\n`);
    Deno.chmodSync(script, 0o755);
    const args = ["-f", "-o", `ssh_command=${script}`, `x:${top}/${directory}`, `${top}/${at}`];
    const mounted = space.command("sshfs", args).spawn();
    const share = `grep -q ' ${top}/${at} ' /proc/self/mountinfo`;
    await space.sh(
      `for i in $(seq 200); do ${share} && ls ${top}/${at} && exit; sleep 0.1; done; false`,
    );
    return new StallingShare(mounted, Number(Deno.readTextFileSync(pid)));
  }

  /** From now on no call is answered. */
  stall(): void {
    Deno.kill(this.server, "SIGSTOP");
  }

  /** All that were made are answered now. */
  goOn(): void {
    Deno.kill(this.server, "SIGCONT");
  }

  /** From now on every call fails: the mount stays, and nobody is behind it. */
  async die(): Promise<void> {
    this.#dead = true;
    this.mounted.kill("SIGKILL");
    await this.mounted.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#dead) {
      this.goOn();
      this.mounted.kill("SIGTERM");
    }
    const { stdout, stderr } = this.mounted;
    await Promise.all([stdout.cancel(), stderr.cancel(), this.mounted.status]);
  }
}
