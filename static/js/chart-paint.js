// Draws readings on a uPlot canvas. A painter gets the readings of one series with their canvas
// positions; marks look the same as the shapes in img/marks.svg, which tables and legend use.

import { colour } from "./chart-colours.js";
import { FLAG } from "./chart-metrics.js";

const gapOf = (look) => (look.joins ?? 2) * 86400;

export function paint(u, series, look) {
  const { ctx, bbox } = u;
  const points = visible(u, series, look);
  const ratio = uPlot.pxRatio;
  const room = points.length > 1 ? (points.at(-1).x - points[0].x) / (points.length - 1) : bbox.width;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 2, 0, bbox.width + 4, bbox.top + bbox.height); // marks may stand above the plot
  ctx.clip();
  const pen = { ctx, ratio, look, room, radius: clamp(room * 0.35, 1.4 * ratio, 3.6 * ratio) };
  PAINTERS[look.shape](pen, points);
  for (const point of points) marks(pen, point);
  ctx.restore();
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function visible(u, series, look) {
  const { min, max } = u.scales.x;
  const margin = (max - min) * 0.02 + gapOf(look); // a line may come from a point outside
  const points = [];
  for (let i = 0; i < series.t.length; i++) {
    const t = series.t[i];
    if (t < min - margin || t > max + margin || series.v1[i] == null) continue;
    const x = u.valToPos(t, "x", true);
    const y = u.valToPos(series.v1[i], "y", true);
    const low = series.v2 && series.v2[i] != null ? u.valToPos(series.v2[i], "y", true) : y;
    points.push({ t, x, y, low, flags: series.flags[i] ?? 0 });
  }
  return points;
}

const inkOf = (pen, point, token = pen.look.colour) =>
  colour(point.flags & FLAG.excluded ? "chart-excluded" : token);

const PAINTERS = { bars, line, meals };

// Blood pressure: from systolic (top) to diastolic, with a cap at both ends.
function bars(pen, points) {
  const { ctx, ratio, room } = pen;
  const width = clamp(room * 0.5, ratio, 5.4 * ratio);
  for (const { x, y, low, flags, ...rest } of points) {
    ctx.strokeStyle = ctx.fillStyle = inkOf(pen, { flags, ...rest });
    ctx.lineWidth = 1.4 * ratio;
    ctx.beginPath();
    ctx.roundRect(x - width / 2, y, width, Math.max(low - y, ratio), width / 2);
    if (flags & FLAG.estimated) ctx.stroke();
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
  for (const point of points) dot(pen, point, "circle", inkOf(pen, point), 0.8);
}

// Glucose: colour and shape say when it was taken relative to a meal.
function meals(pen, points) {
  for (const point of points) {
    const [shape, token, size] =
      point.flags & FLAG.fasting ? ["diamond", "chart-fasting", 1.15]
      : point.flags & FLAG.beforeMeal ? ["square", "chart-before-meal", 1.05]
      : point.flags & FLAG.afterMeal ? ["circle", "chart-after-meal", 1.25]
      : ["circle", "chart-glucose", 0.85];
    dot(pen, point, shape, inkOf(pen, point, token), size);
  }
}

function dot(pen, { x, y, flags }, shape, ink, size) {
  const { ctx, ratio } = pen;
  outline(ctx, shape, x, y, pen.radius * size);
  ctx.strokeStyle = ctx.fillStyle = ink;
  if (flags & FLAG.estimated) {
    ctx.fillStyle = colour("surface");
    ctx.fill();
    ctx.lineWidth = 1.4 * ratio;
    ctx.stroke();
  } else ctx.fill();
}

function outline(ctx, shape, x, y, r) {
  ctx.beginPath();
  if (shape === "circle") ctx.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else polygon(ctx, diamond(x, y, 1.3 * r));
}

const diamond = (x, y, r) => [[x, y - r], [x + r, y], [x, y + r], [x - r, y]];
const triangle = (x, y, r) => [[x, y - r], [x + r, y + 0.8 * r], [x - r, y + 0.8 * r]];

function polygon(ctx, corners) {
  ctx.moveTo(...corners[0]);
  for (const corner of corners.slice(1)) ctx.lineTo(...corner);
  ctx.closePath();
}

function marks(pen, point) {
  const { ctx, ratio } = pen;
  const { x, y, flags } = point;
  const r = Math.max(pen.radius, 2.6 * ratio);
  ctx.strokeStyle = inkOf(pen, point);
  ctx.lineWidth = 1.4 * ratio;
  ctx.beginPath();
  if (flags & FLAG.late) {
    ctx.moveTo(x + 2.1 * r, y);
    ctx.arc(x, y, 2.1 * r, 0, 2 * Math.PI);
  }
  if (flags & FLAG.excluded) {
    ctx.moveTo(x - 1.6 * r, y - 1.6 * r);
    ctx.lineTo(x + 1.6 * r, y + 1.6 * r);
    ctx.moveTo(x + 1.6 * r, y - 1.6 * r);
    ctx.lineTo(x - 1.6 * r, y + 1.6 * r);
  }
  const top = y - (flags & FLAG.late ? 3.8 : 3.2) * r;
  if (flags & FLAG.conflict) polygon(ctx, triangle(x, top, 1.4 * r));
  if (flags & FLAG.aboveRange) {
    ctx.moveTo(x - 1.4 * r, top - r);
    ctx.lineTo(x + 1.4 * r, top - r);
    ctx.moveTo(x, y - 1.6 * r);
    ctx.lineTo(x, top);
    ctx.moveTo(x - r, top + r);
    ctx.lineTo(x, top);
    ctx.lineTo(x + r, top + r);
  }
  ctx.stroke();
}
