/** Owner, mode and extended attributes of what an open handle leads to. */
import type { SyncError } from "../../errors.ts";
import { decodeName } from "../../name.ts";
import { type Attributes, modeAfter, type Preservable, type Refusal } from "../../preserve.ts";
import { nulTerminated } from "./directories.ts";
import { ENODATA, EOPNOTSUPP, ERANGE, posixError } from "./errno.ts";
import type { Syscalls } from "./libc.ts";

/** Most of what a file system keeps; ext4 has less, others have up to 64 KiB. */
const VALUE = 64 * 1024;

/**
 * What is not carried: ACLs have their own rules on each file system, and labels are the policy of
 * the machine that the destination belongs to.
 */
const LEFT_OUT = /^(system\.|security\.selinux$|security\.ima$|security\.evm$)/;

/** The extended attributes of an open file or directory. Rejects with a SyncError. */
export async function readXattrs(
  sys: Syscalls,
  fd: number,
  path: string,
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const names = new Uint8Array(VALUE);
  const length = await sys.flistxattr(fd, names, names.length);
  if (length === -EOPNOTSUPP) return found;
  if (length < 0) throw posixError(length, "list the extended attributes", path);
  const value = new Uint8Array(VALUE);
  for (const name of decodeName(names.subarray(0, length)).split("\0")) {
    if (name === "" || LEFT_OUT.test(name)) continue;
    const size = await sys.fgetxattr(fd, nulTerminated(name), value, value.length);
    // removed since the list was made
    if (size === -ENODATA) continue;
    if (size < 0) throw posixError(size, `read the extended attribute ${name}`, path);
    found.set(name, value.slice(0, size));
  }
  return found;
}

/** Sets attributes; what is refused is returned. The mode comes last: a new owner clears its bits. */
export async function writeAttributes(
  sys: Syscalls,
  fd: number,
  path: string,
  { owner, mode, xattrs }: Attributes,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  const refuse = (what: Preservable, result: number, doing: string) => {
    const { code, message }: SyncError = posixError(result, doing, path);
    refusals.push({ what, code, message });
  };
  if (owner !== undefined) {
    // as the kernel reads them: 32 bits without a sign
    const result = await sys.fchown(fd, owner.uid | 0, owner.gid | 0);
    if (result < 0) refuse("owner", result, "set the owner");
  }
  for (const [name, value] of xattrs ?? []) {
    const result = await sys.fsetxattr(fd, nulTerminated(name), value, value.length, 0);
    if (result < 0) {
      refuse("xattr", result === -ERANGE ? -EOPNOTSUPP : result, "set an extended attribute");
      break;
    }
  }
  if (mode !== undefined) {
    const after = modeAfter(refusals, mode);
    const result = await sys.fchmod(fd, after.mode);
    if (result < 0) refuse("mode", result, "set the mode");
    else if (after.refused !== null) refusals.push(after.refused);
  }
  return refusals;
}
