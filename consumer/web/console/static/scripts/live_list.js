// A list that follows what happens without moving under the reader: `data-live-list` has the ids of its contacts.
//
// What has changed is read a moment later. Rows that are still there show it at once, in their places. Rows move, come and
// go only when nobody is at work on the list; else the button `data-changes` says how many there are, and shows them.
import { announce, listen } from "./live.js";

// Milliseconds in which further changes are waited for; and between two looks at the list, which many may have open.
const MOMENT = 300;
const PAUSE = 4_000;
// Milliseconds without a key or a pointer after which nobody is at work; and between looks for contacts that are new.
const REST = 10_000;
const AGAIN = 60_000;

let source = null;
let heard = "";
let lastWork = -REST;
let lastLook = -PAUSE;
let waiting = null;
let planned = 0;
let missed = false;
// The states of the rows when they were put in their order.
let ordered = new Map();

function list() {
  return document.querySelector("[data-live-list]");
}

function rows(within) {
  return [...within.querySelectorAll("[data-row]")];
}

function isAtWork() {
  if (document.visibilityState !== "visible") return false;
  const rowsHaveFocus = list().contains(document.activeElement);
  return rowsHaveFocus || performance.now() - lastWork < REST || !getSelection().isCollapsed;
}

function key(row) {
  return row.dataset.contact;
}

// Puts what rows say now into the rows that are there, without moving them.
function update(now) {
  const fresh = new Map(rows(now).map((row) => [key(row), row]));
  for (const row of rows(list())) {
    const other = fresh.get(key(row));
    if (!other || other.dataset.state === row.dataset.state || row.contains(document.activeElement)) continue;
    row.replaceChildren(...[...other.childNodes].map((each) => document.importNode(each, true)));
    row.dataset.state = other.dataset.state;
    row.classList.add("fresh");
  }
}

function states(within) {
  return new Map(rows(within).map((row) => [key(row), row.dataset.state]));
}

// How many contacts have changed, or are new, since the list was put in its order; 0 while that is still the order.
function changes(now) {
  const after = states(now);
  if ([...after.keys()].join("\0") === rows(list()).map(key).join("\0")) return 0;
  return Math.max(1, [...after].filter(([contact, state]) => ordered.get(contact) !== state).length);
}

function swap(now) {
  waiting = null;
  const at = list().contains(document.activeElement) ? document.activeElement.closest("[data-row]")?.dataset.contact : null;
  const top = at && rowOf(at).getBoundingClientRect().top;
  list().replaceWith(now);
  window.htmx.process(now);
  ordered = states(now);
  follow();
  const row = at && rowOf(at);
  if (!row) return;
  row.querySelector("[data-row-link]").focus({ preventScroll: true });
  window.scrollBy(0, row.getBoundingClientRect().top - top);
}

function rowOf(contact) {
  return rows(list()).find((row) => key(row) === contact);
}

async function look() {
  if (!list() || !navigator.onLine) return;
  lastLook = performance.now();
  const asked = location.href;
  let text = "";
  try {
    const answer = await fetch(asked, { headers: { Accept: "text/html", "Engagement-Live": "true" } });
    if (!answer.ok) return;
    text = await answer.text();
  } catch {
    return;
  }
  // Another page was opened meanwhile.
  if (asked !== location.href || !list()) return;
  const now = new DOMParser().parseFromString(text, "text/html").querySelector("[data-live-list]");
  if (!now) return;
  update(now);
  const count = changes(now);
  const fits = document.importNode(now, true);
  if (count === 0) waiting = null;
  else if (isAtWork()) waiting = fits;
  else return swap(fits);
  say(count);
}

function say(count) {
  const button = list().querySelector("[data-changes]");
  const text = count === 1 ? button.dataset.one : button.dataset.more.replace("{number}", count);
  if (count > 0 && button.querySelector("span").textContent !== text) announce(text);
  button.hidden = count === 0;
  button.querySelector("span").textContent = text;
}

function soon() {
  if (planned) return;
  planned = setTimeout(() => {
    planned = 0;
    if (document.visibilityState !== "visible") missed = true;
    else look();
  }, Math.max(MOMENT, lastLook + PAUSE - performance.now()));
}

// Listens to what happens to the contacts of the list, as it is now.
function follow() {
  const contacts = list()?.dataset.liveList ?? "";
  if (contacts === heard) return;
  heard = contacts;
  waiting = null;
  if (list()) ordered = states(list());
  source?.close();
  source = null;
  const account = document.querySelector("meta[name=account]")?.content;
  const ids = JSON.parse(contacts || "[]");
  if (!account || ids.length === 0) return;
  // What has happened between the page and the beginning of the stream is on no stream.
  const begun = (state) => { if (!state.resumed) soon(); };
  source = listen(account, ids, { ready: begun, score_changed: soon, contact_removed: soon, reset: soon });
}

export function beginLiveList() {
  if (!list()) return;
  follow();
  for (const type of ["pointermove", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(type, () => { lastWork = performance.now(); }, { passive: true });
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-changes]") && waiting) swap(waiting);
  });
  document.addEventListener("visibilitychange", () => {
    if (!missed || document.visibilityState !== "visible") return;
    missed = false;
    soon();
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id !== "results" && event.target.id !== "results") return;
    announce(document.getElementById("results-count").textContent.trim().replace(/\s+/g, " "));
    follow();
  });
  setInterval(() => {
    if (document.visibilityState !== "visible" || !list()) return;
    if (waiting && !isAtWork()) swap(waiting);
    else look();
  }, AGAIN);
}
