// The servers of the run: a source database and a target database of one test, and a proxy that can stall.

import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import net from "node:net";
import { fileURLToPath } from "node:url";

import { atEnd } from "./ends.mjs";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const TOOL = `${ROOT}/dev/servers`;

function given(variable) {
  const text = process.env[variable];
  if (!text) throw new Error(`${variable} is not set: run dev/dashboard, which starts the servers and names them`);
  return new URL(text);
}

export const source = () => given("TEST_MYSQL_URL");
export const target = () => given("TEST_MONGODB_URL");

/** Databases of random names on both sides, gone at the end of the test. */
export class Pair {
  name;
  password = `cnry-${randomBytes(8).toString("hex")}`;

  static async of(test, word = "t") {
    const pair = new Pair();
    pair.name = `${word}_${randomBytes(4).toString("hex")}`;
    atEnd(test, () => pair.remove());
    await pair.sql(`CREATE DATABASE ${pair.name};
      CREATE USER ${pair.name}@'%' IDENTIFIED BY '${pair.password}';
      GRANT SELECT ON ${pair.name}.* TO ${pair.name}@'%';
      GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${pair.name}@'%'`, "");
    return pair;
  }

  /** Runs statements as an administrator. */
  sql(statements, database = this.name) {
    return new Promise((resolve, reject) => {
      const arguments_ = ["sql", "mysql", "-N", ...(database ? [database] : [])];
      const client = execFile(TOOL, arguments_, { maxBuffer: 1 << 26 }, (error, output) => (error ? reject(error) : resolve(output)));
      client.stdin.end(statements);
    });
  }

  /** A client that stays connected: what is written to it is run. */
  client(test) {
    const client = spawn(TOOL, ["sql", "mysql", "-N", this.name], { stdio: ["pipe", "ignore", "inherit"] });
    atEnd(test, () => client.stdin.end());
    return (statements) => client.stdin.write(`${statements};\n`);
  }

  async remove() {
    await this.sql(`DROP DATABASE IF EXISTS ${this.name}; DROP USER IF EXISTS ${this.name}@'%'`, "");
    await dropTarget(this.name);
  }
}

/** One command of MongoDB's protocol, which is all that a driver would be wanted for: {dropDatabase: 1, $db: name}. */
async function dropTarget(name) {
  const { hostname, port } = target();
  const text = Buffer.from(`${name}\0`);
  const fields = Buffer.concat([Buffer.from("\x10dropDatabase\0\x01\0\0\0\x02$db\0"), int32(text.length), text, Buffer.of(0)]);
  const body = Buffer.concat([int32(0), Buffer.of(0), int32(fields.length + 4), fields]);
  const header = Buffer.concat([int32(body.length + 16), int32(1), int32(0), int32(2013)]);
  const socket = net.connect(Number(port), hostname);
  socket.end(Buffer.concat([header, body]));
  for await (const _ of socket) break;
}

function int32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(number);
  return bytes;
}

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** In front of a server; stalled, connections stay open and nothing passes. */
export class Proxy {
  #sockets = new Set();
  #isStalled = false;
  #server;

  static async to(test, { hostname, port }) {
    const proxy = new Proxy();
    proxy.#server = net.createServer((client) => proxy.#join(client, net.connect(Number(port), hostname)));
    await new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.port = proxy.#server.address().port;
    atEnd(test, () => proxy.close());
    return proxy;
  }

  #join(client, server) {
    this.#carry(client, server);
    this.#carry(server, client);
  }

  #carry(from, to) {
    this.#sockets.add(from);
    from.on("data", (bytes) => {
      if (to.write(bytes)) return;
      from.pause();
      to.once("drain", () => this.#isStalled || from.resume());
    });
    from.on("error", () => from.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#isStalled) from.pause();
  }

  stall() {
    this.#isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  fair() {
    this.#isStalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
