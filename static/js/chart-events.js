// Events that have a time and no height: doses, caps, irregular heartbeats. Painters return where the
// marks of the readings go.

import { FLAG } from "./chart-metrics.js";
import { diamond, inkOf, polygon, stroke } from "./chart-pen.js";

// Upwards for a dose or an opening; a 0 (closed) hangs down from the middle, shorter.
function ticks(pen, points) {
  const { ctx, bbox, ratio } = pen;
  const alone = pen.chart.layers[0].look.rows;
  const base = alone ? bbox.top + bbox.height * 0.62 : bbox.top + bbox.height;
  const length = alone ? bbox.height * 0.4 : 10 * ratio;
  return points.map((point) => {
    ctx.strokeStyle = inkOf(pen, point);
    ctx.setLineDash(point.flags & FLAG.estimated ? [2 * ratio, 2 * ratio] : []);
    const tip = point.v1 === 0 ? base + length * 0.4 : base - length;
    stroke(pen, point.v1 === 0 ? 1.4 : 2, [point.x, base, point.x, tip]);
    ctx.setLineDash([]);
    return { ...point, y: (base + tip) / 2 };
  });
}

function nothings(pen, points) {
  const { ctx, bbox, ratio } = pen;
  const y = bbox.top + bbox.height * 0.62;
  return points.map((point) => {
    ctx.strokeStyle = inkOf(pen, point);
    stroke(pen, 1.6, [point.x - 4 * ratio, y, point.x + 4 * ratio, y]);
    return { ...point, y };
  });
}

// Around the pulse that was measured with it; at the foot of the chart where there is none.
function beats(pen, points) {
  const { ctx, u, bbox, ratio, look } = pen;
  const pulses = pen.chart.layers.find(({ metric }) => metric === look.on)?.series;
  return points.map((point) => {
    const i = pulses ? pulses.t.indexOf(point.t) : -1;
    const y = i < 0 ? bbox.top + bbox.height - 8 * ratio : u.valToPos(pulses.v1[i], "y", true);
    ctx.strokeStyle = inkOf(pen, point);
    ctx.lineWidth = 1.8 * ratio;
    ctx.beginPath();
    polygon(ctx, diamond(point.x, y, 7 * ratio));
    ctx.stroke();
    return { ...point, y };
  });
}

export const EVENTS = { ticks, nothings, beats };
