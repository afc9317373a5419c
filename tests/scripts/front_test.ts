import assert from "node:assert/strict";
import { elfEnd, FrontError, withFront, withKeeper } from "../../scripts/native/front.ts";
import { mayMount, MountNamespace } from "../testing/mount_namespace.ts";

const isLinux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
const ignore = !isLinux || !mayMount();
const SHELL = "/bin/sh";

/** Begins as `start.s` does, and in between writes what follows: no call, so nothing to return from. */
const WRITES_X = Uint8Array.from([
  ...[0x52, 0x6a, 0x58, 0x54, 0x5e, 0x6a, 0x01, 0x58, 0x89, 0xc7, 0x89, 0xc2, 0x0f, 0x05],
  ...[0x58, 0x5a, 0x90, 0x90, 0xe9, 0, 0, 0, 0],
]);

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The shell of this system with something in front; disposing of it removes it. */
function shellWith(front: (shell: Uint8Array, end: number) => Uint8Array, folder?: string) {
  const shell = Deno.readFileSync(SHELL);
  const path = Deno.makeTempFileSync({ prefix: "sluice-front-", dir: folder });
  Deno.writeFileSync(path, front(shell, elfEnd(shell)));
  Deno.chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** A shell with the keeper in front, in a namespace where /share is on a mount of a given type. */
class Kept implements AsyncDisposable {
  readonly #names: MountNamespace;
  readonly #shell: string;

  private constructor(names: MountNamespace, shell: string) {
    this.#names = names;
    this.#shell = shell;
  }

  static async make(type: string): Promise<Kept> {
    const names = await MountNamespace.make();
    const { path } = shellWith(withKeeper, names.top);
    // long lines and many of them: it is read piece by piece
    const line = (i: number) => `${i} 1 0:${i} / /m${i} rw - ext4 /dev/x ${"o".repeat(i % 3000)}\n`;
    const others = Array.from({ length: 100 }, (_, i) => line(i * 37)).join("");
    const share = `4000 1 0:99 / /share rw,relatime shared:9 - ${type} nas:/share rw\n`;
    Deno.writeTextFileSync(`${names.top}/mounts`, others + share + others);
    return new Kept(names, path);
  }

  /** Runs `script` in it; its first argument is `$1`. */
  spawn(script: string, ...args: string[]): Deno.ChildProcess {
    const faked = `mount --bind ${this.#names.top}/mounts /proc/$$/mountinfo && exec "$0" "$@"`;
    const words = ["-ec", faked, this.#shell, "-c", script, "script", ...args];
    return this.#names.command("sh", words).spawn();
  }

  async run(script: string, ...args: string[]) {
    const { code, stdout } = await this.spawn(script, ...args).output();
    return { code, stdout: decode(stdout).trim() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#names[Symbol.asyncDispose]();
  }
}

const TOLD = 'test "$SLUICE_KEEPER" = "$PPID" && echo kept $MALLOC_ARENA_MAX "$@"; exit 7';

Deno.test({
  name: "withFront runs the code and then the program with its arguments",
  ignore: !isLinux,
  fn() {
    using shell = shellWith((file, end) => withFront(file, end, WRITES_X));
    const args = ["-c", 'echo "$0 $1"; exit 5', "a", "b"];
    const { code, stdout } = new Deno.Command(shell.path, { args }).outputSync();
    assert.equal(decode(stdout), "Xa b\n");
    assert.equal(code, 5);
  },
});

Deno.test({
  name: "withFront leaves what was appended to the file at its end",
  ignore: !isLinux,
  fn() {
    const shell = Deno.readFileSync(SHELL);
    const tail = new TextEncoder().encode("what was appended");
    const whole = new Uint8Array([...shell.subarray(0, elfEnd(shell)), ...tail]);
    const changed = withFront(whole, elfEnd(shell), WRITES_X);
    assert.equal(decode(changed.subarray(-tail.length)), "what was appended");
    assert.equal(elfEnd(changed), elfEnd(shell));
  },
});

Deno.test({
  name: "withFront refuses an executable without a place for one more segment",
  ignore: !isLinux,
  fn() {
    const shell = Deno.readFileSync(SHELL);
    // no program headers at all
    shell.fill(0, 56, 58);
    assert.throws(() => withFront(shell, elfEnd(shell), WRITES_X), FrontError);
  },
});

Deno.test({
  name: "the keeper gives the program a child of its own where an argument is on a share",
  ignore,
  async fn() {
    for (const type of ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse"]) {
      await using kept = await Kept.make(type);
      assert.deepEqual(await kept.run(TOLD, "/share/a"), { code: 7, stdout: "kept 1 /share/a" });
      assert.deepEqual(await kept.run(TOLD, "x", "/share"), { code: 7, stdout: "kept 1 x /share" });
    }
  },
});

Deno.test({
  name: "the keeper leaves to the program what is not plainly on a share",
  ignore,
  async fn() {
    await using kept = await Kept.make("nfs");
    for (const path of ["/sharea", "/shar", "share/a", "", "/m37/a"]) {
      assert.deepEqual(await kept.run(TOLD, path), { code: 7, stdout: "" });
    }
    for (const type of ["ext4", "nfsd", "fusectl", "tmpfs"]) {
      await using local = await Kept.make(type);
      assert.deepEqual(await local.run(TOLD, "/share/a"), { code: 7, stdout: "" });
    }
  },
});

Deno.test({
  name: "the keeper passes a signal on and ends with the exit code of its child",
  ignore,
  async fn() {
    await using kept = await Kept.make("nfs");
    const numbers = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 } as const;
    for (const [name, number] of Object.entries(numbers)) {
      const script =
        `trap 'exit $((20 + ${number}))' ${number}; kill -${number} $PPID; sleep 60 & wait`;
      assert.equal((await kept.run(`${script} >/dev/null`, "/share")).code, 20 + number, name);
    }
    assert.equal((await kept.run("kill -9 $$", "/share")).code, 137);
  },
});

Deno.test({
  name: "the keeper ends its child at the second signal",
  ignore,
  async fn() {
    await using kept = await Kept.make("nfs");
    const script = `trap 'kill -2 $PPID' 15; kill -15 $PPID; while :; do sleep 0.1; done`;
    assert.equal((await kept.run(`${script} >/dev/null`, "/share")).code, 130);
  },
});

Deno.test({
  name: "the standard input of the child ends with the keeper",
  ignore,
  async fn() {
    await using kept = await Kept.make("nfs");
    // the last word comes when nobody holds the other end any more
    const child = kept.spawn("kill -9 $PPID; cat; echo ended", "/share");
    assert.equal(decode((await child.output()).stdout), "ended\n");
  },
});
