/**
 * How many handles of this process lead into a tree with names in UTF-8: other tests have theirs, of
 * any kind, at the same time.
 */
export function openFiles(root: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path === root || path.startsWith(`${root}/`);
    } catch (error) {
      // closed meanwhile
      if (error instanceof Deno.errors.NotFound) return false;
      // another test's, with a name that is not UTF-8
      if (error instanceof Deno.errors.InvalidData) return false;
      throw error;
    }
  }).length;
}
