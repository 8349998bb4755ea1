// The list of tables on the page, and what one of them is like when it is opened.

import { Refused, read } from "./api.js";
import { byId, element, foreign, say, show, tone, visible } from "./dom.js";
import { NONE, ago, brief, count, many, moment, span } from "./format.js";
import { words } from "./notices.js";
import { PAGE, joined, selected } from "./rows.js";

const TONES = { bad: "bad", running: "busy", pending: "off", success: "good", other: "warn" };

export class Tables {
  #run;
  #tables = {};
  #described = [];
  #note = "";
  #rows = [];
  #wish = { text: "", state: "", sort: "name", isDown: false };
  #page = 0;
  #lines = new Map();
  #open = new Set();
  #polls = false;

  /** run: opens the dialog of a run of one table. */
  constructor(run) {
    this.#run = run;
    byId("table-search").addEventListener("input", (event) => this.#seek({ text: event.target.value }));
    byId("table-state").addEventListener("change", (event) => this.#seek({ state: event.target.value }));
    byId("table-grid").tHead.addEventListener("click", (event) => this.#sort(event.target.closest("[data-sort]")));
    const turn = (id, to) => byId(id).addEventListener("click", () => this.#turn(to()));
    turn("page-first", () => 0);
    turn("page-back", () => this.#page - 1);
    turn("page-on", () => this.#page + 1);
    turn("page-last", () => Infinity);
  }

  /** What the status says of them; without its tables nothing is new. */
  showStatus(status) {
    this.#polls = status.replication.mode === "poll";
    if (!status.sync_data?.tables) return;
    this.#tables = status.sync_data.tables;
    this.#join();
  }

  /** What the source says of them. Where it cannot be asked the pipeline's own words stay. */
  async ask() {
    try {
      const answer = await read("tables");
      this.#described = answer.tables;
      this.#note = answer.problem ? `as the source told ${ago(answer.as_of)}: ${visible(answer.problem)}` : "";
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      this.#note = `the source cannot be asked: ${visible(error.message)}`;
    }
    this.#join();
  }

  #join() {
    this.#rows = joined(this.#tables, this.#described);
    this.#draw();
  }

  #seek(change) {
    Object.assign(this.#wish, change);
    this.#page = 0;
    this.#draw();
  }

  #sort(button) {
    if (!button) return;
    const sort = button.dataset.sort;
    // What is large or late is looked for first.
    const first = ["rows", "last"].includes(sort);
    this.#wish.isDown = this.#wish.sort === sort ? !this.#wish.isDown : first;
    this.#wish.sort = sort;
    for (const head of byId("table-grid").tHead.querySelectorAll("th")) head.removeAttribute("aria-sort");
    button.closest("th").setAttribute("aria-sort", this.#wish.isDown ? "descending" : "ascending");
    this.#seek({});
  }

  #turn(page) {
    this.#page = page;
    this.#draw();
  }

  #draw() {
    const found = selected(this.#rows, this.#wish);
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    this.#page = Math.min(Math.max(0, this.#page), pages - 1);
    const page = found.slice(this.#page * PAGE, (this.#page + 1) * PAGE);
    this.#drawLines(page);
    this.#drawPages(found.length, pages);
    const isAll = found.length === this.#rows.length;
    const number = isAll ? many(found.length, "table") : `${count(found.length)} of ${many(this.#rows.length, "table")}`;
    say(byId("table-note"), this.#note ? `${number}, ${this.#note}` : number);
  }

  #drawPages(found, pages) {
    show(byId("table-pages"), pages > 1);
    const first = this.#page * PAGE;
    say(byId("page-text"), `${count(first + 1)} to ${count(Math.min(first + PAGE, found))} of ${count(found)}`);
    for (const id of ["page-first", "page-back"]) byId(id).disabled = this.#page === 0;
    for (const id of ["page-on", "page-last"]) byId(id).disabled = this.#page >= pages - 1;
  }

  /** Lines that stay are changed in place, so that focus and selection stay too. */
  #drawLines(page) {
    const lines = new Map();
    const wanted = [];
    for (const one of page) {
      const line = this.#lines.get(one.name) ?? this.#line(one.name);
      lines.set(one.name, line);
      line.update(one);
      wanted.push(line.row, ...(this.#open.has(one.name) ? [line.details] : []));
    }
    this.#lines = lines;
    const body = byId("table-rows");
    const isSame = wanted.length === body.children.length && wanted.every((row, index) => body.children[index] === row);
    if (isSame) return;
    const focused = document.activeElement;
    body.replaceChildren(...wanted);
    if (body.contains(focused)) focused.focus();
  }

  #line(name) {
    const line = new Line(name, () => this.#toggle(name, line));
    return line;
  }

  #toggle(name, line) {
    const isOpen = !this.#open.delete(name);
    if (isOpen) this.#open.add(name);
    line.button.setAttribute("aria-expanded", String(isOpen));
    this.#draw();
    if (isOpen) line.describe(this.#polls ? () => this.#run(name) : null);
  }
}

/** One table's row, and the row of its details below. */
class Line {
  #name;
  #last = element("td", "wide");
  #error = element("td", "wide error wrap");
  #rows = element("td", "number");
  #written = element("span");
  #bar = element("div", "progress thin", element("div"));
  #pill = element("span", "pill");
  #sub = element("span", "sub muted");
  #cell;

  constructor(name, toggle) {
    this.#name = name;
    this.button = element("button", "name", foreign(name));
    this.button.type = "button";
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", toggle);
    const head = element("th", "", this.button, this.#sub);
    head.scope = "row";
    this.#bar.setAttribute("role", "progressbar");
    this.#bar.setAttribute("aria-label", "Copied");
    this.#rows.append(this.#written, this.#bar);
    this.row = element("tr", "", head, element("td", "", this.#pill), this.#rows, this.#last, this.#error);
    this.#cell = element("td", "details");
    this.#cell.colSpan = 5;
    this.details = element("tr", "", this.#cell);
  }

  update(one) {
    say(this.#pill, one.words);
    tone(this.#pill, TONES[one.state]);
    this.#updateRows(one);
    const last = one.last ? ago(one.last) : NONE;
    say(this.#last, last);
    this.#last.title = moment(one.last);
    say(this.#error, one.error ? visible(one.error) : "");
    say(this.#sub, one.error ? visible(one.error) : one.last ? last : "");
  }

  #updateRows({ rows, estimated, state }) {
    const isCopying = state === "running" && estimated > 0;
    say(this.#written, isCopying ? `${count(rows)} of ~${brief(estimated)}` : count(rows));
    show(this.#bar, isCopying);
    if (!isCopying) return;
    const percent = Math.min(99, Math.floor((rows / estimated) * 100));
    this.#bar.setAttribute("aria-valuenow", percent);
    this.#bar.firstElementChild.style.width = `${percent}%`;
  }

  /** Asks what the table is like. run: begins a run of it; null where none can be. */
  async describe(run) {
    this.#cell.replaceChildren(element("p", "muted", "Asking the source…"));
    try {
      const table = await read(`tables/${encodeURIComponent(this.#name)}`);
      this.#cell.replaceChildren(...described(table, run));
    } catch (error) {
      this.#cell.replaceChildren(element("p", "refusal", words(error).filter(Boolean).join(". ")));
    }
  }
}

function described(table, run) {
  const facts = [
    ["Collection", table.collection],
    ["Key", table.key.join(", ") || "none"],
    ["Timestamp column", table.timestamp_column],
    ["Rows at the source", Number.isFinite(table.rows_estimated) ? `about ${count(table.rows_estimated)}` : ""],
    ["Dead letters", table.dead_letters ? count(table.dead_letters) : ""],
    ["Last pass took", table.sync?.duration_seconds ? span(table.sync.duration_seconds) : ""],
    ["Refers to", table.foreign_keys.map((key) => `${key.references} (${key.columns.join(", ")})`).join("; ")],
    ["Problem", table.problem],
    ["Last error", table.last_error === table.problem ? "" : table.last_error],
  ];
  const list = element("dl", "facts");
  for (const [name, value] of facts) {
    if (value) list.append(element("div", "", element("dt", "", name), element("dd", "wrap", visible(value))));
  }
  const columns = element("p", "columns");
  for (const column of table.columns) {
    const kind = element("span", "muted", ` ${visible(column.type)}${column.nullable ? "" : " not null"}`);
    columns.append(element("span", "column", foreign(column.name), kind));
  }
  return [list, columns, ...(run ? [runButton(run)] : [])];
}

function runButton(run) {
  const button = element("button", "", "Run for this table…");
  button.type = "button";
  button.addEventListener("click", run);
  return button;
}
