/**
 * Streams: the files of several blocks that a thread carries, and how many blocks of each are under
 * way at the same time.
 *
 * One file alone needs several to keep the line busy. Of several files each needs fewer: what is
 * under way beyond that only waits in the line, and until the first of it has come the other
 * direction has nothing to do, as it has at the end while the last of it leaves.
 */
export class Streams {
  #files = 0;

  /** A file has begun; disposing of what is returned ends it. */
  begin(): Disposable {
    this.#files += 1;
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (open) this.#files -= 1;
        open = false;
      },
    };
  }

  /** Blocks of each file: at least one, at most `each`, and about `all` of all files together. */
  blocks({ each, all }: { readonly each: number; readonly all: number }): number {
    return Math.max(1, Math.min(each, Math.floor(all / Math.max(1, this.#files))));
  }
}
