// A browser started without a locale reports one such as "en-US@posix", which Intl refuses;
// uPlot asks Intl while it loads, so the page would lose all its charts.
"use strict";
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US" });
}
