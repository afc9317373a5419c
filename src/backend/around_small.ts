/**
 * Something around each call of the short way of small files. What stands around a directory is an
 * object of a class: there is one for every small directory, and one made of closures is ten objects.
 */
import { type Parcel, PROGRESS } from "../parcel.ts";
import type { Stamp } from "../stamp.ts";
import type { Around, Call, Extent } from "./around.ts";
import type { FileWriter, HeldParcels, NewDirectory, SmallFiles } from "./backend.ts";

const ONE: Extent = { files: 1, bytes: 0 };

/** What the short way's calls have around them. */
export interface SmallParts {
  readonly around: Around;
  /** Calls are waited for. */
  readonly waiting: boolean;
  /** Puts it around a single file. */
  readonly writer: (file: FileWriter) => FileWriter;
}

/** The short way of a backend with something around each of its calls. */
export function aroundSmall(small: SmallFiles, parts: SmallParts): SmallFiles {
  const { make, holdAtOnce, makeAtOnce } = small;
  const { around } = parts;
  const outer: SmallFiles = {
    get most() {
      return small.most;
    },
    hold: async (directory) => {
      const inner = await around.call("hold", directory, () => small.hold(directory));
      return new HeldAround(inner, directory, parts);
    },
    make: make === undefined ? undefined : async (directory: string) => {
      const made = await around.call("makeDirectory", directory, () => make.call(small, directory));
      return new NewAround(made, directory, parts);
    },
  };
  if (around.holdsBack) return outer;
  return Object.assign(outer, {
    holdAtOnce: holdAtOnce === undefined ? undefined : (directory: string) => {
      const holding = () => holdAtOnce.call(small, directory);
      const inner = around.now("hold", directory, holding, ONE);
      return inner === undefined ? undefined : new HeldAround(inner, directory, parts);
    },
    makeAtOnce: makeAtOnce === undefined ? undefined : (directory: string) => {
      const making = () => makeAtOnce.call(small, directory);
      const made = around.now("makeDirectory", directory, making, ONE);
      return made === undefined ? undefined : new NewAround(made, directory, parts);
    },
  });
}

class NewAround implements NewDirectory {
  readonly #made: NewDirectory;
  readonly #directory: string;
  readonly #parts: SmallParts;

  constructor(made: NewDirectory, directory: string, parts: SmallParts) {
    this.#made = made;
    this.#directory = directory;
    this.#parts = parts;
  }

  get open(): boolean {
    return this.#made.open;
  }

  get named(): boolean {
    return this.#made.named;
  }

  get times(): Stamp | null {
    return this.#made.times ?? null;
  }

  setTimes(times: Stamp): void {
    this.#made.setTimes?.(times);
  }

  hold(): HeldParcels {
    // what has its name by that of the directory needs no call, or a move that others do not
    return new HeldAround(this.#made.hold(), this.#directory, this.#parts, "nameDirectory");
  }

  seal(): void {
    this.#made.seal();
  }

  name(): Promise<void> {
    return this.#parts.around.call("nameDirectory", this.#directory, () => this.#made.name());
  }

  nameAtOnce(): boolean {
    const { around } = this.#parts, { nameAtOnce } = this.#made;
    if (nameAtOnce === undefined || around.holdsBack) return false;
    return around.now("nameDirectory", this.#directory, () => nameAtOnce.call(this.#made), ONE);
  }

  discard(): Promise<void> | undefined {
    const { around, waiting } = this.#parts;
    if (!waiting) return this.#made.discard();
    const discarding = async () => await this.#made.discard();
    return quietly(around.call("removeDirectory", this.#directory, discarding));
  }

  [Symbol.dispose](): void {
    this.#made[Symbol.dispose]();
  }
}

class HeldAround implements HeldParcels {
  readonly #inner: HeldParcels;
  readonly #directory: string;
  readonly #parts: SmallParts;
  readonly #committing: Call;

  constructor(
    inner: HeldParcels,
    directory: string,
    parts: SmallParts,
    committing: Call = "commitParcel",
  ) {
    this.#inner = inner;
    this.#directory = directory;
    this.#parts = parts;
    this.#committing = committing;
  }

  read(parcel: Parcel): Promise<void> | undefined {
    return this.#make("readParcel", parcel, () => this.#inner.read(parcel));
  }

  write(parcel: Parcel): Promise<void> | undefined {
    return this.#make("writeParcel", parcel, () => this.#inner.write(parcel));
  }

  commit(parcel: Parcel): Promise<void> | undefined {
    return this.#make(this.#committing, parcel, () => this.#inner.commit(parcel));
  }

  discard(parcel: Parcel): Promise<void> | undefined {
    return this.#make("discardParcel", parcel, () => this.#inner.discard(parcel));
  }

  writer(path: string, temporary: number): FileWriter {
    return this.#parts.writer(this.#inner.writer(path, temporary));
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }

  #make(
    call: Call,
    parcel: Parcel,
    step: () => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const { around, waiting } = this.#parts, extent = extentOf(call, parcel);
    return waiting
      ? around.call(call, this.#directory, async () => await step(), extent)
      : around.now(call, this.#directory, step, extent);
  }
}

/** How much a call for a parcel was about: known after it, and looked up only if somebody asks. */
export function extentOf(call: Call, parcel: Parcel): Extent {
  return new ParcelExtent(call, parcel);
}

/** Of the files of a parcel, those with which a step has got on, which is known after it. */
class ParcelExtent implements Extent {
  readonly #call: Call;
  readonly #parcel: Parcel;

  constructor(call: Call, parcel: Parcel) {
    this.#call = call;
    this.#parcel = parcel;
  }

  get files(): number {
    const reached = REACHED.get(this.#call);
    let files = 0;
    for (const progress of this.#parcel.progress) if (progress === reached) files += 1;
    return files;
  }

  get bytes(): number {
    const { bytes, files } = this.#parcel;
    return bytes / files.length * this.files;
  }
}

const REACHED: ReadonlyMap<Call, number> = new Map<Call, number>([
  ["readParcel", PROGRESS.read],
  ["writeParcel", PROGRESS.written],
  ["commitParcel", PROGRESS.committed],
]);

/** For a call whose failure changes nothing: the file is let go in any case. */
export async function quietly(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch {
    // the place does not answer any more, and whoever stops the run says why
  }
}
