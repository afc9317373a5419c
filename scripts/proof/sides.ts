/**
 * The two sides of a soak. As root they are file systems in memory of their own, mounted twice: what
 * is unmounted at the one place is kept at the other, where the script works.
 */

/** One side. */
export class Side {
  /** Where sluice sees it. */
  readonly path: string;
  /** Where the script sees it. */
  readonly kept: string;
  /** A place on the same file system and outside of the side: what is made there touches no time in it. */
  readonly beside: string;
  readonly #fileSystem: string;
  #mounted = false;
  readonly #canUnmount: boolean;

  constructor(folder: string, name: string, { canUnmount }: { canUnmount: boolean }) {
    this.path = `${folder}/${name}`;
    this.#fileSystem = `${folder}/kept ${name}`;
    this.kept = canUnmount ? `${this.#fileSystem}/side` : this.path;
    this.beside = canUnmount ? this.#fileSystem : folder;
    this.#canUnmount = canUnmount;
    Deno.mkdirSync(this.path);
    if (!canUnmount) return;
    Deno.mkdirSync(this.#fileSystem);
    run("mount", "-t", "tmpfs", "-o", "size=120M", "sluice-soak", this.#fileSystem);
    Deno.mkdirSync(this.kept);
    this.mount();
  }

  get mounted(): boolean {
    return this.#mounted || !this.#canUnmount;
  }

  unmount(): void {
    run("umount", "--lazy", this.path);
    this.#mounted = false;
  }

  mount(): void {
    if (this.mounted) return;
    run("mount", "--bind", this.kept, this.path);
    this.#mounted = true;
  }

  /** Names below the bare mount point: there must never be any. */
  bare(): string[] {
    return this.mounted ? [] : [...Deno.readDirSync(this.path)].map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    if (!this.#canUnmount) return;
    if (this.#mounted) this.unmount();
    run("umount", "--lazy", this.#fileSystem);
  }
}

/** Whether this process may mount. */
export function canMount(folder: string): boolean {
  try {
    Deno.mkdirSync(`${folder}/try`);
    run("mount", "-t", "tmpfs", "sluice-soak", `${folder}/try`);
    run("umount", `${folder}/try`);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  }
}
