/** `sluice manifest [DB]`: the recorded hashes as lines that `sha256sum -c` and its kin check. */
import { RecordedFiles, type Tally } from "../backlog/recorded_files.ts";
import { UsageError } from "../errors.ts";
import { oneOf } from "../flags.ts";
import { concat } from "../lib/concat.ts";
import { turn } from "../lib/turn.ts";
import { ALGORITHMS, DEFAULTS } from "../options.ts";
import { CHECKERS, checkLine } from "../report/check_lines.ts";
import { countOf } from "../report/layout.ts";
import { absolute } from "../working_directory.ts";
import { type CommandContext, databaseOf, type Subcommand } from "./command.ts";

/** What `manifest` may be told. */
export interface ManifestOptions {
  /** Full or relative path of the database. Default `sluice.db`. */
  readonly db: string;
  /** Only hashes of this algorithm; null (default): of the one that there is. */
  readonly checksum: string | null;
}

/** The command. */
export const manifest: Subcommand = {
  name: "manifest",
  words: ["[DB]"],
  description: "Prints a line for each file with a hash on record, to be checked in the " +
    "destination.",
  options: (command) =>
    command
      .option("--db <path>", "another way to name the database")
      .option("--checksum <name>", `only hashes of ${ALGORITHMS.join(", ")}`),
  more: `DB is ${DEFAULTS.db} if it is not given. It is only read, also while a run goes on.

  sluice manifest sluice.db > /tmp/manifest && cd /mnt/new && sha256sum --quiet -c /tmp/manifest

Exit codes: 0 all files are in the lines, 1 some are not (pending, or there before and never
copied), 2 wrong usage, 3 the database is damaged.`,
  parse([word], flags) {
    const { checksum } = flags;
    const options: ManifestOptions = {
      db: databaseOf(word, flags, DEFAULTS.db),
      checksum: checksum === undefined ? null : oneOf("--checksum", `${checksum}`, ALGORITHMS),
    };
    return (context) => printManifest(options, context);
  },
};

/** Prints the lines. Resolves with the exit code. */
async function printManifest(
  { db, checksum }: ManifestOptions,
  { base, signal, stdout, stderr }: CommandContext,
): Promise<number> {
  using files = RecordedFiles.open(absolute(db, base));
  const tally = await files.tally({ signal });
  const algorithm = checksum ?? onlyAlgorithm(tally);
  if (algorithm !== null) {
    for (const page of files.hashed(algorithm, tally)) {
      await turn(signal);
      if (!stdout.write(concat(page.map(({ hash, path }) => checkLine(hash, path))))) return 0;
    }
  }
  let missing = 0;
  const tell = (count: number, what: string) => {
    if (count === 0) return;
    stderr.write(`sluice: not in the manifest: ${countOf(count, "file")} ${what}\n`);
    missing += count;
  };
  tell(tally.pending, "pending");
  tell(tally.unhashed, "without a hash, because they were at the destination before");
  for (const [name, count] of tally.hashed) {
    if (name !== algorithm) tell(count, `with a hash of ${name}; give --checksum ${name} for them`);
  }
  return missing > 0 ? 1 : 0;
}

/** The algorithm of all hashes, null where there are none. A checker reads one kind of hash. */
function onlyAlgorithm({ hashed }: Tally): string | null {
  if (hashed.size <= 1) return [...hashed.keys()][0] ?? null;
  const each = [...hashed].map(([name, files]) => `${countOf(files, "file")} with ${name}`);
  const programs = [...hashed.keys()].map((name) => CHECKERS[name] ?? name).join(" and ");
  throw new UsageError(
    `the database has ${each.join(", ")}, and no program checks both; give --checksum with one ` +
      `of them at a time, for ${programs}`,
  );
}
