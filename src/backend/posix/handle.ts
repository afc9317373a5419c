/**
 * A file descriptor that cannot be closed under a call that uses it: the kernel gives a number that
 * was closed to the next file that is opened, and a call still waiting in the pool would then read
 * or write that file.
 */
import { EBADF } from "./errno.ts";
import type { Result, Syscalls } from "./libc.ts";

export class Handle {
  readonly #sys: Syscalls;
  readonly #fd: number;
  #users = 0;
  #closed = false;
  #whenIdle: (() => void) | null = null;

  constructor(sys: Syscalls, fd: number) {
    this.#sys = sys;
    this.#fd = fd;
  }

  /** A handle that is closed already. */
  static closed(sys: Syscalls): Handle {
    const handle = new Handle(sys, -1);
    handle.#closed = true;
    return handle;
  }

  /** Makes a call with the descriptor; a negative errno when it failed or the handle is closed. */
  async use(call: (fd: number) => Result): Promise<number> {
    if (this.#closed) return -EBADF;
    this.#users += 1;
    try {
      return await call(this.#fd);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#whenIdle?.();
    }
  }

  /** Closes once the calls under way have returned; 0 when it was closed before. */
  async close(): Promise<number> {
    if (this.#closed) return 0;
    this.#closed = true;
    if (this.#users > 0) await new Promise<void>((resolve) => this.#whenIdle = resolve);
    return await this.#sys.close(this.#fd);
  }
}
