// What each metric is drawn as. `shape` names a painter; `least` is the smallest span of the value
// axis, so that a flat week does not look like a storm; `zero` starts that axis at 0. A line joins
// readings up to `joins` days apart (2 unless told); longer gaps stay open. `covers` is how long a
// value lasts from its time on: the hour that a watch sums up, the local day of a night's sleep.

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
  blood_pressure: { shape: "bars", colour: "chart-pressure", least: 60 },
  pulse: { shape: "line", colour: "chart-pulse", least: 20 },
  irregular_heartbeat: { shape: "beats", colour: "attention", on: "pulse" },
  glucose: { shape: "meals", colour: "chart-glucose", least: 60 },
  weight: { shape: "line", colour: "chart-weight", least: 4, joins: 4 },
  temperature: { shape: "line", colour: "chart-pulse", least: 3 },
  peak_expiratory_flow: { shape: "line", colour: "chart-before-meal", least: 100 },
  forced_expiratory_volume: { shape: "line", colour: "chart-before-meal", least: 1 },
  spO2: { shape: "line", colour: "chart-oxygen", least: 6, most: 100 },
  perfusion_index: { shape: "line", colour: "chart-oxygen", least: 4 },
  pillbox_opened: { shape: "compartments", colour: "counted", rows: ["AM", "PM", "refill"] },
  pillbox_refilled: { shape: "refills", colour: "chart-pressure" },
  pillbox_refill_initiated: { shape: "refills", colour: "chart-pressure" },
  hailie_medication_event: { shape: "ticks", colour: "chart-weight" },
  hailie_respiratory_flow_log: { shape: "flows", colour: "chart-pressure", least: 40, zero: true },
  hailie_respiratory_timing_log: { shape: "breaths", colour: "chart-pressure", least: 2, zero: true },
  patchcap_open_close_event: { shape: "ticks", colour: "chart-weight", rows: ["", "", ""] },
  no_measurement_event: { shape: "nothings", colour: "chart-glucose", rows: ["", "", ""] },
  steps: { shape: "hours", colour: "chart-weight", least: 100, zero: true, covers: "hour" },
  heart_rate_statistics: { shape: "spans", colour: "chart-pulse", least: 40, covers: "hour" },
  sleep: { shape: "nights", colour: "chart-oxygen", least: 4, zero: true, covers: "day" },
};

export const drawnAs = (metric) => METRICS[metric] ?? { shape: "dots", colour: "chart-glucose", least: 1 };

const PAIRS = new Set(["bars", "flows", "spans"]); // the second value is the other end
const MARKS = new Set(["beats", "compartments", "refills", "ticks", "nothings"]); // values that are no height

// From the lowest to the highest height a reading reaches; nothing for what has no height.
export function extent(look, v1, v2) {
  if (MARKS.has(look.shape)) return [];
  const other = PAIRS.has(look.shape) && v2 != null ? v2 : v1;
  return [look.zero ? 0 : Math.min(v1, other), Math.max(v1, other)];
}
