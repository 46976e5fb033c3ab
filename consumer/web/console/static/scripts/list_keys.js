// Moving through a list by keys: `data-list` on what contains it, `data-row-link` on the link of each row. `j` and `k` go
// to the next and previous row, Enter opens it, as on any link. Beyond the ends they go on to the next or previous page:
// `data-list-next` and `data-list-previous` on their links.
import { isForPage } from "./keys.js";

// Which end of a page to go to once it is there.
let awaited = null;

function links() {
  return [...document.querySelectorAll("[data-list] [data-row-link]")];
}

function go(link) {
  link?.focus({ preventScroll: true });
  link?.closest("[data-row]")?.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const all = links();
  const at = all.findIndex((each) => each.closest("[data-row]").contains(document.activeElement));
  if (at < 0) return go(all[0]);
  if (all[at + step]) return go(all[at + step]);
  const page = document.querySelector(step > 0 ? "a[data-list-next]" : "a[data-list-previous]");
  if (!page) return;
  awaited = step > 0 ? 0 : -1;
  page.click();
}

export function beginListKeys() {
  document.addEventListener("keydown", (event) => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || !isForPage(event) || links().length === 0) return;
    event.preventDefault();
    move(step);
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    if (awaited === null) return;
    go(links().at(awaited));
    awaited = null;
  });
}
