// One line over the last ten minutes: axes, units, a value under the pointer or the arrow keys.

import { element, say } from "./dom.js";
import { clock } from "./format.js";
import { SPAN } from "./history.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 168;
const EDGE = { left: 56, right: 10, top: 10, bottom: 24 };
/** Steps that people count time in, in seconds. */
const TIME_STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** Marks on an axis from 0 that ends at or above a value, three to five of them. */
export function marks(highest, isTime) {
  const wanted = highest / 4;
  const known = isTime ? TIME_STEPS.find((step) => step >= wanted) : undefined;
  const step = known ?? roundStep(wanted, isTime ? 86_400 : 1);
  const number = Math.max(1, Math.ceil(highest / step - 1e-9));
  return Array.from({ length: number + 1 }, (_, index) => index * step);
}

function roundStep(wanted, unit) {
  const size = 10 ** Math.floor(Math.log10(Math.max(wanted / unit, 1e-9)));
  return unit * size * [1, 2, 5, 10].find((step) => step * size >= wanted / unit - 1e-12);
}

export class Chart {
  #host;
  #svg;
  #tip = element("p", "tip");
  #options;
  #width = 0;
  #shown = { points: [], x: () => 0, y: () => 0 };
  #cursor = null;
  #redraw = () => {};

  /** options: name, write (a value as text), isTime, least (the axis reaches at least that far). */
  constructor(host, options) {
    this.#host = host;
    this.#options = options;
    this.#svg = shape("svg", { height: HEIGHT, role: "img", tabindex: 0 });
    this.#tip.hidden = true;
    this.#tip.setAttribute("role", "status");
    host.append(this.#svg, this.#tip);
    this.#listen();
  }

  #listen() {
    new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry.contentRect.width);
      this.#redraw();
    }).observe(this.#host);
    this.#svg.addEventListener("pointermove", (event) => this.#point(this.#nearest(event.offsetX)));
    this.#svg.addEventListener("pointerleave", () => this.#point(null));
    this.#svg.addEventListener("blur", () => this.#point(null));
    this.#svg.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(history, field, now) {
    this.#redraw = () => this.#draw(history.stretches(field), now);
    this.#redraw();
  }

  #draw(stretches, now) {
    if (this.#width < 80) return;
    const points = stretches.flat().filter(([at]) => at >= now - SPAN);
    const highest = points.reduce((most, [, value]) => Math.max(most, value), this.#options.least);
    const ticks = marks(highest, this.#options.isTime);
    const top = ticks.at(-1);
    const inner = { width: this.#width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
    const x = (at) => EDGE.left + inner.width * (1 - (now - at) / SPAN);
    const y = (value) => EDGE.top + inner.height * (1 - value / top);
    this.#shown = { points, x, y };
    this.#svg.setAttribute("width", this.#width);
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    this.#svg.replaceChildren(...this.#across(ticks, y), ...this.#along(x, now), ...lines(stretches, x, y, now));
    this.#describe(points, highest);
    this.#mark();
  }

  #across(ticks, y) {
    return ticks.flatMap((value) => [
      shape("line", { class: value === 0 ? "axis" : "rule", x1: EDGE.left, x2: this.#width - EDGE.right, y1: crisp(y(value)), y2: crisp(y(value)) }),
      label(this.#options.write(value), { x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end" }),
    ]);
  }

  #along(x, now) {
    const every = this.#width < 420 ? 5 : 2;
    const minutes = Array.from({ length: 10 / every + 1 }, (_, index) => index * every);
    return minutes.map((ago) => {
      const anchor = ago === 0 ? "end" : ago === 10 ? "start" : "middle";
      return label(ago === 0 ? "now" : `−${ago} min`, { x: x(now - ago * 60_000), y: HEIGHT - 6, "text-anchor": anchor });
    });
  }

  #describe(points, highest) {
    const last = points.at(-1);
    const { name, write } = this.#options;
    const words = last ? `now ${write(last[1])}, at most ${write(highest)}` : "nothing seen yet";
    this.#svg.setAttribute("aria-label", `${name} over the last ten minutes: ${words}`);
  }

  #nearest(offset) {
    const { points, x } = this.#shown;
    let best = null;
    for (const point of points) {
      if (best === null || Math.abs(x(point[0]) - offset) < Math.abs(x(best[0]) - offset)) best = point;
    }
    return best;
  }

  #key(event) {
    const { points } = this.#shown;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[event.key];
    if (event.key === "Escape") this.#point(null);
    if (!step || points.length === 0) return;
    event.preventDefault();
    const at = this.#cursor === null ? points.length : points.findIndex(([time]) => time >= this.#cursor);
    this.#point(points[Math.min(points.length - 1, Math.max(0, at + step))]);
  }

  #point(point) {
    this.#cursor = point?.[0] ?? null;
    this.#mark();
  }

  /** Where the cursor is, on top of what is drawn. */
  #mark() {
    this.#svg.querySelector(".cursor")?.remove();
    const { points, x, y } = this.#shown;
    const point = this.#cursor === null ? undefined : points.find(([at]) => at >= this.#cursor);
    this.#tip.hidden = !point;
    if (!point) return;
    const [left, high] = [x(point[0]), y(point[1])];
    const group = shape("g", { class: "cursor" });
    group.append(
      shape("line", { x1: crisp(left), x2: crisp(left), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
      shape("circle", { cx: left, cy: high, r: 4 }),
    );
    this.#svg.append(group);
    say(this.#tip, `${this.#options.write(point[1])} at ${clock(point[0])}`);
    const isLeft = left > this.#width / 2;
    this.#tip.style.transform = `translate(calc(${left + (isLeft ? -10 : 10)}px - ${isLeft ? 100 : 0}%), ${EDGE.top}px)`;
  }
}

/** The lines and what lies under them; a stretch of one sample is a dot. */
function lines(stretches, x, y, now) {
  const kept = stretches.map((stretch) => stretch.filter(([at]) => at >= now - SPAN)).filter((stretch) => stretch.length > 0);
  return kept.flatMap((stretch) => {
    const path = stretch.map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
    if (stretch.length === 1) return [shape("circle", { class: "dot", cx: x(stretch[0][0]), cy: y(stretch[0][1]), r: 2 })];
    const [first, last] = [x(stretch[0][0]).toFixed(1), x(stretch.at(-1)[0]).toFixed(1)];
    return [
      shape("path", { class: "area", d: `M${first} ${y(0)}L${path}L${last} ${y(0)}Z` }),
      shape("path", { class: "line", d: `M${path}` }),
    ];
  });
}

const crisp = (number) => Math.round(number) + 0.5;

function shape(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function label(text, attributes) {
  const made = shape("text", attributes);
  made.textContent = text;
  return made;
}
