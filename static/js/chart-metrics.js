// What each metric of the page is drawn as: facts of `measurements/shown/metrics.py` that the page brings,
// with the fields of its `Look` and the bits of a reading's flags.

const brought = document.getElementById("chart-facts");
const { metrics, flags, flagWords: words } = brought ? JSON.parse(brought.textContent) : {};

export const FLAG = flags;

export const flagWords = (flags) => words.filter(([bit]) => flags & bit).map(([, word]) => word);

export const drawnAs = (metric) => metrics[metric];

const PAIRS = new Set(["bars", "flows", "spans"]); // the second value is the other end
const MARKS = new Set(["beats", "compartments", "refills", "ticks", "nothings"]); // values that are no height

// From the lowest to the highest height a reading reaches; nothing for what has no height.
export function extent(look, v1, v2) {
  if (MARKS.has(look.shape)) return [];
  const other = PAIRS.has(look.shape) && v2 != null ? v2 : v1;
  return [look.zero ? 0 : Math.min(v1, other), Math.max(v1, other)];
}

// At each of `times` the highest and the lowest of all readings. An excluded reading says nothing of the
// patient, so it never stretches the axis; a metric with no other kind is seen all the same.
export function extremes(times, layers) {
  const at = new Map(times.map((t, i) => [t, i]));
  const high = times.map(() => null);
  const low = times.map(() => null);
  for (const { series, look } of layers) {
    const left = series.flags.every((flags) => flags & FLAG.excluded) ? 0 : FLAG.excluded;
    series.t.forEach((t, i) => {
      if (series.flags[i] & left) return;
      const place = at.get(t);
      for (const height of extent(look, series.v1[i], series.v2[i])) {
        high[place] = Math.max(high[place] ?? -Infinity, height);
        low[place] = Math.min(low[place] ?? Infinity, height);
      }
    });
  }
  return [high, low];
}
