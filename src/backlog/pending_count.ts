/** What is pending in a directory, counted from its files. */
import { STATUS } from "./codes.ts";

/** The part of an `UPDATE directory SET` that counts what is pending in it anew. */
export const PENDING_COUNTED = `(pending_files, pending_bytes) = (
  SELECT count(*), coalesce(sum(file.size), 0) FROM file
  WHERE file.directory = directory.id AND file.status = ${STATUS.pending})`;
