// The charts of one patient: one time axis, one pointer, one zoom. Without scripts the page offers
// the same readings as a table; here each [data-chart] is filled from the series API, one series for
// each of its [data-layer]s.

import { colour, onThemeChange } from "./chart-colours.js";
import { limitsOf } from "./chart-limits.js";
import { drawnAs, extremes } from "./chart-metrics.js";
import { paint } from "./chart-paint.js";
import { arrowKeys, readout } from "./chart-readout.js";
import { clock } from "./chart-time.js";
import { BACKGROUND, keepLive } from "./refresh.js";

const FONT = "12px system-ui, sans-serif";
const NOTHING = { t: [], v1: [], v2: [], flags: [] };

const stack = document.querySelector("[data-charts]");
const whole = stack && { min: Number(stack.dataset.start), max: Number(stack.dataset.end) };
const charts = [];

async function load(chart, extra = {}) {
  const headers = { Accept: "application/json", ...extra };
  const answers = await Promise.all(chart.layers.map(({ src }) => fetch(src, { headers })));
  const refused = answers.find((answer) => !answer.ok);
  if (refused) throw Object.assign(new Error("refused"), { status: refused.status });
  return Promise.all(answers.map((answer) => answer.json()));
}

function show(chart, answers) {
  chart.layers.forEach((layer, i) => (layer.series = answers[i]));
  chart.times = [...new Set(chart.layers.flatMap(({ series }) => series.t))].sort((a, b) => a - b);
  // uPlot gets the extremes at each moment, for its value axis; the readings are painted by us.
  chart.u.setData([chart.times, ...extremes(chart.times, chart.layers)], false);
  chart.u.setScale("x", { min: chart.view.min, max: chart.view.max });
  note(chart, chart.times.length ? null : "No readings in these days.");
}

function note(chart, words, retry) {
  const area = chart.element.parentElement;
  area.querySelector(".chart-note")?.remove();
  if (words === null) return;
  const box = Object.assign(document.createElement("p"), { className: "chart-note", textContent: words });
  if (retry) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: "Try again" });
    button.addEventListener("click", retry);
    box.append(button);
  }
  area.append(box);
}

async function fill(chart) {
  note(chart, "Loading readings…");
  try {
    show(chart, await load(chart));
  } catch {
    note(chart, "The readings could not be loaded; the table view shows the same.", () => fill(chart));
  }
}

const view = { ...whole };
function zoom(min, max) {
  Object.assign(view, { min, max });
  for (const { u } of charts) u.setScale("x", { min, max });
}
const zoomOut = () => zoom(whole.min, whole.max);

function valueRange({ look, least }) {
  return (u, low, high) => {
    if (low == null) return [0, 1];
    const extra = Math.max(least - (high - low), (high - low) * 0.2) / 2;
    return [look.zero ? 0 : low - extra, Math.min(high + extra, look.most ?? Infinity)];
  };
}

// Numbers of one axis have as many decimals as its steps: 2.50, 2.75, 3.00.
function evenly(step) {
  const digits = String(step).split(".")[1]?.length ?? 0;
  return (number) => number.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Rows have names instead of a scale; so has a chart whose readings have no height at all.
function valueAxis(axis, { rows }) {
  const shared = { ...axis, size: 44, gap: 4 };
  if (!rows) return { ...shared, values: (u, splits, place, space, step) => splits.map(u.data[1].some((high) => high !== null) ? evenly(step) : () => "") };
  const middles = rows.map((_, i) => 1 - (i + 0.5) / rows.length);
  return { ...shared, grid: { show: false }, splits: () => middles, values: () => rows };
}

function options(chart, lead) {
  const axis = { stroke: () => colour("chart-axis"), font: FONT, ticks: { show: false }, grid: { stroke: () => colour("chart-grid"), width: 1 } };
  return {
    padding: [16, 22, 0, 0],
    width: chart.element.clientWidth,
    height: chart.element.clientHeight,
    tzDate: chart.clock.date,
    legend: { show: false },
    scales: { x: { time: true, range: () => [view.min, view.max] }, y: { range: valueRange(lead) } },
    axes: [{ ...axis, values: chart.clock.ticks, space: 64, size: 32, gap: 9 }, valueAxis(axis, lead.look)],
    series: [{}, { paths: () => null, points: { show: false } }, { paths: () => null, points: { show: false } }],
    cursor: {
      y: false,
      points: { show: false },
      sync: { key: "patient", scales: ["x", null] },
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => zoomOut },
    },
    hooks: {
      draw: [(u) => paint(u, chart)],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
      setCursor: [(u) => (chart.words.textContent = u.cursor.left < 0 ? "" : readout(chart, u.posToVal(u.cursor.left, "x")))],
    },
  };
}

function layerOf({ dataset }) {
  const { metric, src, label, words, zero, second } = dataset;
  const [decimals, decimals2, least] = [dataset.decimals, dataset.decimals2, dataset.least].map(Number);
  const limits = limitsOf(dataset.limits);
  const held = JSON.parse(dataset.held);
  return { metric, src, label, words, zero, second, decimals, decimals2, least, limits, held, look: drawnAs(metric), series: NOTHING };
}

function build(element, zone) {
  const box = element.closest(".chart");
  const words = box.querySelector("[data-readout]");
  const chart = { element, layers: [...box.querySelectorAll("[data-layer]")].map(layerOf), view, words, times: [], clock: zone };
  chart.u = new uPlot(options(chart, chart.layers[0]), [[], [], []], element);
  new ResizeObserver(() => chart.u.setSize({ width: element.clientWidth, height: element.clientHeight })).observe(element);
  arrowKeys(element, chart, zoomOut);
  charts.push(chart);
  return fill(chart);
}

if (stack) {
  onThemeChange(() => charts.forEach(({ u }) => u.redraw()));
  const zone = clock(stack.dataset, whole);
  await Promise.all([...stack.querySelectorAll("[data-chart]")].map((element) => build(element, zone)));
  keepLive(stack.dataset, async () => {
    for (const chart of charts) show(chart, await load(chart, BACKGROUND));
  });
}
