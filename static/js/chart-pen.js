// What all painters share: dots, outlines, and the marks of unusual readings. Marks look the same as
// the shapes in img/marks.svg, which tables and legend use.

import { colour } from "./chart-colours.js";
import { FLAG } from "./chart-metrics.js";

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export const inkOf = (pen, point, token = pen.look.colour) =>
  colour(point.flags & FLAG.excluded ? "chart-excluded" : token);

export function dot(pen, { x, y, flags }, shape, ink, size) {
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

export const diamond = (x, y, r) => [[x, y - r], [x + r, y], [x, y + r], [x - r, y]];
const triangle = (x, y, r) => [[x, y - r], [x + r, y + 0.8 * r], [x - r, y + 0.8 * r]];

export function polygon(ctx, corners) {
  ctx.moveTo(...corners[0]);
  for (const corner of corners.slice(1)) ctx.lineTo(...corner);
  ctx.closePath();
}

export function stroke(pen, width, ...lines) {
  const { ctx, ratio } = pen;
  ctx.lineWidth = width * ratio;
  ctx.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
  }
  ctx.stroke();
}

// A bar of time that stands on `bottom`: outlined where the time was estimated.
export function block(pen, point, x1, x2, top, bottom) {
  const { ctx, ratio } = pen;
  const gap = x2 - x1 > 5 * ratio ? ratio : 0;
  const width = Math.max(x2 - x1 - gap, ratio);
  const height = Math.max(bottom - top, ratio);
  if (point.flags & FLAG.estimated && width > 4 * ratio) {
    ctx.lineWidth = 1.4 * ratio;
    ctx.strokeRect(x1 + 0.7 * ratio, top, width - 1.4 * ratio, height);
  } else ctx.fillRect(x1, top, width, height);
}

export function marks(pen, point) {
  const { ctx, ratio } = pen;
  const { x, y, flags } = point;
  const r = Math.max(pen.radius, 2.6 * ratio);
  ctx.strokeStyle = point.ink ?? inkOf(pen, point);
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
  if (flags & FLAG.above_range) {
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
