// What was seen in the last ten minutes. It lives as long as the page.

export const SPAN = 10 * 60_000;
/** Two samples that are further apart have something unknown between them. */
const GAP = 20_000;

export class History {
  #samples = [];

  add(sample) {
    this.#samples.push(sample);
    const oldest = sample.at - SPAN - GAP;
    const stale = this.#samples.findIndex((one) => one.at >= oldest);
    if (stale > 0) this.#samples.splice(0, stale);
  }

  get samples() {
    return this.#samples;
  }

  /** Unbroken stretches of one field, as lists of [time, value]. */
  stretches(field) {
    const all = [];
    let current = [];
    let last = -Infinity;
    for (const sample of this.#samples) {
      if (!Number.isFinite(sample[field])) continue;
      if (sample.at - last > GAP) all.push((current = []));
      current.push([sample.at, sample[field]]);
      last = sample.at;
    }
    return all;
  }

  /** How fast a field that only grows has grown, a second, over the last so many seconds. */
  growth(field, seconds) {
    const last = this.#samples.at(-1);
    if (!last) return NaN;
    const first = this.#samples.find((one) => one.at >= last.at - seconds * 1000 && Number.isFinite(one[field]));
    const elapsed = (last.at - first?.at) / 1000;
    const grown = last[field] - first?.[field];
    return elapsed >= 1 && grown >= 0 ? grown / elapsed : NaN;
  }
}
