// Dead letters, schema changes and runs: lists of what has happened, the newest first.

import { Refused, read } from "./api.js";
import { byId, element, foreign, say, show, visible, visibleLines } from "./dom.js";
import { ago, count, many, moment, span } from "./format.js";
import { words } from "./notices.js";

/** The most entries that are drawn, and the most tables of one run. */
const MOST = 100;

const RUN_TONES = { success: "good", partial: "warn", failed: "bad", running: "busy" };

export const askLetters = () => ask("letters", `dead-letters?limit=${MOST}`, showLetters);
export const askChanges = () => ask("changes", `schema-changes?limit=${MOST}`, showChanges);
export const askRuns = () => ask("runs", "runs", showRuns);

/** What was shown stays while a side cannot be asked. A route that is not there takes its tab away. */
async function ask(name, path, shown) {
  const problem = byId(`${name}-problem`);
  try {
    shown(await read(path));
    say(problem, "");
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401) throw error;
    if (error.code === "unknown_route") show(byId(`tab-${name}`), false);
    say(problem, words(error).filter(Boolean).join(". "));
  }
}

function fill(name, entries, nothing) {
  const list = byId(`${name}-list`);
  const isNew = list.dataset.shown !== JSON.stringify(entries.map((entry) => entry.key));
  if (!isNew) return;
  list.dataset.shown = JSON.stringify(entries.map((entry) => entry.key));
  const opened = new Set([...list.querySelectorAll("details[open]")].map((details) => details.dataset.key));
  const focused = document.activeElement?.closest?.("details")?.dataset.key;
  const items = entries.map(({ make }) => element("li", "", ...make()));
  list.replaceChildren(...(items.length > 0 ? items : [element("li", "nothing muted", nothing)]));
  for (const details of list.querySelectorAll("details")) {
    details.open = opened.has(details.dataset.key);
    if (details.dataset.key === focused) details.querySelector("summary").focus();
  }
}

function showLetters({ total, dead_letters: letters }) {
  fill(
    "letters",
    letters.map((letter) => ({ key: [letter.id, letter.at, letter.attempts], make: () => letterLines(letter) })),
    "No dead letters: every change could be written.",
  );
  const more = total > letters.length ? `The newest ${count(letters.length)} of ${count(total)}. ` : "";
  say(byId("letters-how"), `${more}With key and row: GET /api/sync/dead-letters?values=true`);
  show(byId("letters-replay"), total > 0);
}

function letterLines(letter) {
  const head = element("p", "", foreign(letter.table, "strong"), ` ${visible(letter.operation)} `);
  if (letter.code) head.append(element("span", "muted", `code ${visible(letter.code)} `));
  head.append(when(letter.at));
  const tries = letter.attempts > 1 ? `, ${many(letter.attempts, "try", "tries")}` : "";
  return [
    head,
    element("p", "wrap", visible(letter.reason)),
    element("p", "wrap muted small mono", `${visible(letter.position ?? "first copy")}${tries}`),
  ];
}

function showChanges({ schema_changes: changes }) {
  fill(
    "changes",
    changes.map((change) => ({ key: change.id, make: () => changeLines(change) })),
    "No schema changes so far.",
  );
}

function changeLines(change) {
  const head = element("p", "", foreign(change.table, "strong"), " ", element("span", "muted", visible(change.action ?? "")), " ", when(change.at));
  return [
    head,
    element("p", "wrap mono lines", visibleLines(change.statement)),
    ...columnLines("new", change.after, change.before),
    ...columnLines("gone", change.before, change.after),
    element("p", "wrap muted small mono", visible(change.position ?? "")),
  ];
}

/** The columns that one of two schemas has and the other has not. */
function columnLines(what, schema, other) {
  if (!schema?.columns || !other?.columns) return [];
  const known = new Set(other.columns.map((column) => column.name));
  const names = schema.columns.map((column) => column.name).filter((name) => !known.has(name));
  if (names.length === 0) return [];
  const line = element("p", "columns", element("span", "muted", `${names.length === 1 ? "column" : "columns"} ${what}`));
  line.append(...names.map((name) => element("span", "column", foreign(name))));
  return [line];
}

function showRuns({ runs }) {
  fill(
    "runs",
    runs.map((run) => ({ key: [run.run_id, run.status, run.status === "running" ? run.duration_seconds : 0], make: () => runLines(run) })),
    "No run so far.",
  );
}

function runLines(run) {
  const pill = element("span", "pill", run.status);
  pill.dataset.tone = RUN_TONES[run.status] ?? "off";
  const tables = Object.entries(run.tables);
  const ended = run.failed_tables > 0 ? `${count(run.successful_tables)} well, ${count(run.failed_tables)} not` : many(run.successful_tables, "table");
  const summary = element("summary", "", pill, element("span", "", run.sync_type === "full" ? "all rows" : "what has changed"));
  summary.append(
    element("span", "muted", `${ended}, ${many(run.total_records_synced, "record")}, ${span(run.duration_seconds)}`),
    when(run.start_time),
  );
  const details = element("details", "", summary);
  details.dataset.key = run.run_id;
  if (run.error) details.append(element("p", "refusal wrap", visible(run.error)));
  details.append(...runTables(tables), element("p", "muted small mono", visible(run.run_id)));
  return [details];
}

/** What went wrong first. */
function runTables(tables) {
  const isWell = ([, table]) => ["success", "running"].includes(table.status);
  const ordered = [...tables.filter((one) => !isWell(one)), ...tables.filter(isWell)];
  const items = ordered.slice(0, MOST).map(([name, table]) => {
    const counts = `${count(table.records_created)} made, ${count(table.records_updated)} changed, ${count(table.records_deleted)} removed, ${span(table.duration_seconds)}`;
    const item = element("li", "", foreign(name, "strong"), ` ${visible(table.status)} `, element("span", "muted", counts));
    if (table.error) item.append(element("p", "refusal wrap", [table.error, table.hint].filter(Boolean).map(visible).join(". ")));
    return item;
  });
  if (ordered.length > MOST) items.push(element("li", "muted", `and ${many(ordered.length - MOST, "more table")}`));
  return [element("ul", "run-tables", ...items)];
}

function when(time) {
  const shown = element("time", "muted", ago(time));
  shown.dateTime = time ?? "";
  shown.title = moment(time);
  shown.dataset.at = time ?? "";
  return shown;
}

/** Times that are told as "so long ago" grow older. */
export function age() {
  for (const shown of document.querySelectorAll("time[data-at]")) say(shown, ago(shown.dataset.at));
}
