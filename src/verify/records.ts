/** The audit records of a verification. */
import type { VerifyFile, VerifyTotals } from "../backlog/verify_store.ts";
import { isoTime } from "../report/operation_record.ts";
import type { Finding } from "./check_file.ts";

/** The record of one file. */
export function operation(
  destination: string,
  file: VerifyFile,
  finding: Finding,
  duration: number,
) {
  const { result, detail, size, mtime, hash } = finding;
  return {
    type: "operation",
    action: "verify",
    status: result === "as recorded" ? "success" : "failure",
    reason: result,
    kind: "file",
    destination,
    size,
    checksum: hash,
    checksum_algorithm: hash === null ? null : file.algorithm,
    mtime: mtime === null ? null : isoTime(mtime),
    recorded: { size: file.size, checksum: file.hash, mtime: isoTime(file.mtime) },
    duration_ms: Math.round(duration * 1000) / 1000,
    error: detail,
  };
}

/** The totals of an end record. */
export function totalsRecord({ files, bytes, different, missing, unreadable }: VerifyTotals) {
  return { verified_files: files, verified_bytes: bytes, different, missing, unreadable };
}
