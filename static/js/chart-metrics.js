// What each metric is drawn as. `shape` names a painter in chart-paint.js; `least` is the smallest
// span of the value axis, so that a flat week does not look like a storm. A line joins readings up to
// `joins` days apart (2 unless told); longer gaps stay open.

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
  glucose: { shape: "meals", colour: "chart-glucose", least: 60 },
  weight: { shape: "line", colour: "chart-weight", least: 4, joins: 4 },
  temperature: { shape: "line", colour: "chart-pulse", least: 3 },
  peak_expiratory_flow: { shape: "line", colour: "chart-before-meal", least: 100 },
  forced_expiratory_volume: { shape: "line", colour: "chart-before-meal", least: 1 },
  spO2: { shape: "line", colour: "chart-oxygen", least: 6, most: 100 },
};

export const drawnAs = (metric) => METRICS[metric] ?? { shape: "line", colour: "chart-weight", least: 1 };
