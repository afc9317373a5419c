/**
 * How sluice uses a network, beside rsync, cp and rclone, on real servers and real kernel clients.
 *
 * Works around a folder of scripts, the lab, that makes two servers and a shaped gigabit link on one
 * machine, and counts the bytes at the client's network interface. Without the lab this script says
 * so and ends; nothing else needs it. What the lab must have: `net-up.sh`, `sshd-up.sh`, `data.sh`,
 * `sshfs-mount.sh`, `ganesha-up.sh`, `smb-up.sh`, `uml-up.sh`, `uml-mount.sh`, `uml-sh.sh`,
 * `all-down.sh`, `compare.sh PROTOCOL SETS TOOLS`, which prints a line of JSON for each copy, and
 * `wire.py`, which leaves the bytes of each 100 ms in a file.
 *
 * Usage: `deno run -A scripts/compare_lab.ts [--lab DIRECTORY] [--binary PATH] [--only PARTS]`
 *
 * The lab may also be named by SLUICE_LAB. PARTS is a list with commas of sshfs, nfs, nfs-one,
 * nfs-small, smb, nfs-limit, smb-limit, nfs-ctl, smb-ctl. It needs root, and takes about 20 minutes.
 */
import { parseArgs } from "node:util";
import { type Effect, effects, steeredCopy } from "./lab_ctl.ts";
import { findBinary, runScript, WorkbenchError } from "./workbench.ts";

/** A line of JSON of the lab; more keys where there was a limit. */
interface Measured {
  readonly label: string;
  readonly rc: number;
  readonly secs: number;
  readonly duplex_factor: number;
  readonly [key: string]: number | string;
}

/** Copies that are compared with each other. */
interface Part {
  readonly name: string;
  readonly title: string;
  readonly protocol: string;
  readonly set: string;
  readonly tools: readonly string[];
  /** A millisecond is added to each packet that the client sends. */
  readonly delayed?: boolean;
  readonly limited?: boolean;
  /** The limit is changed while it runs. */
  readonly steered?: boolean;
}

const PARTS: readonly Part[] = [
  {
    name: "sshfs",
    title: "sshfs, 1 ms, 5,000 x 4 KiB",
    protocol: "sshfs",
    set: "small",
    tools: ["sluice", "rclone32", "rsync"],
  },
  {
    name: "nfs",
    title: "NFSv3, 4 x 256 MB",
    protocol: "nfs3",
    set: "huge",
    tools: ["sluice", "rsync", "rclone", "cp"],
  },
  {
    name: "nfs-one",
    title: "NFSv3, one file of 1 GB",
    protocol: "nfs3",
    set: "one",
    tools: ["sluice", "rsync"],
  },
  {
    name: "nfs-small",
    title: "NFSv3, 1 ms, 5,000 x 4 KiB",
    protocol: "nfs3",
    set: "small",
    tools: ["sluice", "rsync"],
    delayed: true,
  },
  {
    name: "smb",
    title: "SMB 3.1.1, 4 x 256 MB",
    protocol: "smb",
    set: "huge",
    tools: ["sluice", "rsync"],
  },
  ...["nfs", "smb"].flatMap((share) =>
    ["huge", "small"].map((set): Part => ({
      name: `${share}-limit`,
      title: `${share === "nfs" ? "NFSv3" : "SMB 3.1.1"}, ${
        set === "huge" ? "4 x 256 MB" : "5,000 x 4 KiB"
      }`,
      protocol: share === "nfs" ? "nfs3" : "smb",
      set,
      tools: share === "nfs" && set === "huge" ? ["bwsluice", "bwrsync", "bwrclone"] : ["bwsluice"],
      limited: true,
    }))
  ),
  ...["nfs", "smb"].map((share): Part => ({
    name: `${share}-ctl`,
    title: share === "nfs" ? "NFSv3" : "SMB 3.1.1",
    protocol: share === "nfs" ? "nfs3" : "smb",
    set: "huge",
    tools: [],
    steered: true,
  })),
];

class Lab {
  readonly #folder: string;
  readonly #binary: string;

  constructor(folder: string, binary: string) {
    this.#folder = folder;
    this.#binary = binary;
  }

  /** Runs a script of the lab; returns what it printed. */
  async run(script: string, ...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(`${this.#folder}/${script}`, {
      args,
      cwd: this.#folder,
      env: { SLUICE: this.#binary },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (success) return text(stdout);
    const said = text(stderr).trim().split("\n").slice(-3).join("; ");
    throw new WorkbenchError(`${script} ${args.join(" ")} of the lab failed: ${said}`);
  }

  /** Servers, data and clients. */
  async up(): Promise<void> {
    await this.run("net-up.sh", "1gbit", "500");
    for (const script of ["ganesha-up", "smb-up", "sshd-up", "data", "sshfs-mount", "uml-up"]) {
      await this.run(`${script}.sh`);
    }
    await this.run("uml-mount.sh", "nfs3");
    await this.run(
      "uml-sh.sh",
      "mkdir -p /mnt/src/one && [ -s /mnt/src/one/f ] || cat /mnt/src/huge/* > /mnt/src/one/f",
    );
  }

  async measure({ protocol, set, tools, delayed }: Part): Promise<Map<string, Measured>> {
    const results = new Map<string, Measured>();
    if (delayed) await this.run("uml-sh.sh", "tc qdisc add dev vec0 root netem delay 1ms");
    try {
      for (const tool of tools) {
        const line = (await this.run("compare.sh", protocol, set, tool)).trim();
        const measured: Measured = JSON.parse(line.split("\n").at(-1)!);
        if (measured.rc !== 0) throw new WorkbenchError(`${measured.label} failed`);
        console.error(`${measured.label}: ${measured.secs} s`);
        results.set(tool, measured);
      }
    } finally {
      if (delayed) await this.run("uml-sh.sh", "tc qdisc del dev vec0 root");
    }
    return results;
  }

  /** Changes the limit of a copy that runs, and tells when that is seen on the wire. */
  async steer({ name, protocol }: Part): Promise<Effect[]> {
    await this.run("uml-mount.sh", protocol);
    const at = { source: "/mnt/src/huge", destination: "/mnt/dst/out", temporary: "/mnt/tmp" };
    const { destination, temporary } = at;
    await this.run(
      "uml-sh.sh",
      `rm -rf /mnt/dst/* ${temporary}; mkdir -p ${temporary} ${destination}; sync`,
    );
    const copy = [`${this.#folder}/uml-sh.sh`, steeredCopy(this.#binary, at)];
    const { rc } = JSON.parse(
      await this.run("wire.py", "lab-uml", name, "1000", "0", "--", ...copy),
    );
    if (rc !== 0) throw new WorkbenchError(`${name} failed`);
    const lab = Deno.env.get("LAB") ?? `${Deno.env.get("TMPDIR") ?? "/tmp"}/sluice-lab`;
    const samples = JSON.parse(Deno.readTextFileSync(`${lab}/results/${name}.s100.json`));
    return effects(samples, await this.run("uml-sh.sh", `cat ${temporary}/steps`));
  }
}

function printEffects(results: ReadonlyMap<Part, readonly Effect[]>): void {
  console.log(
    "\n| a copy with 20 MiB/s | `sluice ctl` | the answer took | it held after it, read | written |",
  );
  console.log("|---|---|---:|---:|---:|");
  const seconds = (value: number | null) => value === null ? "never" : `${value.toFixed(1)} s`;
  for (const [{ title }, steps] of results) {
    for (const { words, took, read, written } of steps) {
      const cells = [title, `\`${words}\``, ...[took, read, written].map(seconds)];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

function printSpeeds(results: ReadonlyMap<Part, Map<string, Measured>>): void {
  const tools = ["sluice", "rsync", "rclone", "cp"];
  console.log("\n| copy | sluice | rsync | rclone | cp | rsync / sluice |");
  console.log("|---|---:|---:|---:|---:|---:|");
  for (const [part, measured] of results) {
    if (part.limited) continue;
    const of = (tool: string) => measured.get(tool) ?? measured.get(`${tool}32`);
    const cells = tools.map((tool) => {
      const one = of(tool);
      if (one === undefined) return "-";
      const both = part.set === "small" ? "" : `, ${one.duplex_factor.toFixed(2)}`;
      return `${one.secs.toFixed(1)} s${both}`;
    });
    const ratio = (of("rsync")?.secs ?? NaN) / of("sluice")!.secs;
    console.log(`| ${part.title} | ${cells.join(" | ")} | ${ratio.toFixed(1)} |`);
  }
}

function printLimits(results: ReadonlyMap<Part, Map<string, Measured>>): void {
  console.log(
    "\n| with a limit of 20 MiB/s | tool | 1 s, read | written | 100 ms, read | written | mean |",
  );
  console.log("|---|---|---:|---:|---:|---:|---:|");
  for (const [part, measured] of results) {
    if (!part.limited) continue;
    for (const [tool, one] of measured) {
      const keys = ["rx_peak1s/lim", "tx_peak1s/lim", "rx_peak100ms/lim", "tx_peak100ms/lim"];
      const cells = [...keys, "tx_mean/lim"].map((key) => Number(one[key]).toFixed(2));
      console.log(`| ${part.title} | ${tool.slice(2)} | ${cells.join(" | ")} |`);
    }
  }
}

await runScript("compare_lab", async () => {
  const { values } = parseArgs({
    options: {
      lab: { type: "string" },
      binary: { type: "string" },
      only: { type: "string" },
    },
  });
  const folder = values.lab ?? Deno.env.get("SLUICE_LAB");
  if (folder === undefined) {
    console.error("compare_lab: no lab here; name its folder by --lab or SLUICE_LAB");
    return 0;
  }
  const only = values.only?.split(",") ?? PARTS.map(({ name }) => name);
  const unknown = only.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined) throw new WorkbenchError(`--only does not know "${unknown}"`);
  const lab = new Lab(Deno.realPathSync(folder), findBinary(values.binary));
  const results = new Map<Part, Map<string, Measured>>();
  const steered = new Map<Part, Effect[]>();
  try {
    await lab.up();
    for (const part of PARTS.filter(({ name }) => only.includes(name))) {
      if (part.steered) steered.set(part, await lab.steer(part));
      else results.set(part, await lab.measure(part));
    }
  } finally {
    await lab.run("all-down.sh");
  }
  const parts = [...results.keys()];
  if (parts.some(({ limited }) => !limited)) printSpeeds(results);
  if (parts.some(({ limited }) => limited)) printLimits(results);
  if (steered.size > 0) printEffects(steered);
  return 0;
});
