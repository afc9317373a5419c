/** A disk of a script's own: xfs in an image file on a loop device, whose power can be cut. */

/** An xfs of 320 MiB that is mounted until it is disposed of. Needs root, loop devices, xfsprogs. */
export class Disk implements AsyncDisposable {
  readonly #image: string;
  readonly mount: string;
  #mounted = false;

  private constructor(folder: string) {
    this.#image = `${folder}/disk.image`;
    this.mount = `${folder}/disk`;
  }

  /** Makes the image and mounts it; an error says what it is that this machine cannot do. */
  static async make(folder: string): Promise<Disk> {
    const disk = new Disk(folder);
    Deno.mkdirSync(disk.mount);
    Deno.writeFileSync(disk.#image, new Uint8Array(0));
    Deno.truncateSync(disk.#image, 320 * 2 ** 20);
    await command("mkfs.xfs", "-q", disk.#image);
    await command("xfs_io", "-V");
    await disk.#on();
    return disk;
  }

  async #on(): Promise<void> {
    await command("mount", "-t", "xfs", "-o", "loop", this.#image, this.mount);
    this.#mounted = true;
  }

  /**
   * From now on the disk refuses everything, and what was not made durable is lost: the journal is
   * not flushed. `journal` flushes it first, which keeps names whose content may be missing.
   */
  async cutPower({ journal }: { journal: boolean }): Promise<void> {
    const how = journal ? "shutdown -f" : "shutdown";
    await command("xfs_io", "-x", "-c", how, this.mount);
  }

  /** After {@link cutPower}, when nobody has files open on it: mounted again, journal replayed. */
  async powerUp(): Promise<void> {
    await this.#off();
    await this.#on();
  }

  /** Makes everything durable. */
  async flush(): Promise<void> {
    await command("sync", "-f", this.mount);
  }

  async #off(): Promise<void> {
    await command("umount", this.mount);
    this.#mounted = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // umount also gives the loop device back
    if (this.#mounted) await this.#off();
  }
}

async function command(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`${program} ${args.join(" ")}: ${said}`);
}
