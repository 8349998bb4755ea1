// The colours that were chosen, before anything is drawn. A script of the old kind: the page waits for it.
(() => {
  const KEY = "binleaf-theme";
  const root = document.documentElement;

  function kept() {
    try {
      return localStorage.getItem(KEY) ?? "system";
    } catch {
      return "system"; // a browser that keeps nothing
    }
  }

  function keep(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It holds until the page is left.
    }
  }

  function show(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  show(kept());
  document.addEventListener("DOMContentLoaded", () => {
    const themes = document.getElementById("themes");
    const chosen = themes.querySelector(`input[value="${CSS.escape(kept())}"]`);
    (chosen ?? themes.querySelector("input")).checked = true;
    themes.addEventListener("change", (event) => {
      show(event.target.value);
      keep(event.target.value);
    });
  });
})();
