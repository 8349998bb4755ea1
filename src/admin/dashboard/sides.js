// Source and target: how they are, and a test of both on demand. Also the position, to be copied.

import { Refused, read } from "./api.js";
import { byId, copyText, say, show, tone, visible } from "./dom.js";
import { NONE, ago, clock, count, moment, span } from "./format.js";
import { refuse } from "./notices.js";

const TONES = { healthy: "good", starting: "busy", degraded: "warn", unhealthy: "bad" };
const WORDS = { healthy: "answers", starting: "starting", degraded: "degraded", unhealthy: "does not answer" };

export async function askHealth() {
  showHealth(await read("health"));
}

function showHealth(health) {
  showSide("source", health.mysql_connection);
  showSide("target", health.mongodb_connection);
  say(byId("tile-pending"), count(health.pending_operations));
  say(byId("tile-errors"), count(health.error_count));
  tone(byId("tile-errors").parentElement, "off");
}

function showSide(side, condition) {
  const pill = byId(`${side}-state`);
  say(pill, WORDS[condition] ?? condition ?? NONE);
  tone(pill, TONES[condition] ?? "off");
}

/** Connects to both sides anew; a side that does not answer is part of the answer. */
async function test() {
  let seen;
  try {
    seen = await read("test-connection");
  } catch (error) {
    if (!(error instanceof Refused) || !error.body?.target) throw error;
    seen = error.body;
  }
  showNames(seen);
  return seen;
}

let areNamesKnown = false;

/** The names of both sides come with a test: one is made unasked, and again while the source does not tell its own. */
export const namesTask = {
  every: 30_000,
  isDue: () => !areNamesKnown,
  run: async () => {
    areNamesKnown = Boolean((await test()).host);
  },
};

async function testBoth() {
  const seen = await test();
  const isWell = seen.connected && seen.target.connected;
  const told = isWell
    ? `Both answered: the source within ${span(seen.response_seconds)}, the target within ${span(seen.target.response_seconds)}.`
    : [seen, seen.target].map(complaint).filter(Boolean).join(" ");
  say(byId("test-result"), `${clock(Date.now())}: ${told}`);
  tone(byId("test-result"), isWell ? "good" : "bad");
}

function complaint({ error, hint }) {
  return error ? `${visible(error)}.${hint ? ` ${visible(hint)}.` : ""}` : "";
}

function showNames(seen) {
  const source = `${visible(seen.database)}${seen.host ? ` at ${visible(seen.host)}` : ""}`;
  say(byId("source-text"), source);
  say(byId("target-text"), visible(seen.target.database));
  say(byId("route"), `${visible(seen.database)} → ${visible(seen.target.database)}`);
}

export function wireSides() {
  byId("test").addEventListener("click", async () => {
    byId("test").disabled = true;
    say(byId("test-result"), "");
    try {
      await testBoth();
    } catch (error) {
      refuse("Test", error);
    }
    byId("test").disabled = false;
  });
  for (const button of document.querySelectorAll("[data-copies]")) button.addEventListener("click", () => copy(button));
}

async function copy(button) {
  const isDone = await copyText(byId(button.dataset.copies));
  say(button, isDone ? "Copied" : "Press Ctrl+C");
  setTimeout(() => say(button, "Copy"), 2_000);
}

export function showPosition({ mode, position, source_position: source }) {
  show(byId("position-card"), mode !== "poll" || position !== null);
  showPlace("position", position, "not known until the first copy is whole");
  showPlace("source", source, "not read yet");
  const applied = position?.applied_at;
  say(byId("position-note"), applied ? `moved ${ago(applied)}` : "");
  byId("position-note").title = applied ? moment(applied) : "";
}

function showPlace(name, place, otherwise) {
  const file = place?.file ? `${place.file}:${place.offset}` : "";
  const text = place?.gtid_set || file;
  say(byId(`${name}-set`), text || otherwise);
  byId(`${name}-set`).classList.toggle("muted", !text);
  byId(`${name}-set`).title = text && file ? file : "";
  show(byId(`${name}-copy`), Boolean(text));
}
