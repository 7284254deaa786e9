// Moments in the patient's zone, in the words the rest of the page uses: "Tue 3 Nov, 07:42 EST".

export function clock(zone) {
  const format = (options) => new Intl.DateTimeFormat("en-US", { timeZone: zone, ...options });
  const full = format({
    weekday: "short", day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
  });
  const partsOf = (seconds) =>
    Object.fromEntries(full.formatToParts(new Date(seconds * 1000)).map(({ type, value }) => [type, value]));

  return {
    words(seconds) {
      const p = partsOf(seconds);
      return `${p.weekday} ${p.day} ${p.month}, ${p.hour}:${p.minute} ${p.timeZoneName}`;
    },
    // Labels of the time axis: hours, days or months, depending on how far apart they stand.
    ticks(u, splits, axis, space, step) {
      return splits.map((seconds, i) => {
        const p = partsOf(seconds);
        const midnight = p.hour === "00" && p.minute === "00";
        if (step < 86400 && !midnight) return `${p.hour}:${p.minute}`;
        if (step < 28 * 86400) return `${p.day} ${p.month}`;
        return i === 0 || p.month === "Jan" ? `${p.month} ${p.year}` : p.month;
      });
    },
    date: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
  };
}
