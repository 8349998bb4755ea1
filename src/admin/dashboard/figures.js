// Charts, figures and the first copy's progress.

import { Chart } from "./chart.js";
import { byId, say, show, tone } from "./dom.js";
import { ago, brief, briefest, bytes, count, many, rate, span } from "./format.js";

/** Phases in which the first copy is not yet whole. */
const COPYING = ["starting", "snapshot", "catching_up", "retrying"];

export class Figures {
  #history;
  #lag = new Chart(byId("lag-chart"), { name: "Lag", write: span, isTime: true, least: 1 });
  #rate = new Chart(byId("rate-chart"), { name: "Changes a second", write: (value) => `${briefest(value)}/s`, isTime: false, least: 10 });

  constructor(history) {
    this.#history = history;
  }

  show(status) {
    const replication = status.replication;
    const isCopied = !isCopy(replication);
    showTiles(status);
    showLag(replication);
    say(byId("rate-now"), `${rate(replication.events_per_second)}/s`);
    show(byId("snapshot"), !isCopied);
    if (!isCopied) this.#showCopy(replication);
  }

  /** The axes go on while nothing answers. */
  draw(now) {
    this.#lag.draw(this.#history, "lag", now);
    this.#rate.draw(this.#history, "rate", now);
  }

  #showCopy({ snapshot, phase }) {
    const { rows_done: done, rows_estimated: estimated } = snapshot;
    const share = phase === "catching_up" ? 1 : estimated > 0 ? Math.min(done / estimated, 0.999) : 0;
    const percent = Math.floor(share * 1000) / 10;
    say(byId("snapshot-percent"), `${percent.toFixed(percent < 100 ? 1 : 0)} %`);
    const bar = byId("snapshot-bar");
    bar.setAttribute("aria-valuenow", Math.floor(percent));
    bar.setAttribute("aria-valuetext", `${percent} %, ${count(done)} rows`);
    bar.firstElementChild.style.width = `${percent}%`;
    say(byId("snapshot-rows"), `${count(done)} of about ${count(Math.max(estimated, done))}`);
    say(byId("snapshot-tables"), `${count(snapshot.tables_done)} of ${count(snapshot.tables_total)}`);
    const speed = this.#history.growth("rows", 10);
    say(byId("snapshot-rate"), Number.isFinite(speed) ? `${rate(speed)} rows/s` : "not known yet");
    say(byId("snapshot-left"), phase === "catching_up" ? "applying what changed meanwhile" : left(snapshot, speed));
  }
}

function isCopy({ mode, phase, position, snapshot }) {
  const isUnderWay = snapshot.tables_total > 0 && COPYING.includes(phase);
  return isUnderWay && (mode === "poll" ? snapshot.tables_done < snapshot.tables_total : position === null);
}

/** The server's own estimate, else one from what was seen here. */
function left({ eta_seconds: told, rows_done: done, rows_estimated: estimated }, speed) {
  if (Number.isFinite(told)) return `about ${span(told)}`;
  return speed > 0 && estimated > done ? `about ${span((estimated - done) / speed)}` : "not known yet";
}

function showLag({ lag_seconds: lag, lag_transactions: transactions, mode }) {
  say(byId("lag-now"), span(lag));
  const behind = Number.isFinite(transactions) ? `${many(transactions, "transaction")} behind the source` : "how far the target is behind the source";
  say(byId("lag-note"), mode === "poll" ? "how old what the target holds may be" : behind);
}

function showTiles(status) {
  const replication = status.replication;
  const letters = byId("tile-letters");
  say(letters, count(replication.dead_letters));
  tone(letters.parentElement, replication.dead_letters > 0 ? "warn" : "off");
  say(byId("tile-queue"), bytes(replication.queue_bytes));
  say(byId("tile-rows"), brief(status.sync_metrics?.total_records));
  byId("tile-rows").title = count(status.sync_metrics?.total_records);
  say(byId("tile-uptime"), ago(replication.started_at).replace(" ago", ""));
  say(byId("count-letters"), replication.dead_letters > 0 ? count(replication.dead_letters) : "");
  say(byId("count-tables"), count(status.sync_data?.total_tables));
}
