/// <reference lib="deno.worker" />
/** The entry point of a crew thread. */
import type { FromCrew, ToCrew } from "./crew.ts";
import { loadLibcIfPossible, openBackend } from "./backend/open.ts";
import { type Open, serve } from "./serve.ts";

// once for the thread: loading takes some milliseconds
const libc = loadLibcIfPossible() ?? undefined;
const open: Open = (root, temporaryName) => openBackend(root, { temporaryName, libc });

serve({
  post: (message: FromCrew, transferred) => self.postMessage(message, [...transferred ?? []]),
  onMessage(handler) {
    self.onmessage = ({ data, ports: [seat] }: MessageEvent<ToCrew>) =>
      seat === undefined ? handler(data) : serveAt(seat);
  },
}, open);

/** Serves one more role beside what this thread does: its messages come and go by a port. */
function serveAt(port: MessagePort): void {
  serve({
    post: (message: FromCrew, transferred) => port.postMessage(message, [...transferred ?? []]),
    onMessage: (handler) => port.onmessage = ({ data }: MessageEvent<ToCrew>) => handler(data),
  }, open);
}
