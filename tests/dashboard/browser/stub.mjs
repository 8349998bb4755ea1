// A server that gives the page of a real binleaf, and of itself what the API says: ten thousand tables are not made in a
// test's time.

import http from "node:http";

import { atEnd } from "./ends.mjs";
import { freePort } from "./servers.mjs";

/** answers: by path below /api/sync/, a function of the query. */
export async function stub(test, binleaf, answers) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://stub");
    const name = url.pathname.replace("/api/sync/", "");
    if (name === url.pathname) return forward(binleaf, url.pathname, response);
    const answer = answers[name] ?? (() => ({}));
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(answer(url.searchParams)));
  });
  const port = await freePort();
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  atEnd(test, () => server.close());
  return `http://127.0.0.1:${port}`;
}

/** The page and its parts, with their headers. */
async function forward(binleaf, path, response) {
  const answer = await fetch(`${binleaf.address}${path}`);
  for (const name of ["content-type", "content-security-policy", "x-content-type-options"]) {
    if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name));
  }
  response.statusCode = answer.status;
  response.end(Buffer.from(await answer.arrayBuffer()));
}
