// Commands: pause and resume, runs by hand, dead letters tried again, interval and schedule. What the mode does not allow is not offered.

import { call } from "./api.js";
import { byId, say, show } from "./dom.js";
import { count, span } from "./format.js";
import { done, refuse, words } from "./notices.js";
import { nextRun } from "./state.js";

/** Units of the interval, the largest first. */
const UNITS = [3600, 60, 1];

/** What a run does, by the ids of what says so: where tables are polled, and where the binlog is followed. */
const POLLED = {
  "run-some": "What has changed",
  "run-some-note": "as far as a timestamp column tells it",
  "run-all": "All rows",
  "run-all-note": "what is equal is not written; what is gone is removed",
};
const STREAMED = {
  "run-some": "Wait for the stream",
  "run-some-note": "ends when all that is committed now can be read in the target",
  "run-all": "Copy anew",
  "run-all-note": "documents stay until they are replaced; lag grows meanwhile",
};

export class Steering {
  #refresh;
  #isPaused = false;
  #isScheduled = false;
  #interval = 0;
  #kinds = STREAMED;

  constructor(refresh) {
    this.#refresh = refresh;
    byId("pause").addEventListener("click", () => this.#pause());
    byId("letters-replay").addEventListener("click", () => this.#replay());
    byId("schedule-switch").addEventListener("click", () => this.#switch());
    byId("interval-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#setInterval();
    });
    byId("run-open").addEventListener("click", () => this.openRun(""));
    byId("run-cancel").addEventListener("click", () => byId("run-dialog").close());
    byId("run-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run();
    });
  }

  show(status) {
    const { paused, mode, phase } = status.replication;
    const isOver = ["stopped", "failed"].includes(phase);
    const polls = mode === "poll";
    this.#isPaused = paused;
    this.#isScheduled = Boolean(status.scheduler?.running);
    show(byId("pause"), !isOver);
    say(byId("pause"), paused ? "Resume" : "Pause");
    byId("pause").classList.toggle("primary", paused);
    show(byId("run-open"), !isOver);
    this.#kinds = polls ? POLLED : STREAMED;
    show(byId("schedule"), polls);
    if (polls) this.#showSchedule(status);
  }

  #showSchedule(status) {
    say(byId("schedule-next"), status.replication.phase === "polling" ? "A run is under way." : nextRun(status));
    say(byId("schedule-switch"), this.#isScheduled ? "Stop the schedule" : "Start the schedule");
    const seconds = status.scheduler?.interval_seconds;
    if (!seconds || seconds === this.#interval) return;
    this.#interval = seconds;
    const unit = UNITS.find((one) => seconds % one === 0);
    byId("interval-number").value = seconds / unit;
    byId("interval-unit").value = unit;
  }

  openRun(tables) {
    for (const [id, text] of Object.entries(this.#kinds)) say(byId(id), text);
    byId("run-tables").value = tables;
    say(byId("run-refusal"), "");
    byId("run-dialog").showModal();
  }

  async #run() {
    const form = new FormData(byId("run-form"));
    const wish = new URLSearchParams({ sync_type: form.get("kind"), wait: "false" });
    const tables = byId("run-tables").value.trim();
    if (tables) wish.set("tables", tables);
    try {
      await call("POST", `trigger?${wish}`);
      byId("run-dialog").close();
      done("A run has begun.");
      this.#refresh();
    } catch (error) {
      say(byId("run-refusal"), words(error).filter(Boolean).join(". "));
    }
  }

  #pause() {
    const isPaused = this.#isPaused;
    return this.#command(byId("pause"), isPaused ? "Resume" : "Pause", async () => {
      await call("POST", isPaused ? "resume" : "pause");
      return isPaused ? "Resumed." : "Paused: nothing is applied until it is resumed.";
    });
  }

  #replay() {
    return this.#command(byId("letters-replay"), "Try again", async () => {
      const { letters } = await call("POST", "dead-letters/replay");
      return `${letters === 1 ? "The row of 1 dead letter is" : `The rows of ${count(letters)} dead letters are`} read and written again.`;
    });
  }

  #switch() {
    const isOn = this.#isScheduled;
    return this.#command(byId("schedule-switch"), "Schedule", async () => {
      await call("POST", `scheduler/${isOn ? "stop" : "start"}`);
      return isOn ? "The schedule is off." : "The schedule is on.";
    });
  }

  #setInterval() {
    const seconds = Number(byId("interval-number").value) * Number(byId("interval-unit").value);
    return this.#command(byId("interval-form").querySelector("button"), "Interval", async () => {
      const answer = await call("PUT", "interval", { interval_seconds: seconds });
      this.#interval = answer.interval_seconds;
      return `A run every ${span(answer.interval_seconds)}.`;
    });
  }

  async #command(button, what, act) {
    button.disabled = true;
    const wasFocused = document.activeElement === button || document.activeElement === document.body;
    try {
      done(await act());
    } catch (error) {
      refuse(what, error);
    }
    button.disabled = false;
    if (wasFocused) button.focus();
    this.#refresh();
  }
}

