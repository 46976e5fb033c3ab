// Parts of a page that follow what happens: `data-live="CONTACT"` on an element with an id is replaced by the same
// element of the page as it is now, a moment after the contact's scores have changed.

// Milliseconds in which further changes are waited for: one event may change several profiles.
const MOMENT = 300;

// Calls `handlers[type](data)` for events of the account. It connects again by itself, and goes on where it was.
export function listen(account, contacts, handlers) {
  const url = new URL(`/console/api/v1/accounts/${encodeURIComponent(account)}/events`, location.href);
  for (const contact of contacts) url.searchParams.append("contact", contact);
  const source = new EventSource(url);
  for (const [type, handle] of Object.entries(handlers)) {
    source.addEventListener(type, (event) => handle(event.data ? JSON.parse(event.data) : null));
  }
  window.addEventListener("pagehide", () => source.close());
  return source;
}

export function refresh(element) {
  return window.htmx.ajax("GET", location.href, {
    target: `#${element.id}`, select: `#${element.id}`, swap: "outerHTML",
  });
}

export function beginLive() {
  const account = document.querySelector("meta[name=account]")?.content;
  const contacts = new Set([...document.querySelectorAll("[data-live]")].map((each) => each.dataset.live));
  if (!account || contacts.size === 0) return;
  let planned = 0;
  const change = () => {
    clearTimeout(planned);
    planned = setTimeout(() => document.querySelectorAll("[data-live]").forEach(refresh), MOMENT);
  };
  listen(account, contacts, { score_changed: change, contact_removed: change, reset: change });
}
