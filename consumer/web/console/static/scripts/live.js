// Parts of a page that follow what happens: `data-live="CONTACT"` on an element with an id becomes what it is on the page
// as it is now, a moment after the contact's scores have changed. `data-announce` is read out when it changes.
import { morph } from "./morph.js";

// Milliseconds in which further changes are waited for: one event may change several profiles.
const MOMENT = 300;

// Calls `handlers[type](data)` for events of the account. It connects again by itself, and goes on where it was.
export function listen(account, contacts, handlers) {
  const url = new URL(`/console/~api/v1/accounts/${encodeURIComponent(account)}/events`, location.href);
  for (const contact of contacts) url.searchParams.append("contact", contact);
  return listenTo(url, handlers);
}

// The same for events from an address.
export function listenTo(url, handlers) {
  const source = new EventSource(url);
  for (const [type, handle] of Object.entries(handlers)) {
    source.addEventListener(type, (event) => handle(event.data ? JSON.parse(event.data) : null));
  }
  window.addEventListener("pagehide", () => source.close());
  return source;
}

// Makes elements what they are on the page as it is now; all of them are in one answer, whose status is returned (0: none).
// The header lets a page leave out what is not live.
// Then the document has an event `refreshed`: what scripts have changed in them is to be changed again.
export async function refresh(...elements) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html", "Engagement-Live": "true" } }).catch(() => null);
  if (!answer?.ok) return answer?.status ?? 0;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const element of elements) {
    const now = page.getElementById(element.id);
    if (!now || !element.isConnected) continue;
    const said = announced(element);
    const done = morph(element, document.importNode(now, true));
    window.htmx?.process(done);
    if (announced(done) !== said) announce(announced(done));
  }
  document.dispatchEvent(new Event("refreshed"));
  return answer.status;
}

function announced(element) {
  return (element.dataset.announce === undefined ? element.querySelector("[data-announce]") : element)?.dataset.announce;
}

export function announce(text) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = text;
}

export function beginLive() {
  const account = document.querySelector("meta[name=account]")?.content;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const contacts = new Set(parts().map((each) => each.dataset.live));
  if (!account || contacts.size === 0) return;
  let planned = 0;
  const change = () => {
    clearTimeout(planned);
    planned = setTimeout(() => refresh(...parts()), MOMENT);
  };
  listen(account, contacts, { score_changed: change, contact_removed: change, reset: change });
  // Events that do not count change no score: what was missed is there when the page is looked at again.
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && change());
}
