// When what is asked. The status about once a second, seldom while nobody looks, ever more seldom while nobody answers; the
// rest in rounds of their own. What takes long to answer is asked less often, and nothing twice at once.

import { Away, Refused } from "./api.js";

const EVERY = 1_000;
const WHEN_HIDDEN = 15_000;
const LONGEST_WAIT = 15_000;
/** So many times as long as an answer takes passes until the same is asked again: of the status, and of the rest. */
const REST = { status: 5, task: 20 };

export class Rounds {
  #status;
  #tasks;
  #events;
  #timer = 0;
  #isAsking = false;
  #isWanted = false;
  #failures = 0;
  #isStopped = true;

  /**
   * status: asks for the status and shows it. tasks: {every, isDue, run}.
   * events: {seen, away, locked}, of the status; locked, of anything.
   */
  constructor(status, tasks, events) {
    this.#status = status;
    this.#tasks = tasks.map((task) => ({ ...task, next: 0, isAsking: false }));
    this.#events = events;
    document.addEventListener("visibilitychange", () => document.hidden || this.now());
    addEventListener("online", () => this.now());
  }

  start() {
    this.#isStopped = false;
    this.#failures = 0;
    for (const task of this.#tasks) task.next = 0;
    this.now();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  get isStopped() {
    return this.#isStopped;
  }

  /** Everything anew, at once. */
  again() {
    for (const task of this.#tasks) task.next = 0;
    this.now();
  }

  /** The status, and whatever else is due, at once. */
  now() {
    if (this.#isStopped) return;
    if (this.#isAsking) this.#isWanted = true;
    else this.#turn();
  }

  async #turn() {
    clearTimeout(this.#timer);
    this.#isAsking = true;
    this.#isWanted = false;
    const begun = performance.now();
    const isSeen = await this.#attempt(this.#status);
    this.#isAsking = false;
    if (this.#isStopped) return;
    this.#failures = isSeen ? 0 : this.#failures + 1;
    if (isSeen) this.#events.seen();
    else this.#events.away();
    if (isSeen) this.#turnTasks();
    this.#timer = setTimeout(() => this.#turn(), this.#isWanted ? 0 : this.#wait(performance.now() - begun));
  }

  #wait(took) {
    if (this.#failures > 0) return Math.min(LONGEST_WAIT, EVERY * 2 ** Math.min(this.#failures - 1, 6));
    if (document.hidden) return WHEN_HIDDEN;
    return Math.max(EVERY - took, took * REST.status);
  }

  #turnTasks() {
    const now = performance.now();
    for (const task of this.#tasks) {
      if (!task.isAsking && now >= task.next && task.isDue()) this.#turnTask(task, now);
    }
  }

  async #turnTask(task, begun) {
    task.isAsking = true;
    task.next = Infinity;
    await this.#attempt(task.run);
    task.isAsking = false;
    const now = performance.now();
    // Unless somebody wants it sooner by now.
    if (task.next === Infinity) task.next = now + Math.max(task.every, (now - begun) * REST.task);
  }

  /** Whether it was answered; a refusal is an answer. What is neither is a fault of this page, and told in the console. */
  async #attempt(run) {
    try {
      await run();
    } catch (error) {
      if (error instanceof Away) return false;
      if (error instanceof Refused && error.status === 401) this.#events.locked();
      else if (!(error instanceof Refused)) reportError(error);
    }
    return true;
  }
}
