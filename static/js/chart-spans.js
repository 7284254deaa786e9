// Readings that last: what a watch sums up over an hour, a night's sleep, a breath into an inhaler.
// A painter may return where the marks of its readings go; at the readings themselves otherwise.

import { block, clamp, dot, inkOf, stroke } from "./chart-pen.js";

const HOUR = 3600;
const end = (pen, seconds) => pen.u.valToPos(seconds, "x", true);
const above = (points) => points.map((point) => ({ ...point, x: point.middle, y: point.top ?? point.y }));

function hours(pen, points) {
  const bottom = pen.u.valToPos(0, "y", true);
  for (const point of points) {
    pen.ctx.fillStyle = pen.ctx.strokeStyle = inkOf(pen, point);
    const right = end(pen, point.t + HOUR);
    block(pen, point, point.x, right, point.y, bottom);
    point.middle = (point.x + right) / 2;
  }
  return above(points);
}

// Mean (the strong line) to maximum (the top of the pale bar) of an hour.
function spans(pen, points) {
  const { ctx, ratio } = pen;
  for (const point of points) {
    const right = end(pen, point.t + HOUR);
    ctx.fillStyle = ctx.strokeStyle = inkOf(pen, point);
    ctx.globalAlpha = 0.32;
    block(pen, point, point.x, right, point.y2, point.y);
    ctx.globalAlpha = 1;
    ctx.fillRect(point.x, point.y - ratio, Math.max(right - point.x, ratio), 2 * ratio);
    Object.assign(point, { middle: (point.x + right) / 2, top: point.y2 });
  }
  return above(points);
}

// One column for each local day; several sleeps of a day share it side by side.
function nights(pen, points) {
  const bottom = pen.u.valToPos(0, "y", true);
  const byDay = Map.groupBy(points, ({ t }) => pen.clock.dayOf(t));
  for (const [day, sleeps] of byDay) {
    if (day === null) continue;
    const left = end(pen, day.start);
    const width = (end(pen, day.end) - left) / sleeps.length;
    sleeps.forEach((point, i) => {
      pen.ctx.fillStyle = pen.ctx.strokeStyle = inkOf(pen, point);
      const inset = width * 0.18;
      block(pen, point, left + i * width + inset, left + (i + 1) * width - inset, point.y, bottom);
      point.middle = left + (i + 0.5) * width;
    });
  }
  return above(points.filter(({ middle }) => middle !== undefined));
}

// Flow of a breath, from its mean to its maximum.
function flows(pen, points) {
  const { ctx, ratio, room } = pen;
  const width = clamp(room * 0.5, ratio, 5 * ratio);
  for (const point of points) {
    ctx.fillStyle = ctx.strokeStyle = inkOf(pen, point);
    block(pen, point, point.x - width / 2, point.x + width / 2, point.y, point.y2);
    dot(pen, point, "circle", inkOf(pen, point), 1);
  }
}

// Length of a breath as a stem, with a notch at its peak.
function breaths(pen, points) {
  const { ctx, ratio, room } = pen;
  const bottom = pen.u.valToPos(0, "y", true);
  const notch = clamp(room * 0.3, 1.5 * ratio, 5 * ratio);
  for (const point of points) {
    ctx.strokeStyle = inkOf(pen, point);
    stroke(pen, 1.4, [point.x, bottom, point.x, point.y]);
    dot(pen, point, "circle", inkOf(pen, point), 0.9);
    ctx.strokeStyle = inkOf(pen, point, "chart-pulse");
    if (point.v2 != null) stroke(pen, 2, [point.x - notch, point.y2, point.x + notch, point.y2]);
  }
}

export const SPANS = { hours, spans, nights, flows, breaths };
