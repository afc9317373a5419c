/// <reference lib="deno.worker" />
/** The entry point of a crew thread. */
import type { FromCrew, Seat, ToCrew } from "./crew.ts";
import { SyncError } from "./errors.ts";
import { lastWords, startThread } from "./thread.ts";
import { loadLibcIfPossible, openBackend } from "./backend/open.ts";
import { type Open, serve } from "./serve.ts";

// once for the thread: loading takes some milliseconds
const libc = loadLibcIfPossible() ?? undefined;
const open: Open = (root, temporaryName) => openBackend(root, { temporaryName, libc });

serve({
  post: (message: FromCrew, transferred) => self.postMessage(message, [...transferred ?? []]),
  onMessage(handler) {
    self.onmessage = ({ data, ports: [port] }: MessageEvent<ToCrew | Seat>) => {
      if (port === undefined) handler(data as ToCrew);
      else if (data === "beside") serveAt(port);
      else serveByAnother(port);
    };
  },
}, open);

/** Serves one more role beside what this thread does: its messages come and go by a port. */
function serveAt(port: MessagePort): void {
  serve({
    post: (message: FromCrew, transferred) => port.postMessage(message, [...transferred ?? []]),
    onMessage: (handler) => port.onmessage = ({ data }: MessageEvent<ToCrew>) => handler(data),
  }, open);
}

/** Makes a thread that serves at a port. It ends with this one, and what it throws is thrown here. */
function serveByAnother(port: MessagePort): void {
  try {
    const thread = startThread(import.meta.url);
    thread.postMessage("beside" satisfies Seat, [port]);
  } catch (error) {
    for (const message of lastWords(SyncError.from(error))) port.postMessage(message);
  }
}
