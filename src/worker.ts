/// <reference lib="deno.worker" />
/** The entry point of a crew thread. */
import type { FromCrew, ToCrew } from "./crew.ts";
import { loadLibcIfPossible, openBackend } from "./backend/open.ts";
import { serve } from "./serve.ts";

// once for the thread: loading takes some milliseconds
const libc = loadLibcIfPossible() ?? undefined;
serve(
  {
    post: (message: FromCrew) => self.postMessage(message),
    onMessage: (handler) => self.onmessage = ({ data }: MessageEvent<ToCrew>) => handler(data),
  },
  (root, temporaryName) => openBackend(root, { temporaryName, libc }),
);
