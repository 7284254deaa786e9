// A pillbox: which compartment was opened on which date, and when it was refilled. Painters return
// where the marks of the readings go.

import { colour } from "./chart-colours.js";
import { FLAG } from "./chart-metrics.js";
import { clamp, inkOf, polygon, stroke } from "./chart-pen.js";

const SHORT = ["", "Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"];

// The rows of a chart without heights, from top to bottom: [top, bottom] on the canvas.
function rowAt({ bbox }, place, rows) {
  const height = bbox.height / rows;
  return [bbox.top + (place + 0.12) * height, bbox.top + (place + 0.88) * height];
}

// Each date has a cell for AM and one for PM. It is filled when the compartment of that weekday and
// half was opened on that date; another day's compartment is outlined and named. Dates on which the
// patient had no pillbox in use have no cells.
function compartments(pen, points) {
  const { ctx, ratio, u, clock, held } = pen;
  const cells = new Map();
  for (const day of clock.days) {
    if (day.end < u.scales.x.min || day.start > u.scales.x.max) continue;
    const [x1, x2] = [u.valToPos(day.start, "x", true), u.valToPos(day.end, "x", true)];
    const inset = Math.min((x2 - x1) * 0.08, 2 * ratio);
    cells.set(day, [x1 + inset, x2 - x1 - 2 * inset]);
    if (day.start * 1000 > Date.now() || !held.some(([from, to]) => day.end > from && day.start < (to ?? Infinity))) continue;
    ctx.fillStyle = colour("line");
    for (const place of [0, 1]) fillCell(pen, cells.get(day), place);
  }
  const inside = points.flatMap((point) => {
    const day = clock.dayOf(point.t);
    return cells.has(day) ? [{ ...point, day, cell: cells.get(day), place: point.v2 === 2 ? 1 : 0 }] : [];
  });
  const own = (point) => point.v1 === point.day.weekday;
  inside.sort((a, b) => own(b) - own(a) || (b.flags & FLAG.excluded) - (a.flags & FLAG.excluded));
  const filled = new Set(inside.filter(own).map(({ day, place }) => `${day.start} ${place}`));
  return inside.map((point) => (own(point) ? ownDay(pen, point) : otherDay(pen, point, filled.has(`${point.day.start} ${point.place}`))));
}

function fillCell(pen, [x, width], place) {
  const [top, bottom] = rowAt(pen, place, 3);
  pen.ctx.beginPath();
  pen.ctx.roundRect(x, top, width, bottom - top, Math.min(width / 3, 3 * pen.ratio));
  pen.ctx.fill();
}

function middleOf(pen, point, ink) {
  const [top, bottom] = rowAt(pen, point.place, 3);
  const [x, width] = point.cell;
  return { ...point, x: x + width / 2, y: (top + bottom) / 2, ink };
}

function ownDay(pen, point) {
  const { ctx, ratio } = pen;
  const [top, bottom] = rowAt(pen, point.place, 3);
  const [x, width] = point.cell;
  ctx.fillStyle = ctx.strokeStyle = inkOf(pen, point);
  if (point.flags & FLAG.estimated) {
    ctx.lineWidth = 1.6 * ratio;
    ctx.strokeRect(x + ratio, top + ratio, Math.max(width - 2 * ratio, ratio), bottom - top - 2 * ratio);
    if (width > 12 * ratio) openedAt(pen, point, top, bottom, [2 * ratio, 2 * ratio]);
    return middleOf(pen, point);
  }
  if (point.flags & FLAG.excluded) ctx.globalAlpha = 0.45;
  fillCell(pen, point.cell, point.place);
  ctx.globalAlpha = 1;
  if (width > 12 * ratio) {
    ctx.strokeStyle = colour("counted-ink");
    openedAt(pen, point, top, bottom, []);
  }
  return middleOf(pen, point, point.flags & FLAG.excluded ? undefined : colour("counted-ink"));
}

function openedAt(pen, point, top, bottom, dashes) {
  pen.ctx.setLineDash(dashes);
  stroke(pen, 1.5, [point.x, top + 3 * pen.ratio, point.x, bottom - 3 * pen.ratio]);
  pen.ctx.setLineDash([]);
}

// Over a cell that is filled already it takes the lower half.
function otherDay(pen, point, filled) {
  const { ctx, ratio } = pen;
  const [start, bottom] = rowAt(pen, point.place, 3);
  const [x, width] = point.cell;
  const top = filled ? (start + bottom) / 2 : start;
  ctx.fillStyle = colour("attention-soft");
  ctx.fillRect(x, top, width, bottom - top);
  ctx.strokeStyle = ctx.fillStyle = inkOf(pen, point, "attention");
  ctx.lineWidth = 2 * ratio;
  ctx.setLineDash(point.flags & FLAG.estimated ? [2 * ratio, 2 * ratio] : []);
  ctx.strokeRect(x + ratio, top + ratio, Math.max(width - 2 * ratio, ratio), bottom - top - 2 * ratio);
  ctx.setLineDash([]);
  if (width > 14 * ratio) {
    ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "bottom";
    ctx.fillText(SHORT[point.v1] ?? "?", x + width / 2, bottom - 3 * ratio);
  }
  const middle = middleOf(pen, point, filled ? colour("counted-ink") : inkOf(pen, point, "attention"));
  return { ...middle, y: start + (bottom - start) * 0.3 };
}

function refills(pen, points) {
  const { ctx, ratio } = pen;
  const [top, bottom] = rowAt(pen, 2, 3);
  const r = clamp(pen.radius * 1.4, 3 * ratio, 5 * ratio);
  const middle = (top + bottom) / 2;
  return points.map((point) => {
    ctx.fillStyle = inkOf(pen, point);
    ctx.beginPath();
    polygon(ctx, [[point.x - r, middle - r], [point.x + r, middle - r], [point.x, middle + r]]);
    ctx.fill();
    return { ...point, y: middle };
  });
}

export const PILLBOX = { compartments, refills };
