/** Memory that is given back at once. */

/**
 * Gives back the memory behind an array that nobody will use any more; the array is empty then. Left
 * to the garbage collector, it stays until all of the heap is looked through, and counts for when that
 * is due: messages of a megabyte each bring it about several times a second.
 */
export function giveBack({ buffer }: { readonly buffer: ArrayBuffer }): void {
  if (buffer.byteLength > 0) buffer.transfer(0);
}
