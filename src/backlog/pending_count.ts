/** What is pending in a directory, counted from its files; and the sums of it over all directories. */
import { STATUS } from "./codes.ts";

/** The part of an `UPDATE directory SET` that counts what is pending in it anew. */
export const PENDING_COUNTED = `(pending_files, pending_bytes) = (
  SELECT count(*), coalesce(sum(file.size), 0) FROM file
  WHERE file.directory = directory.id AND file.status = ${STATUS.pending})`;

/**
 * Begins an UPDATE of directories whose sums a trigger keeps, in `pending_total`. SQLite first copies
 * each page that such a statement changes, so that it can take back half of it: that is two thirds of
 * its time, and is left out with OR FAIL. Whatever fails here, the whole transaction is taken back.
 * The statement must not call a function that may fail, as unhex may: the copies are made then.
 */
export const UPDATE_DIRECTORY = "UPDATE OR FAIL directory SET";
