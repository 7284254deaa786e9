// Moments in the patient's zone, in the words the rest of the page uses: "Tue, Nov 3, 7:42 AM EST", or
// "Tue 3 Nov, 07:42 EST" where the clinic reads British dates; the year is named once it is not this one.

const AMERICAN = document.documentElement.lang === "en-us";
const dateOf = ({ day, month }) => (AMERICAN ? `${month} ${day}` : `${day} ${month}`);
const timeOf = ({ hour, minute }) =>
  AMERICAN ? `${hour % 12 || 12}:${minute} ${hour < 12 ? "AM" : "PM"}` : `${hour}:${minute}`;
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

// `zoneNames` are the server's own, by offset: browsers know "EST", but say "GMT+10" for "ChST".
export function clock({ zone, zoneNames, year: thisYear }, whole) {
  const names = JSON.parse(zoneNames);
  const format = (options) => new Intl.DateTimeFormat("en-US", { timeZone: zone, ...options });
  const full = format({
    weekday: "short", day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "longOffset",
  });
  const partsOf = (seconds) =>
    Object.fromEntries(full.formatToParts(new Date(seconds * 1000)).map(({ type, value }) => [type, value]));

  // Local days from midnight to midnight; they last 23 to 25 hours, so 26 hours on is always the next.
  function daysOf({ min, max }) {
    const found = [];
    for (let start = min; start < max; ) {
      const { hour, minute } = partsOf(start + 26 * 3600);
      const next = start + 26 * 3600 - Number(hour) * 3600 - Number(minute) * 60;
      const after = partsOf(next);
      const end = next - (after.hour === "23" ? -3600 : Number(after.hour) * 3600); // the clock was changed in between
      found.push({ start, end, weekday: WEEKDAYS.indexOf(partsOf(start + 43200).weekday) + 1 });
      start = end;
    }
    return found;
  }

  const days = daysOf(whole);

  return {
    days,
    dayOf(seconds) {
      const day = days[Math.floor((seconds - whole.min) / 86400)];
      if (day && seconds >= day.start && seconds < day.end) return day;
      return days.find(({ start, end }) => seconds >= start && seconds < end) ?? null;
    },
    words(seconds) {
      const p = partsOf(seconds);
      const comma = AMERICAN ? "," : "";
      const year = p.year === thisYear ? "" : `${comma} ${p.year}`;
      return `${p.weekday}${comma} ${dateOf(p)}${year}, ${timeOf(p)} ${names[p.timeZoneName.padEnd(9, "+00:00")] ?? p.timeZoneName}`;
    },
    // Labels of the time axis: hours, days or months, depending on how far apart they stand.
    ticks(u, splits, axis, space, step) {
      return splits.map((seconds, i) => {
        const p = partsOf(seconds);
        const midnight = p.hour === "00" && p.minute === "00";
        if (step < 86400 && !midnight) return timeOf(p).replace(":00 ", " ");
        if (step < 28 * 86400) return dateOf(p);
        return i === 0 || p.month === "Jan" ? `${p.month} ${p.year}` : p.month;
      });
    },
    date: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
  };
}
