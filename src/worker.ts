/// <reference lib="deno.worker" />
/** The entry point of a crew thread. */
import type { FromCrew, ToCrew } from "./crew.ts";
import { serve } from "./serve.ts";

serve({
  post: (message: FromCrew) => self.postMessage(message),
  onMessage: (handler) => self.onmessage = ({ data }: MessageEvent<ToCrew>) => handler(data),
});
