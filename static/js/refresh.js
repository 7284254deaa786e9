// Keeps an open patient page current: asks for the series every few seconds while somebody is
// looking, moves the charts when something is new, and takes the [data-live] parts from the page.
// Asking keeps the session alive, so it pauses once nobody has touched the page for a while.

const EVERY = 5_000;
const PAUSE_AFTER = 5 * 60_000;

let touched = Date.now();
const here = () => !document.hidden && Date.now() - touched < PAUSE_AFTER;

function say(state, words) {
  const sign = document.querySelector("[data-live-state]");
  if (!sign || sign.textContent === words) return;
  sign.hidden = false;
  sign.dataset.liveState = state;
  sign.textContent = words;
}

async function freshParts() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.replaceWith(fresh);
  }
}

export function keepLive(charts, load, show) {
  const known = new Map();

  async function look() {
    let news = false;
    for (const chart of charts) {
      const answers = await load(chart);
      const text = JSON.stringify(answers);
      if (known.has(chart) && known.get(chart) !== text) {
        show(chart, answers);
        news = true;
      }
      known.set(chart, text);
    }
    if (news) await freshParts();
    say("on", "Live");
  }

  async function turn() {
    if (!here()) say("off", "Paused until you are back");
    else {
      try {
        await look();
      } catch (error) {
        if (error.status === 401 || error.status === 403) return say("off", "Signed out; reload to sign in");
        say("off", "No connection; trying again");
      }
    }
    setTimeout(turn, EVERY);
  }

  for (const event of ["pointermove", "pointerdown", "keydown", "scroll", "focus"]) {
    addEventListener(event, () => (touched = Date.now()), { passive: true });
  }
  turn();
}
