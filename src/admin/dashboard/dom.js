// Elements. Whatever the server tells goes in as text: nothing here can make markup of it.

export const byId = (id) => document.getElementById(id);

/** An element with a class and children; children that are strings become text. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A name of somebody else's: kept apart from the text around it, whichever way its letters run. */
export function foreign(name, className) {
  return element("bdi", className, visible(name));
}

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Characters that would not be seen, or would turn the text around, are shown by their number. */
export function visible(text) {
  return String(text).replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same for a text of several lines. */
export function visibleLines(text) {
  return String(text).split(/\r?\n/).map((line) => visible(line.replaceAll("\t", "  "))).join("\n");
}

/** Sets a text, if it is another one: selections and screen readers are left alone otherwise. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function show(target, isShown) {
  target.hidden = !isShown;
}

/** How something is, for its colour. */
export function tone(target, name) {
  if (target.dataset.tone !== name) target.dataset.tone = name;
}

/** Copies the text of an element. Without a secure context there is only the old way, by a selection. */
export async function copyText(source) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(source.textContent);
      return true;
    } catch {
      // Not allowed: the old way may be.
    }
  }
  getSelection().selectAllChildren(source);
  return document.execCommand("copy");
}
