/** The end of a run before its end, because the operator wants it so. */

/** What the signal of such a run aborts with. Its message is the reason, in one sentence. */
export class EndEarly extends Error {
  override readonly name = "EndEarly";
}
