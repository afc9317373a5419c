import assert from "node:assert/strict";
import type { Answer, Request } from "../../src/control/protocol.ts";
import { ControlServer } from "../../src/control/server.ts";
import { shortPath, socketPath } from "../../src/control/socket_path.ts";
import { scratchDirectory } from "../testing/scratch.ts";

const unix = Deno.build.os !== "windows";

/** A directory of its own, with the full path of a database in it that need not be there. */
class Place implements Disposable {
  readonly top = Deno.realPathSync(scratchDirectory());
  readonly database: string;
  readonly requests: Request[] = [];

  constructor(below = "sluice.db") {
    this.database = `${this.top}/${below}`;
    Deno.mkdirSync(this.database.slice(0, this.database.lastIndexOf("/")), { recursive: true });
  }

  serve(): ControlServer {
    return ControlServer.open(this.database, (request) => {
      this.requests.push(request);
      return { ok: true, message: `did ${request.command}` } as Answer;
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.top, { recursive: true });
  }
}

/** Sends a text as it is, and gives what comes back until the other end closes, or so many lines. */
async function say(database: string, text: string | Uint8Array, answers: number): Promise<string> {
  using short = shortPath(socketPath(database));
  using connection = await Deno.connect({ transport: "unix", path: short.path });
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
  let back = "";
  const chunk = new Uint8Array(4096);
  while (back.split("\n").length <= answers) {
    const length = await connection.read(chunk);
    if (length === null) break;
    back += new TextDecoder().decode(chunk.subarray(0, length));
  }
  return back;
}

Deno.test(
  { name: "ControlServer is for its owner only, and gone at the end", ignore: !unix },
  () => {
    using place = new Place();
    const path = `${place.database}-ctl`;
    const umask = Deno.umask();
    {
      using _server = place.serve();
      const { isSocket, mode } = Deno.lstatSync(path);
      assert.ok(isSocket);
      assert.equal(mode! & 0o777, 0o600);
      assert.equal(Deno.umask(), umask);
    }
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  },
);

Deno.test({
  name: "ControlServer ends without an error when its socket cannot be removed",
  ignore: !unix,
  fn() {
    using place = new Place("d/sluice.db");
    const server = place.serve();
    Deno.renameSync(`${place.top}/d`, `${place.top}/away`);
    Deno.writeTextFileSync(`${place.top}/d`, "in the way");
    server[Symbol.dispose]();
    assert.ok(Deno.lstatSync(`${place.top}/away/sluice.db-ctl`).isSocket);
  },
});

Deno.test({
  name: "ControlServer answers each line in order, and says what is wrong with one",
  ignore: !unix,
  async fn() {
    using place = new Place();
    using _server = place.serve();
    const lines = [
      '{"command":"limit","rate":"2M:off","by":"anna\\u0007\\nand others"}',
      '{"command":"lanes","lanes":8}',
      '{"command":"lanes","lanes":"auto","by":"  "}',
      "nonsense",
      "[]",
      "null",
      '{"command":"explode"}',
      '{"command":"limit"}',
      '{"command":"limit","rate":"0"}',
      '{"command":"limit","rate":"08:00,1M"}',
      '{"command":"lanes","lanes":0}',
      `{"command":"status","by":"${"x".repeat(5000)}"}`,
      '{"command":"pause"}',
    ];
    const back = await say(place.database, lines.map((line) => `${line}\n`).join(""), lines.length);
    const answers: Answer[] = back.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(answers.map((answer) => answer.ok ? answer.message : answer.error), [
      "did limit",
      "did lanes",
      "did lanes",
      "Cannot read the request: it must be one JSON object on one line",
      'Cannot do undefined: "command" is one of status, limit, pause, resume, lanes, stop',
      "Cannot read the request: it must be one JSON object on one line",
      'Cannot do "explode": "command" is one of status, limit, pause, resume, lanes, stop',
      'Cannot set a limit without "rate", a text such as "50M" or "off"',
      'Cannot read "0" as a size: write a number above 0 such as 20M',
      'Cannot take the timetable "08:00,1M" here: write a rate such as 20M',
      'Cannot take "0" lanes: give 1 to 256, or auto',
      "Cannot read the request: it must be one JSON object on one line",
      "did pause",
    ]);
    assert.deepEqual(place.requests, [
      { command: "limit", rates: { read: 2 ** 21, write: null }, by: "anna and others" },
      { command: "lanes", lanes: 8, by: "the control socket" },
      { command: "lanes", lanes: null, by: "the control socket" },
      { command: "pause", by: "the control socket" },
    ]);
  },
});

Deno.test({
  name: "ControlServer takes a request that comes in pieces, and many at once",
  ignore: !unix,
  async fn() {
    using place = new Place();
    using _server = place.serve();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => say(place.database, '{"command":"status"}\n', 1)),
    );
    assert.ok(all.every((answer) => answer === '{"ok":true,"message":"did status"}\n'));
    using connection = await Deno.connect({ transport: "unix", path: `${place.database}-ctl` });
    for (const part of ['{"comm', 'and":"pau', 'se"}', "\n"]) {
      await connection.write(new TextEncoder().encode(part));
      await say(place.database, '{"command":"status"}\n', 1);
    }
    const chunk = new Uint8Array(100);
    const length = await connection.read(chunk);
    assert.match(new TextDecoder().decode(chunk.subarray(0, length!)), /did pause/);
  },
});

Deno.test({
  name: "ControlServer outlives whoever says nothing, goes away or sends rubbish",
  ignore: !unix,
  async fn() {
    using place = new Place();
    using _server = place.serve();
    using _silent = await Deno.connect({ transport: "unix", path: `${place.database}-ctl` });
    for (let i = 0; i < 40; i++) await say(place.database, new Uint8Array(10_000).fill(i), 0);
    assert.match(await say(place.database, '{"command":"status"}\n', 1), /did status/);
  },
});

Deno.test({
  name: "ControlServer takes the place of the socket of a run that was killed, and of nothing else",
  ignore: !unix,
  async fn() {
    using place = new Place();
    const path = `${place.database}-ctl`;
    // as a killed process leaves it: nobody listens, and it is there
    const listener = Deno.listen({ transport: "unix", path: `${path}-other` });
    Deno.linkSync(`${path}-other`, path);
    listener.close();
    await assert.rejects(
      Deno.connect({ transport: "unix", path }),
      Deno.errors.ConnectionRefused,
    );
    {
      using _server = place.serve();
      assert.match(await say(place.database, '{"command":"status"}\n', 1), /did status/);
    }
    Deno.writeTextFileSync(path, "mine");
    assert.throws(() => place.serve(), /is not a socket$/);
    assert.equal(Deno.readTextFileSync(path), "mine");
  },
});

for (
  const [what, below] of [
    ["path", `${"long/".repeat(60)}sluice.db`],
    ["name", `${"n".repeat(240)}.db`],
    ["name of many bytes", `${"語".repeat(60)}.db`],
  ] as const
) {
  Deno.test({
    name: `ControlServer can be reached when the database has a long ${what}`,
    ignore: !unix,
    async fn() {
      using place = new Place(below);
      {
        using _server = place.serve();
        assert.match(await say(place.database, '{"command":"status"}\n', 1), /did status/);
        assert.ok(Deno.lstatSync(socketPath(place.database)).isSocket);
      }
      assert.ok(!exists(socketPath(place.database)));
    },
  });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
