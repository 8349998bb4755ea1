// A running binleaf, started as its users start it.

import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { atEnd } from "./ends.mjs";
import { ROOT, freePort, source, target } from "./servers.mjs";

const PROGRAM = process.env.BINLEAF_PROGRAM ?? `${ROOT}/target/debug/binleaf`;
const DEADLINE = 120_000;

/** Asks again and again until something is so; the answer is what it is then. */
export async function until(wish, ask) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not ${wish} in time`);
    await sleep(50);
  }
}

export class Binleaf {
  #folder = mkdtempSync(join(tmpdir(), "binleaf-dashboard-"));
  #child;
  #token = "";

  /** more: further settings, as TOML by section. options: token, and another port of the target. */
  static async start(test, pair, more = {}, options = {}) {
    const binleaf = new Binleaf();
    binleaf.port = await freePort();
    binleaf.#token = options.token ?? "";
    writeFileSync(binleaf.#path("binleaf.toml"), binleaf.#settings(pair, more, options));
    atEnd(test, () => binleaf.#end());
    await binleaf.again();
    return binleaf;
  }

  get address() {
    return `http://127.0.0.1:${this.port}`;
  }

  #path(name) {
    return join(this.#folder, name);
  }

  #settings(pair, more, { token, targetPort }) {
    const from = source();
    const to = target();
    const sections = {
      "": {},
      source: { host: from.hostname, port: Number(from.port), user: pair.name, password: pair.password, database: pair.name },
      target: { uri: `mongodb://${to.hostname}:${targetPort ?? to.port}/?directConnection=true`, database: pair.name },
      http: { listen: `127.0.0.1:${this.port}` },
      retry: { initial: "50ms", max: "500ms" },
    };
    if (token) {
      writeFileSync(this.#path("token"), token);
      sections.http.token_file = this.#path("token");
    }
    for (const [name, keys] of Object.entries(more)) sections[name] = { ...sections[name], ...keys };
    const lines = ([name, keys]) => [...(name ? [`[${name}]`] : []), ...Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)];
    return Object.entries(sections).flatMap(lines).join("\n");
  }

  /** Starts it, and waits until it answers. */
  async again() {
    const log = openSync(this.#path("log"), "a");
    this.#child = spawn(PROGRAM, ["--config", this.#path("binleaf.toml"), "--log-format", "json", "run"], { env: {}, stdio: ["ignore", log, log] });
    await until("answering", async () => {
      if (this.#child.exitCode !== null) throw new Error(`binleaf ended:\n${this.#log()}`);
      return fetch(`${this.address}/health/live`).catch(() => false);
    });
  }

  async kill() {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  #log() {
    return readFileSync(this.#path("log"), "utf8").slice(-4000);
  }

  async #end() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  async read(path) {
    const headers = this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
    return (await fetch(`${this.address}/api/sync/${path}`, { headers })).json();
  }

  async call(method, path) {
    return (await fetch(`${this.address}/api/sync/${path}`, { method })).json();
  }

  /** Waits until the replication part of the status is as wished. */
  until(wish, isSo) {
    return until(wish, async () => {
      const { replication } = await this.read("status");
      return isSo(replication) && replication;
    });
  }

  phase(phase) {
    return this.until(phase, (replication) => replication.phase === phase);
  }
}
