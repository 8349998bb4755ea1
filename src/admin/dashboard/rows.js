// The tables as one list: what the pipeline does with each, beside what the source says of it. Found, sorted, cut in pages.
// Ten thousand are as quick as ten: only a page of them is ever drawn.

export const PAGE = 50;

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** How pressing a state is, for the order by state. */
const URGENCY = ["bad", "running", "pending", "success", "other"];

/** Joins both answers; either may be absent. */
export function joined(tables, described) {
  const rows = new Map();
  for (const [name, sync] of Object.entries(tables ?? {})) rows.set(name, row(name, sync, undefined));
  for (const view of described ?? []) {
    const known = rows.get(view.name);
    rows.set(view.name, row(view.name, known?.sync ?? view.sync, view));
  }
  return [...rows.values()];
}

function row(name, sync, view) {
  const [state, words] = stateOf(sync, view);
  return {
    name,
    sync,
    view,
    state,
    words,
    rows: sync?.records_synced ?? 0,
    estimated: view?.rows_estimated ?? NaN,
    last: sync?.last_sync_time ?? "",
    error: view?.last_error ?? "",
    sought: name.toLowerCase(),
  };
}

/** A state's kind, and the words for it. */
function stateOf(sync, view) {
  const status = sync?.status ?? "";
  const letters = Number(/^diverged: (\d+)/.exec(status)?.[1] ?? view?.dead_letters ?? 0);
  if (view?.problem) return ["bad", "cannot be copied"];
  if (letters > 0) return ["bad", letters === 1 ? "1 dead letter" : `${letters} dead letters`];
  if (status === "success") return ["success", "in sync"];
  if (status === "running") return ["running", "copying"];
  if (status === "pending" || !sync) return ["pending", "waiting"];
  return [/fail|error|diverged|skipped|partial/.test(status) ? "bad" : "other", status];
}

const ORDERS = {
  name: (left, right) => collator.compare(left.name, right.name),
  state: (left, right) => URGENCY.indexOf(left.state) - URGENCY.indexOf(right.state),
  rows: (left, right) => left.rows - right.rows,
  last: (left, right) => (left.last < right.last ? -1 : left.last > right.last ? 1 : 0),
  error: (left, right) => Number(left.error === "") - Number(right.error === "") || collator.compare(left.error, right.error),
};

/** Those that match, in order; equals stay by name. */
export function selected(rows, { text, state, sort, isDown }) {
  const sought = text.trim().toLowerCase();
  const found = rows.filter((one) => (!sought || one.sought.includes(sought)) && (!state || one.state === state));
  const way = isDown ? -1 : 1;
  const order = ORDERS[sort];
  return found.sort((left, right) => way * order(left, right) || ORDERS.name(left, right));
}
