/** The conformance suite: what every backend must do, run against each of them. */
import type { Backend } from "../../src/backend/backend.ts";
import { filesContract } from "./contract_files.ts";
import { listingContract } from "./contract_listing.ts";
import { safetyContract } from "./contract_safety.ts";
import { trashContract } from "./contract_trash.ts";
import { treeContract } from "./contract_tree.ts";

/** A backend with an empty root, and what a test needs to know and do from outside. */
export interface Subject {
  readonly backend: Backend;
  readonly dispose: () => Promise<void>;
  /** Puts a FIFO or a socket at a path, from outside. */
  readonly makeSpecial: (path: string, what: "fifo" | "socket") => Promise<void>;
  /** A directory beside the root, as the target of a link; it has one file, `precious`. */
  readonly outside: string;
  /** Names in that directory now. */
  readonly outsideNames: () => Promise<string[]>;
  /** Times of symbolic links can be set. */
  readonly linkTimes: boolean;
  /** Times before 1970 can be kept. */
  readonly earlyTimes: boolean;
}

/** Registers one test; its subject is made before and disposed of after it. */
export type Register = (what: string, run: (subject: Subject) => Promise<void>) => void;

/** Registers the suite for one kind of backend. */
export function backendContract(name: string, make: () => Promise<Subject>): void {
  const register: Register = (what, run) =>
    Deno.test(`${name} ${what}`, async () => {
      const subject = await make();
      try {
        await run(subject);
      } finally {
        await subject.dispose();
      }
    });
  treeContract(register);
  listingContract(register);
  filesContract(register);
  safetyContract(register);
  trashContract(register);
}
