// The limits that a person set, behind the readings: a band from the lowest to the highest value that
// is within, for the leading layer of a chart; dashed lines for the others, so that bands never mix.

import { colour } from "./chart-colours.js";

const numberOf = (text) => (text === "-" ? null : Number(text));

// From `low high low high`: one pair for each value of a reading, null where there is no limit.
export function limitsOf(text) {
  if (!text) return [];
  const [low1, high1, low2, high2] = text.split(" ").map(numberOf);
  return [[low1, high1], [low2, high2]].filter(([low, high]) => low !== null || high !== null);
}

export function drawLimits(u, layers, ratio) {
  if (u.scales.y.min == null) return;
  for (const [place, { limits, look }] of layers.entries()) {
    for (const pair of limits) {
      if (place === 0) band(u, pair);
      for (const limit of pair) if (limit !== null) line(u, limit, colour(place === 0 ? "chart-limit" : look.colour), ratio);
    }
  }
}

function band(u, [low, high]) {
  const { ctx, bbox } = u;
  const top = high === null ? bbox.top : u.valToPos(high, "y", true);
  const bottom = low === null ? bbox.top + bbox.height : u.valToPos(low, "y", true);
  ctx.fillStyle = colour("chart-band");
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
}

function line(u, limit, ink, ratio) {
  const { ctx, bbox } = u;
  const y = Math.round(u.valToPos(limit, "y", true)) + 0.5;
  ctx.strokeStyle = ink;
  ctx.lineWidth = ratio;
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
}
