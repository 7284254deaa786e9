// The reading under the pointer, or the one reached with the arrow keys, in words.

import { flagWords } from "./chart-metrics.js";

const REACH = 28; // pixels: further away, the pointer is not at this reading

export function nearest(times, seconds) {
  let low = 0;
  let high = times.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < seconds) low = middle;
    else high = middle;
  }
  return seconds - times[low] <= times[high] - seconds ? low : high;
}

export function readout(chart, seconds) {
  const times = chart.times;
  const index = nearest(times, seconds);
  if (index < 0) return "";
  const { u } = chart;
  if (Math.abs(u.valToPos(times[index], "x") - u.valToPos(seconds, "x")) > REACH) return "";
  return [chart.clock.words(times[index]), ...chart.layers.flatMap((layer) => valuesAt(layer, times[index]))].join(" · ");
}

function valuesAt(layer, seconds) {
  const { t, v1, v2, flags } = layer.series;
  const words = [];
  for (let i = t.indexOf(seconds); i >= 0 && t[i] === seconds; i++) {
    const number = layer.look.shape === "bars" && v2[i] != null ? `${text(v1[i], layer)}/${text(v2[i], layer)}` : text(v1[i], layer);
    const label = layer.label ? `${layer.label.toLowerCase()} ` : "";
    words.push([`${label}${number} ${layer.unit}`.trim(), ...flagWords(flags[i] ?? 0)].join(", "));
  }
  return words;
}

const text = (number, layer) => number.toFixed(layer.decimals);

// Arrow keys walk through the readings; Escape zooms out.
export function arrowKeys(element, chart, zoomOut) {
  element.addEventListener("keydown", (event) => {
    const { u, times } = chart;
    if (event.key === "Escape") zoomOut();
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || times.length === 0) return;
    event.preventDefault();
    const { min, max } = u.scales.x;
    const first = times.findIndex((t) => t >= min);
    const last = times.findLastIndex((t) => t <= max);
    if (first < 0 || last < first) return;
    const here = u.cursor.left >= 0 ? nearest(times, u.posToVal(u.cursor.left, "x")) : last + 1;
    const next = Math.min(Math.max(here + steps[event.key], first), last);
    u.setCursor({ left: u.valToPos(times[next], "x"), top: u.over.clientHeight / 2 });
  });
}
