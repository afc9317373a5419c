/** A file system of a test's own in an image file, mounted where root may do that. */

/** The type that mount wants, and the command that makes one, to which the image is added. */
export interface ImageKind {
  readonly type: string;
  readonly make: readonly string[];
  /** Of the image, which has holes, in MiB; 16 unless it says otherwise. */
  readonly size?: number;
}

/** Makes an image and mounts it until it is disposed of. Rejects where that fails. */
export async function mountImage(
  image: string,
  directory: string,
  { type, make, size = 16 }: ImageKind,
): Promise<AsyncDisposable> {
  Deno.writeFileSync(image, new Uint8Array(0));
  Deno.truncateSync(image, size * 2 ** 20);
  await run(...make, image);
  await run("mount", "-t", type, "-o", "loop", image, directory);
  return { [Symbol.asyncDispose]: () => run("umount", directory) };
}

/** Whether that works here: root, loop devices, the programs and the kernel's own part. */
export async function canMount(kind: ImageKind): Promise<boolean> {
  const directory = Deno.makeTempDirSync({ prefix: "sluice-test-" });
  try {
    Deno.mkdirSync(`${directory}/mounted`);
    await using _mount = await mountImage(`${directory}/image`, `${directory}/mounted`, kind);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function run(program = "", ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr).trim()}`);
}
