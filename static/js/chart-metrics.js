// What each metric is drawn as. `shape` names a painter; `zero` starts the value axis at 0, `most` is
// where it ends. A line joins readings up to `joins` days apart (2 unless told); longer gaps stay open.
// `covers` is how long a value lasts from its time on: the hour that a watch sums up, the local day of
// a night's sleep.

export const FLAG = {
  estimated: 1,
  late: 2,
  excluded: 4,
  conflict: 8,
  aboveRange: 16,
  beforeMeal: 32,
  afterMeal: 64,
  fasting: 128,
};

const WORDS = [
  [FLAG.fasting, "fasting"],
  [FLAG.beforeMeal, "before meal"],
  [FLAG.afterMeal, "after meal"],
  [FLAG.estimated, "time estimated"],
  [FLAG.late, "arrived late"],
  [FLAG.excluded, "excluded"],
  [FLAG.conflict, "conflict"],
  [FLAG.aboveRange, "above meter range"],
];

export const flagWords = (flags) => WORDS.filter(([bit]) => flags & bit).map(([, word]) => word);

const METRICS = {
  blood_pressure: { shape: "bars", colour: "chart-pressure" },
  pulse: { shape: "line", colour: "chart-pulse" },
  irregular_heartbeat: { shape: "beats", colour: "attention", on: "pulse" },
  glucose: { shape: "meals", colour: "chart-glucose" },
  weight: { shape: "line", colour: "chart-weight", joins: 4 },
  temperature: { shape: "line", colour: "chart-pulse" },
  peak_expiratory_flow: { shape: "line", colour: "chart-before-meal" },
  forced_expiratory_volume: { shape: "line", colour: "chart-before-meal" },
  spO2: { shape: "line", colour: "chart-oxygen", most: 100 },
  perfusion_index: { shape: "line", colour: "chart-oxygen" },
  pillbox_opened: { shape: "compartments", colour: "counted", rows: ["AM", "PM", "refill"] },
  pillbox_refilled: { shape: "refills", colour: "chart-pressure" },
  pillbox_refill_initiated: { shape: "refills", colour: "chart-pressure" },
  hailie_medication_event: { shape: "ticks", colour: "chart-weight" },
  hailie_respiratory_flow_log: { shape: "flows", colour: "chart-pressure", zero: true },
  hailie_respiratory_timing_log: { shape: "breaths", colour: "chart-pressure", zero: true },
  patchcap_open_close_event: { shape: "ticks", colour: "chart-weight", rows: ["", "", ""] },
  no_measurement_event: { shape: "nothings", colour: "chart-glucose", rows: ["", "", ""] },
  steps: { shape: "hours", colour: "chart-weight", zero: true, covers: "hour" },
  heart_rate_statistics: { shape: "spans", colour: "chart-pulse", covers: "hour" },
  sleep: { shape: "nights", colour: "chart-oxygen", zero: true, covers: "day" },
};

export const drawnAs = (metric) => METRICS[metric] ?? { shape: "dots", colour: "chart-glucose" };

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
