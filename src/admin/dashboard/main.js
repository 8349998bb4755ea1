// Puts the parts together. It asks the API and shows what it says; nothing is kept but the token and the colours.

import { read } from "./api.js";
import { byId, say, show, tone } from "./dom.js";
import { age, askChanges, askLetters, askRuns } from "./entries.js";
import { Figures } from "./figures.js";
import { clock, span } from "./format.js";
import { Gate } from "./gate.js";
import { History } from "./history.js";
import { Rounds } from "./rounds.js";
import { askHealth, namesTask, showPosition, wireSides } from "./sides.js";
import { showState } from "./state.js";
import { Steering } from "./steering.js";
import { Tables } from "./tables.js";
import { Tabs } from "./tabs.js";

/** With more tables than this they are not asked for with every status. */
const FEW_TABLES = 300;
const MANY_TABLES_EVERY = 10_000;

const history = new History();
const figures = new Figures(history);
const steering = new Steering(() => rounds.again());
const tables = new Tables((name) => steering.openRun(name));
const tabs = new Tabs(byId("tabs"), () => rounds.again());
const gate = new Gate(() => rounds.start(), lock);

let tablesKnown = { number: 0, at: -Infinity };
let awaySince = 0;
let lastSeen = 0;

async function askStatus() {
  const now = performance.now();
  const isDue = tablesKnown.number <= FEW_TABLES || now - tablesKnown.at >= MANY_TABLES_EVERY;
  const status = await read(isDue ? "status" : "status?tables=false");
  // It was asked before the token was found to be the wrong one.
  if (rounds.isStopped) return;
  tablesKnown = { number: status.sync_data.total_tables, at: isDue ? now : tablesKnown.at };
  gate.open();
  showStatus(status);
}

function showStatus(status) {
  const replication = status.replication;
  const at = Date.now();
  history.add({ at, lag: replication.lag_seconds, rate: replication.events_per_second, rows: replication.snapshot.rows_done });
  showState(status);
  figures.show(status);
  figures.draw(at);
  showPosition(replication);
  steering.show(status);
  tables.showStatus(status);
  age();
}

const isChosen = (id) => () => tabs.chosen === id && !document.hidden;
const rounds = new Rounds(
  askStatus,
  [
    { every: 5_000, isDue: () => true, run: askHealth },
    namesTask,
    { every: 30_000, isDue: isChosen("tab-tables"), run: () => tables.ask() },
    { every: 5_000, isDue: isChosen("tab-letters"), run: askLetters },
    { every: 10_000, isDue: isChosen("tab-changes"), run: askChanges },
    { every: 2_000, isDue: isChosen("tab-runs"), run: askRuns },
  ],
  { seen, away, locked: () => gate.close() },
);

function lock() {
  rounds.stop();
  tone(byId("link"), "off");
  say(byId("link-text"), "Locked");
  document.title = "binleaf";
}

function seen() {
  awaySince = 0;
  lastSeen = Date.now();
  showLink();
}

function away() {
  awaySince ||= Date.now();
  show(byId("gate"), false);
  show(byId("main"), true);
  figures.draw(Date.now());
  showLink();
}

function showLink() {
  const isAway = awaySince > 0;
  tone(byId("link"), isAway ? "bad" : "good");
  say(byId("link-text"), isAway ? "No answer" : "Live");
  show(byId("away"), isAway);
  document.body.classList.toggle("stale", isAway);
  if (!isAway) return;
  document.title = "No answer · binleaf";
  const since = `Since ${clock(awaySince)} (${span((Date.now() - awaySince) / 1000)}).`;
  const shown = lastSeen ? ` What is shown is of ${clock(lastSeen)}.` : "";
  say(byId("away-text"), `${since}${shown} It goes on being asked.`);
}

wireSides();
rounds.start();
