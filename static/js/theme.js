// Runs before the first paint, so that the page never flashes in the other theme.
"use strict";
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem("theme");
  } catch {
    // storage may be forbidden; the browser's preference still holds
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (theme) => document.documentElement.setAttribute("data-bs-theme", theme);
  apply(stored ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => {
    if (stored === null) apply(dark.matches ? "dark" : "light");
  });
})();
