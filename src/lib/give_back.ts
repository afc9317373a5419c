/** Memory that is given back at once. */

/**
 * Gives back the memory behind an array that nobody will use any more; the array is empty then. The
 * garbage collector would come for it late: such memory is hardly counted among what it looks at, and
 * a message of a megabyte that waits for it costs one.
 */
export function giveBack({ buffer }: { readonly buffer: ArrayBuffer }): void {
  if (buffer.byteLength > 0) buffer.transfer(0);
}
