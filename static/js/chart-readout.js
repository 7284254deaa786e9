// The reading under the pointer, or the one reached with the arrow keys, in words.

import { flagWords } from "./chart-metrics.js";

const REACH = 28; // pixels: further away, the pointer is not at this reading
const COMPARTMENTS = ["", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

// The last position whose time is not after `seconds`, -1 when all are.
export function lastUpTo(times, seconds) {
  let low = -1;
  for (let high = times.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (times[middle] <= seconds) low = middle;
    else high = middle;
  }
  return low;
}

function nearest(times, seconds) {
  const before = lastUpTo(times, seconds);
  if (before < 0) return times.length ? 0 : -1;
  return before + 1 < times.length && times[before + 1] - seconds < seconds - times[before] ? before + 1 : before;
}

const coverOf = (chart) => chart.layers[0].look.covers;
const closest = (chart, seconds) => (coverOf(chart) === "hour" ? lastUpTo : nearest)(chart.times, seconds);

// Which reading is at this place of the time axis; -1 when none is near enough.
function at(chart, seconds) {
  const { times, u, clock } = chart;
  const index = closest(chart, seconds);
  if (index < 0) return -1;
  if (coverOf(chart) === "hour") return seconds - times[index] < 3600 ? index : -1;
  if (coverOf(chart) === "day" && clock.dayOf(times[index]) === clock.dayOf(seconds)) return index;
  return Math.abs(u.valToPos(times[index], "x") - u.valToPos(seconds, "x")) > REACH ? -1 : index;
}

// Where the pointer stands for a reading: the middle of the hour it sums up.
const spot = (chart, index) => chart.times[index] + (coverOf(chart) === "hour" ? 1800 : 0);

export function readout(chart, seconds) {
  const index = at(chart, seconds);
  if (index < 0) return "";
  const time = chart.times[index];
  return [chart.clock.words(time), ...chart.layers.flatMap((layer) => valuesAt(layer, time, chart.clock))].join(" · ");
}

function valuesAt(layer, seconds, clock) {
  const { t, flags } = layer.series;
  const words = [];
  for (let i = t.indexOf(seconds); i >= 0 && t[i] === seconds; i++) {
    words.push([`${layer.label} ${said(layer, i, clock)}`.trim(), ...flagWords(flags[i] ?? 0)].join(", "));
  }
  return words;
}

// Half up, as the table does; a value has two decimals, and its binary neighbour may lie below it.
function rounded(number, decimals) {
  const hundredths = Math.round(Math.abs(number) * 100);
  const shown = (Math.sign(number) * Math.round(hundredths / 10 ** (2 - decimals))) / 10 ** decimals + 0; // never -0
  return shown.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function said(layer, i, clock) {
  const { v1, v2, t } = layer.series;
  const fill = (text) => text.replace("{1}", rounded(v1[i], layer.decimals)).replace("{2}", rounded(v2[i], layer.decimals2));
  if (layer.look.isCompartment) {
    const stray = layer.look.hasOwnDay && clock.dayOf(t[i])?.weekday !== v1[i] ? ", not on its own day" : "";
    return `${COMPARTMENTS[v1[i]]} ${v2[i] === 2 ? "PM" : "AM"} ${layer.words}${stray}`;
  }
  const first = fill(layer.zero && v1[i] === 0 ? layer.zero : layer.words);
  return layer.second && v2[i] != null ? `${first}, ${fill(layer.second)}` : first;
}

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
    const here = u.cursor.left >= 0 ? closest(chart, u.posToVal(u.cursor.left, "x")) : last + 1;
    const next = Math.min(Math.max(here + steps[event.key], first), last);
    u.setCursor({ left: u.valToPos(spot(chart, next), "x"), top: u.over.clientHeight / 2 });
  });
}
