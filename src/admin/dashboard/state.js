// The head of the page: phase, what it waits for, the last error.

import { byId, say, show, tone, visible } from "./dom.js";
import { ago, many, moment, span, until } from "./format.js";

const SIDES = { source: "the source (MySQL)", target: "the target (MongoDB)" };

/** How each phase is called, coloured and explained. */
const PHASES = {
  starting: ["Starting", "busy", () => "Connecting, checking, and reading the saved state."],
  snapshot: ["Copying", "busy", ({ snapshot }) => `The first copy is being read: ${snapshot.tables_done} of ${many(snapshot.tables_total, "table")} done.`],
  catching_up: ["Catching up", "busy", () => "The copy is read; what changed meanwhile is being applied."],
  streaming: ["Streaming", "good", streaming],
  polling: ["Polling", "busy", () => "A run is under way."],
  idle: ["Idle", "good", (_, status) => nextRun(status)],
  retrying: ["Retrying", "warn", ({ waiting_for: side }) => `Waiting for ${SIDES[side] ?? "a side"}, which does not answer. It is tried again and again; nothing is lost.`],
  stopped: ["Stopped", "off", () => "It has ended on purpose."],
  failed: ["Failed", "bad", () => "It has ended by a fault. Mend the cause, then start it again."],
};

function streaming({ lag_seconds: lag }) {
  if (lag > 0) return `The target is ${span(lag)} behind the source.`;
  return "Everything that is committed at the source is in the target.";
}

export function nextRun({ next_sync: next, scheduler }) {
  if (!scheduler?.running) return "The schedule is off: runs begin by hand only.";
  return next ? `The next run begins ${until(next)}.` : "The next run is not set yet.";
}

/** What is told of a status in words: title, tone, sentence. */
export function told(status) {
  const replication = status.replication;
  const known = PHASES[replication.phase];
  const [title, colour, sentence] = known ?? [replication.phase, "busy", () => ""];
  const isOver = ["stopped", "failed"].includes(replication.phase);
  if (!replication.paused || isOver) return [title, colour, sentence(replication, status)];
  const rest = replication.phase === "retrying" ? ` ${sentence(replication, status)}` : "";
  return ["Paused", "warn", `Nothing is applied until it is resumed. The lag grows meanwhile.${rest}`];
}

let spoken = "";

export function showState(status) {
  const replication = status.replication;
  const [title, colour, sentence] = told(status);
  tone(byId("state"), colour);
  say(byId("phase-text"), title);
  say(byId("phase-sentence"), sentence);
  const reason = replication.mode === "poll" && replication.mode_reason;
  show(byId("phase-reason"), Boolean(reason));
  if (reason) say(byId("phase-reason"), `Tables are polled because ${visible(reason)}`);
  document.title = `${title} · binleaf`;
  if (spoken !== title) say(byId("spoken"), `${title}. ${sentence}`);
  spoken = title;
  showFault(replication);
  say(byId("foot"), `binleaf ${replication.version}, started ${moment(replication.started_at)}`);
}

function showFault({ last_error: fault, phase }) {
  const box = byId("fault");
  show(box, Boolean(fault));
  if (!fault) return;
  const isPresent = ["retrying", "failed"].includes(phase);
  // What is over stands behind what is.
  const next = byId(isPresent ? "snapshot" : "details");
  if (box.nextElementSibling !== next) next.before(box);
  tone(box, phase === "failed" ? "bad" : isPresent ? "warn" : "off");
  say(byId("fault-title"), isPresent ? "What is wrong" : `Last error, ${ago(fault.at)}`);
  byId("fault-title").title = moment(fault.at);
  say(byId("fault-message"), visible(fault.message));
  say(byId("fault-hint"), fault.hint ? visible(fault.hint) : "");
}
