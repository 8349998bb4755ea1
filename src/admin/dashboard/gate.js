// Asks for the token where the API wants one, and forgets it again.

import { isPresentable, read, setToken, token, Away } from "./api.js";
import { byId, say, show } from "./dom.js";

export class Gate {
  #opened;
  #closed;

  constructor(opened, closed) {
    this.#opened = opened;
    this.#closed = closed;
    byId("gate-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(byId("gate-token").value.trim());
    });
    byId("forget").addEventListener("click", () => {
      setToken("");
      // What was shown is forgotten with it.
      location.reload();
    });
  }

  /** Asks. A token that was held until now is the wrong one. */
  close() {
    const wasHeld = token() !== "";
    setToken("");
    this.#closed();
    show(byId("main"), false);
    show(byId("gate"), true);
    show(byId("forget"), false);
    say(byId("gate-error"), wasHeld ? "The token that was kept is no longer the right one." : "");
    byId("gate-token").value = "";
    byId("gate-token").focus();
  }

  open() {
    show(byId("gate"), false);
    show(byId("main"), true);
    show(byId("forget"), token() !== "");
  }

  async #try(text) {
    if (!isPresentable(text)) return this.#tell("A token is letters, digits and signs, without blanks.");
    setToken(text);
    say(byId("gate-error"), "");
    try {
      await read("status?tables=false");
    } catch (error) {
      setToken("");
      if (error instanceof Away) return this.#tell("binleaf does not answer. Try again in a moment.");
      if (error.status === 401) return this.#tell("This is not the right token. The file that http.token_file names holds it.");
      return this.#tell(error.message);
    }
    byId("gate-token").value = "";
    this.open();
    byId("main").focus();
    this.#opened();
  }

  #tell(words) {
    say(byId("gate-error"), words);
    byId("gate-token").select();
  }
}
