// Keeps the [data-live] parts of a page current while one of them says that something is under way.

import { freshParts } from "./refresh.js";

const EVERY = 2_000;

async function turn() {
  if (!document.querySelector("[data-under-way]")) return;
  if (!document.hidden) await freshParts().catch(() => undefined); // no connection: the next turn may have one
  setTimeout(turn, EVERY);
}

setTimeout(turn, EVERY);
