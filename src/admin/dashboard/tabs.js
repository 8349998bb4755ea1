// Tabs by the pattern of the ARIA guide: arrows, Home and End go from one to the next, Tab goes into the panel.

export class Tabs {
  #list;
  #changed;

  constructor(list, changed) {
    this.#list = list;
    this.#changed = changed;
    list.addEventListener("click", (event) => this.#choose(event.target.closest("[role=tab]")));
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  get chosen() {
    return this.#list.querySelector('[aria-selected="true"]').id;
  }

  #tabs() {
    return [...this.#list.querySelectorAll("[role=tab]")].filter((tab) => !tab.hidden);
  }

  #choose(chosen) {
    if (!chosen) return;
    for (const tab of this.#list.querySelectorAll("[role=tab]")) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
    this.#changed(chosen.id);
  }

  #key(event) {
    const tabs = this.#tabs();
    const at = tabs.indexOf(document.activeElement);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined || at < 0) return;
    event.preventDefault();
    const chosen = tabs[(next + tabs.length) % tabs.length];
    chosen.focus();
    this.#choose(chosen);
  }
}
