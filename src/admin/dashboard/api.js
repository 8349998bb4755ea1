// Calls. Every one carries the token, if there is one, and ends within a time.

const KEY = "binleaf-token";
const LONGEST_WAIT = 10_000;

/** Kept for this tab only; where the browser keeps nothing, for this page. */
let held = "";

export function token() {
  try {
    return sessionStorage.getItem(KEY) ?? held;
  } catch {
    return held;
  }
}

export function setToken(text) {
  held = text;
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // It is held by the page.
  }
}

/** Whether a header can carry it. */
export function isPresentable(text) {
  return /^[\x21-\x7e]+$/.test(text);
}

/** An answer that is a refusal, in the words of the API. */
export class Refused extends Error {
  constructor(status, body) {
    const said = body?.error ?? {};
    super(said.message ?? `the answer is ${status}`);
    this.status = status;
    this.code = said.code ?? "";
    this.hint = said.hint ?? "";
    this.body = body;
  }
}

/** No answer at all. */
export class Away extends Error {}

export const read = (path) => call("GET", path);

export async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await ask(new URL(`api/sync/${path}`, document.baseURI), {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(LONGEST_WAIT),
    cache: "no-store",
    credentials: "same-origin",
    redirect: "error",
    referrerPolicy: "no-referrer",
  });
  return answer;
}

async function ask(url, options) {
  let answer;
  let text;
  try {
    answer = await fetch(url, options);
    text = await answer.text();
  } catch {
    throw new Away("no answer");
  }
  const body = parsed(text);
  if (answer.ok && body !== undefined) return body;
  // Whatever answers in its place, such as a proxy before it, does not speak its language.
  if (body === undefined && answer.status !== 401) throw new Away(`the answer is ${answer.status}`);
  throw new Refused(answer.status, body);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
