/** The survey of the source: every name, streamed, and what is in its way at the destination. */
import type { Backend, CallOptions } from "../backend/backend.ts";
import { NameSurvey } from "../backlog/name_survey.ts";
import type { RecordedEntry, RecordedTree } from "../backlog/recorded_tree.ts";
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { turn } from "../lib/turn.ts";
import { showPath } from "../name.ts";
import { fitting, found, type Problem } from "./fit.ts";
import type { Place } from "./place.ts";

/** Milliseconds after which signals and timers have a turn. */
const TURN = 20;

/** What the source has. */
export interface SourceCounts {
  directories: number;
  files: number;
  bytes: number;
  /** Sockets, devices, FIFOs: they are never copied. */
  specials: number;
}

/** What a survey tells while it goes on. */
export interface SurveyHandlers {
  readonly problem: (problem: Problem) => void;
  /** Now and then. */
  readonly progress?: (counts: SourceCounts) => void;
}

/** Some of the names of a directory. */
interface Part {
  readonly entries: readonly RecordedEntry[];
  readonly problems: readonly { readonly name: string; readonly message: string }[];
}

/** Looks at everything below `source`, or at what a scan has recorded of it. */
export async function surveySource(
  source: Backend | RecordedTree,
  place: Place,
  { problem, progress, signal }: SurveyHandlers & CallOptions,
): Promise<SourceCounts> {
  const counts: SourceCounts = { directories: 0, files: 0, bytes: 0, specials: 0 };
  const fits = fitting(place);
  let turned = performance.now();
  using survey = new NameSurvey(found(place.rules) ?? null);
  const read = "list" in source ? listed(source, survey, signal) : recorded(source);
  for await (const { path, parts } of read) {
    counts.directories += 1;
    try {
      for await (const { entries, problems } of parts) {
        survey.batch(() => {
          for (const entry of entries) {
            count(counts, entry);
            if (entry.kind === "special") continue;
            const at = join(path, entry.name);
            for (const one of fits(entry, at)) problem(one);
            survey.put(entry.name);
            if (entry.kind === "directory" && "list" in source) survey.queue(at);
          }
        });
        for (const { name, message } of problems) {
          problem({
            kind: "unreadable",
            path: name === "" ? path : join(path, name),
            why: message,
          });
        }
        if (performance.now() - turned > TURN) {
          await turn(signal);
          turned = performance.now();
          progress?.(counts);
        }
      }
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run" || path === "") throw error;
      problem({ kind: "unreadable", path, why: error.message });
    }
    for (const { name, other } of survey.merged()) {
      problem({ kind: "merged", path: join(path, name), why: `taken for ${showPath(other)}` });
    }
  }
  return counts;
}

async function* listed(
  source: Backend,
  survey: NameSurvey,
  signal?: AbortSignal,
): AsyncGenerator<{ path: string; parts: AsyncIterable<Part> }> {
  yield { path: "", parts: source.list("", { signal }) };
  for (let path = survey.next(); path !== undefined; path = survey.next()) {
    yield { path, parts: source.list(path, { signal }) };
  }
}

function* recorded(tree: RecordedTree): Generator<{ path: string; parts: Iterable<Part> }> {
  for (const { id, path, error } of tree.directories()) {
    const parts = function* (): Generator<Part> {
      if (error !== null) yield { entries: [], problems: [{ name: "", message: error }] };
      for (const entries of tree.entries(id)) yield { entries, problems: [] };
    };
    yield { path, parts: parts() };
  }
}

function count(counts: SourceCounts, { kind, size }: RecordedEntry): void {
  if (kind === "special") counts.specials += 1;
  else if (kind !== "directory") {
    counts.files += 1;
    if (kind === "file") counts.bytes += size;
  }
}
