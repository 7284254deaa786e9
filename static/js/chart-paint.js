// Draws the readings of a chart on its uPlot canvas. A painter gets the readings of one layer with
// their canvas positions, and a pen: the canvas and what is known about the chart.

import { colour } from "./chart-colours.js";
import { EVENTS } from "./chart-events.js";
import { drawLimits } from "./chart-limits.js";
import { FLAG, extent } from "./chart-metrics.js";
import { clamp, dot, inkOf, marks } from "./chart-pen.js";
import { PILLBOX } from "./chart-pillbox.js";
import { SPANS } from "./chart-spans.js";

const gapOf = (look) => look.joins * 86400;

export function paint(u, chart) {
  const { ctx, bbox } = u;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 2, 0, bbox.width + 4, bbox.top + bbox.height + 8 * ratio); // marks may stand out a little
  ctx.clip();
  drawLimits(u, chart.layers, ratio);
  for (const layer of chart.layers) {
    const { look, series, held } = layer;
    const points = visible(u, series, look);
    const room = points.length > 1 ? (points.at(-1).x - points[0].x) / (points.length - 1) : bbox.width;
    const radius = clamp(room * 0.35, 1.4 * ratio, 3.6 * ratio);
    const pen = { u, ctx, bbox, ratio, look, series, held, room, radius, chart, clock: chart.clock };
    const marked = PAINTERS[look.shape](pen, points);
    for (const point of marked ?? points) marks(pen, point);
  }
  ctx.restore();
}

function visible(u, series, look) {
  const { min, max } = u.scales.x;
  const margin = (max - min) * 0.02 + gapOf(look); // a line may come from a point outside
  const points = [];
  for (let i = 0; i < series.t.length; i++) {
    const [t, v1, v2] = [series.t[i], series.v1[i], series.v2[i]];
    if (t < min - margin || t > max + margin || v1 == null) continue;
    const flags = series.flags[i] ?? 0;
    const y = extent(look, v1, v2).length ? heightOf(u, v1, flags) : 0;
    const y2 = v2 == null ? y : heightOf(u, v2, flags);
    points.push({ t, v1, v2, x: u.valToPos(t, "x", true), y, y2, flags });
  }
  return points;
}

// An excluded reading off the axis stands just inside its edge.
function heightOf(u, value, flags) {
  const y = u.valToPos(value, "y", true);
  const [top, bottom, inset] = [u.bbox.top, u.bbox.top + u.bbox.height, 6 * uPlot.pxRatio];
  if (!(flags & FLAG.excluded) || (y >= top && y <= bottom)) return y;
  return clamp(y, top + inset, bottom - inset);
}

// Blood pressure: from systolic (top) to diastolic; two of one moment stand side by side.
function bars(pen, points) {
  const { ctx, ratio, room } = pen;
  const width = clamp(room * 0.5, ratio, 5.4 * ratio);
  for (const together of Map.groupBy(points, ({ t }) => t).values()) {
    together.forEach((point, i) => (point.x += (i - (together.length - 1) / 2) * 1.6 * width));
  }
  for (const point of points) {
    ctx.strokeStyle = ctx.fillStyle = inkOf(pen, point);
    ctx.lineWidth = 1.4 * ratio;
    ctx.beginPath();
    ctx.roundRect(point.x - width / 2, point.y, width, Math.max(point.y2 - point.y, ratio), width / 2);
    if (point.flags & FLAG.estimated) ctx.stroke();
    else ctx.fill();
  }
}

function line(pen, points) {
  const { ctx, ratio } = pen;
  ctx.strokeStyle = colour(pen.look.colour);
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  let previous = null;
  for (const point of points) {
    if (point.flags & FLAG.excluded) continue;
    if (previous === null || point.t - previous.t > gapOf(pen.look)) ctx.moveTo(point.x, point.y);
    else ctx.lineTo(point.x, point.y);
    previous = point;
  }
  ctx.stroke();
  dots(pen, points);
}

function dots(pen, points) {
  for (const point of points) dot(pen, point, "circle", inkOf(pen, point), 0.8);
}

// Glucose: colour and shape say when it was taken relative to a meal.
function meals(pen, points) {
  for (const point of points) {
    const [shape, token, size] =
      point.flags & FLAG.fasting ? ["diamond", "chart-fasting", 1.15]
      : point.flags & FLAG.pre_prandial ? ["square", "chart-before-meal", 1.05]
      : point.flags & FLAG.post_prandial ? ["circle", "chart-after-meal", 1.25]
      : ["circle", "chart-glucose", 0.85];
    dot(pen, point, shape, inkOf(pen, point, token), size);
  }
}

const PAINTERS = { bars, line, dots, meals, ...SPANS, ...PILLBOX, ...EVENTS };
