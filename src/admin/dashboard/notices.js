// What became of a command: refusals stay until they are put away, the rest goes by itself.

import { Away, Refused } from "./api.js";
import { byId, element } from "./dom.js";

const SHOWN_FOR = 6_000;
const MOST = 4;

export function done(text) {
  const notice = post("good", "status", [element("p", "", text)]);
  setTimeout(() => notice.remove(), SHOWN_FOR);
}

/** Tells why a command was not done. */
export function refuse(what, error) {
  const [message, hint] = words(error);
  const parts = [element("p", "strong", `${what}: ${message}`)];
  if (hint) parts.push(element("p", "hint", hint));
  post("bad", "alert", parts);
}

export function words(error) {
  if (error instanceof Refused) return [error.message, error.hint];
  if (error instanceof Away) return ["binleaf does not answer", "nothing is known of what it did; the state tells"];
  throw error;
}

function post(tone, role, parts) {
  const close = element("button", "quiet", "Put away");
  close.type = "button";
  const notice = element("div", "notice", element("div", "", ...parts), close);
  notice.dataset.tone = tone;
  notice.setAttribute("role", role);
  close.addEventListener("click", () => notice.remove());
  const host = byId("notices");
  host.append(notice);
  while (host.children.length > MOST) host.firstElementChild.remove();
  return notice;
}
