/** The server of the control socket: takes requests while a run goes on. */
import { getLogger } from "@logtape/logtape";
import { LineSplitter } from "../lib/line_splitter.ts";
import { type Answer, LONGEST_REQUEST, parseRequest, type Request } from "./protocol.ts";
import { shortPath, socketPath } from "./socket_path.ts";

/** So many may be connected at once; the next one is sent away. */
const MOST_CONNECTIONS = 32;

const logger = getLogger(["sluice", "control"]);

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** An open control socket. Disposing of it removes it. */
export class ControlServer implements Disposable {
  readonly #listener: Deno.UnixListener;
  readonly #path: string;
  readonly #answer: (request: Request) => Answer;
  readonly #connections = new Set<Deno.UnixConn>();
  #over = false;

  /**
   * Opens the socket of a database that this process has locked, so that one which is there already
   * is of a run that was killed.
   *
   * @param database full path
   * @throws what the system says, where it has no such sockets or the name is taken
   */
  static open(database: string, answer: (request: Request) => Answer): ControlServer {
    const path = socketPath(database);
    demandFree(path);
    // It is made where nobody else gets in, as a new socket has the mode that the umask gives, and
    // that is one for all threads. And the runtime removes, at some moment after the end, what has
    // the path that it was given: by then that must be nobody's.
    const place = Deno.makeTempDirSync({
      dir: path.slice(0, path.lastIndexOf("/") + 1),
      prefix: ".sluice-ctl-",
    });
    const made = `${place}/socket`;
    try {
      using short = shortPath(made);
      const listener = Deno.listen({ transport: "unix", path: short.path });
      try {
        Deno.chmodSync(made, 0o600);
        Deno.renameSync(made, path);
      } catch (error) {
        listener.close();
        throw error;
      }
      return new ControlServer(listener, path, answer);
    } finally {
      clearAway(place, () => Deno.removeSync(place, { recursive: true }));
    }
  }

  private constructor(
    listener: Deno.UnixListener,
    path: string,
    answer: (request: Request) => Answer,
  ) {
    this.#listener = listener;
    this.#path = path;
    this.#answer = answer;
    this.#accept();
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    clearAway(this.#path, () => removeSocket(this.#path));
  }

  async #accept(): Promise<void> {
    while (!this.#over) {
      let connection: Deno.UnixConn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (this.#over) return;
        // one that has gone again before it was taken
        if (error instanceof Deno.errors.ConnectionAborted) continue;
        return this[Symbol.dispose]();
      }
      if (this.#connections.size >= MOST_CONNECTIONS) close(connection);
      else this.#serve(connection);
    }
  }

  /** Answers one connection until it ends, whoever ends it. */
  async #serve(connection: Deno.UnixConn): Promise<void> {
    this.#connections.add(connection);
    const splitter = new LineSplitter(LONGEST_REQUEST);
    const chunk = new Uint8Array(LONGEST_REQUEST);
    try {
      for (let length; (length = await connection.read(chunk)) !== null;) {
        const lines = [...splitter.push(chunk.subarray(0, length))].map((line) =>
          line.length < LONGEST_REQUEST ? decoder.decode(line) : ""
        );
        for (const line of lines) await write(connection, this.#answerTo(line));
      }
    } catch (error) {
      // whoever has asked has gone, which is no concern of the run
      if (!(error instanceof Error)) throw error;
    } finally {
      this.#connections.delete(connection);
      close(connection);
    }
  }

  #answerTo(line: string): Answer {
    try {
      return this.#answer(parseRequest(line));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { ok: false, error: error.message };
    }
  }
}

async function write(connection: Deno.UnixConn, answer: Answer): Promise<void> {
  const bytes = encoder.encode(`${JSON.stringify(answer)}\n`);
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

function close(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch (error) {
    // closed by the other one of us
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** What cannot be removed stays, which is no concern of the run: the next one replaces it. */
function clearAway(path: string, remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    logger.warn("cannot remove {path}: {why}", { path, why: error.message });
  }
}

/** Removes a socket; anything else that has its name stays. */
function removeSocket(path: string): void {
  if (isSocket(path) === true) Deno.removeSync(path);
}

/** A socket may be replaced, anything else may not. */
function demandFree(path: string): void {
  if (isSocket(path) === false) throw new Error(`${path} is there, and is not a socket`);
}

/** Undefined where there is nothing. */
function isSocket(path: string): boolean | undefined {
  try {
    return Deno.lstatSync(path).isSocket ?? false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
