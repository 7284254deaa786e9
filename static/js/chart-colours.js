// Canvas knows no CSS variables: tokens are resolved once for each theme.

const resolved = new Map();
let probe = null;

export function colour(token) {
  if (!resolved.has(token)) {
    if (probe === null) {
      probe = document.createElement("span");
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(--${token})`;
    resolved.set(token, getComputedStyle(probe).color);
  }
  return resolved.get(token);
}

export function onThemeChange(redraw) {
  const changed = () => {
    resolved.clear();
    redraw();
  };
  matchMedia("print").addEventListener("change", changed); // paper is always light
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}
