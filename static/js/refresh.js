// Keeps an open patient page current: asks every few seconds whether anything is new while somebody is
// looking; if so, draws the charts again and takes the [data-live] parts from the page.
// X-Background tells the server that nobody did anything: asking does not keep a session alive.

const EVERY = 5_000;
export const BACKGROUND = { "X-Background": "1" };
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

// Takes the [data-live] parts from the page as it is now.
export async function freshParts() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html", ...BACKGROUND } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.replaceWith(fresh);
  }
}

// `version` is that of the readings the page was made from, `news` where the present one is.
export function keepLive({ news, version }, drawAgain) {
  let known = version;

  async function look() {
    const answer = await fetch(news, { headers: { Accept: "application/json", ...BACKGROUND } });
    if (answer.redirected) throw Object.assign(new Error("signed out"), { status: 401 });
    if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
    const { version: present } = await answer.json();
    if (present !== known) {
      await drawAgain();
      await freshParts();
      known = present;
    }
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
