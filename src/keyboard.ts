/**
 * The keyboard: keys of the terminal on standard input, as they are pressed.
 *
 * The terminal is asked for single keys without an echo for as long as it is open, and put back as it
 * was at the end, before the process is suspended, and when it is left at once. Ctrl-C and Ctrl-Z
 * stay signals. Nothing is read, or set, while another process has the terminal: the system would stop
 * this one for it. So keys are looked for, and never waited for.
 */
import { setInterval } from "node:timers";
import { loadLibcIfPossible } from "./backend/open.ts";
import type { Libc } from "./backend/posix/libc.ts";

/** Milliseconds between two looks. */
const LOOK = 100;

const STDIN = 0;
/** Requests of ioctl(2), the same on x86_64 and aarch64. */
const TCGETS = 0x5401, TCSETS = 0x5402, TIOCGPGRP = 0x540f, FIONREAD = 0x541b;
/** The kernel's `struct termios`: four flags of 32 bits, a byte, and the control characters. */
const TERMIOS = 36, LFLAG = 12, VTIME = 17 + 5, VMIN = 17 + 6;
const ICANON = 0o2, ECHO = 0o10;

/** A keyboard that is open. Disposing of it puts the terminal back. */
export interface OpenedKeyboard extends Disposable {
  /** Puts the terminal back until the process goes on: it is about to be suspended. */
  release(): void;
}

/** Opens a keyboard: null where there is none. `pressed` is told of the bytes of one or more keys. */
export type OpenKeyboard = (pressed: (keys: Uint8Array) => void) => OpenedKeyboard | null;

/** Where nobody is to press keys. */
export const noKeyboard: OpenKeyboard = () => null;

/** The terminal's keyboard. */
export class Keyboard implements OpenedKeyboard {
  readonly #libc: Libc;
  readonly #pressed: (keys: Uint8Array) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** As the terminal was, while it is not so. */
  #before: Uint8Array | null = null;
  #over = false;

  /** Opens the terminal on standard input; null where that is none, or this system is not Linux. */
  static readonly open: OpenKeyboard = (pressed) => {
    if (!Deno.stdin.isTerminal()) return null;
    const libc = loadLibcIfPossible();
    return libc === null ? null : new Keyboard(libc, pressed);
  };

  private constructor(libc: Libc, pressed: (keys: Uint8Array) => void) {
    this.#libc = libc;
    this.#pressed = pressed;
    addEventListener("unload", this.#putBack);
    this.#timer = setInterval(() => this.#look(), LOOK);
    this.#timer.unref();
    this.#look();
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.close();
    removeEventListener("unload", this.#putBack);
    this.#putBack();
    this.#libc[Symbol.dispose]();
  }

  release(): void {
    this.#putBack();
  }

  #look(): void {
    if (!this.#isOurs()) return;
    if (this.#before === null) this.#takeKeys();
    const count = new Uint32Array(1);
    if (this.#ioctl(FIONREAD, new Uint8Array(count.buffer)) < 0 || count[0] === 0) return;
    const keys = new Uint8Array(Math.min(count[0]!, 4096));
    const length = this.#libc.now.read(STDIN, keys, keys.length) as number;
    if (length > 0) this.#pressed(keys.subarray(0, length));
  }

  /** Whether this process is in the foreground. */
  #isOurs(): boolean {
    const group = new Int32Array(1);
    return this.#ioctl(TIOCGPGRP, new Uint8Array(group.buffer)) === 0 &&
      group[0] === this.#libc.now.getpgid(0);
  }

  #takeKeys(): void {
    const before = new Uint8Array(TERMIOS);
    if (this.#ioctl(TCGETS, before) < 0) return;
    const ours = before.slice();
    const flags = new DataView(ours.buffer);
    flags.setUint32(LFLAG, flags.getUint32(LFLAG, true) & ~(ICANON | ECHO), true);
    ours[VMIN] = 1;
    ours[VTIME] = 0;
    if (this.#ioctl(TCSETS, ours) === 0) this.#before = before;
  }

  readonly #putBack = (): void => {
    if (this.#before === null || !this.#isOurs()) return;
    this.#ioctl(TCSETS, this.#before);
    this.#before = null;
  };

  #ioctl(request: number, data: Uint8Array): number {
    return this.#libc.now.ioctl(STDIN, request, data) as number;
  }
}
