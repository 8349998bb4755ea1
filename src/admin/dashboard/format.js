// Numbers and times for people. Nothing here touches the page.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export const NONE = "–";

export function count(number) {
  return Number.isFinite(number) ? WHOLE.format(number) : NONE;
}

/** A number that may be large, in few characters. */
export function brief(number) {
  if (!Number.isFinite(number)) return NONE;
  return Math.abs(number) < 10_000 ? WHOLE.format(number) : SHORT.format(number);
}

/** The same for an axis, where there is less room still. */
export function briefest(number) {
  return Math.abs(number) < 1_000 ? WHOLE.format(number) : SHORT.format(number);
}

/** So many of something. */
export function many(number, one, more = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : more}`;
}

/** Changes a second. */
export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return NONE;
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : brief(perSecond);
}

export function bytes(number) {
  if (!Number.isFinite(number)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  while (number >= 1024 && step < units.length - 1) {
    number /= 1024;
    step += 1;
  }
  return `${step === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[step]}`;
}

/** Seconds as their two largest units. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds <= 0) return "0 s";
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const parts = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  let rest = Math.floor(seconds);
  const said = [];
  for (const [unit, size] of parts.slice(first, first + 2)) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole > 0) said.push(`${whole} ${unit}`);
  }
  return said.join(" ");
}

/** How long ago something was, roughly. */
export function ago(time, now = Date.now()) {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return NONE;
  const seconds = (now - at) / 1000;
  if (seconds < 1.5) return "now";
  return `${rough(seconds)} ago`;
}

/** How long until something is, roughly. */
export function until(time, now = Date.now()) {
  const seconds = (Date.parse(time) - now) / 1000;
  if (Number.isNaN(seconds)) return NONE;
  return seconds < 1 ? "now" : `in ${rough(seconds)}`;
}

/** A moment, exactly, in the reader's own time. */
export function moment(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "" : EXACT.format(at);
}

/** The time of a day. */
export function clock(at) {
  return CLOCK.format(at);
}

function rough(seconds) {
  for (const [unit, size] of [["d", 86_400], ["h", 3_600], ["min", 60]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}
