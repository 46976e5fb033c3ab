// Lists whose items can be moved: `data-reorder="URL"` on a list, `data-key` and `data-name` on its items, and a
// `data-handle` within each. A handle is dragged, or an item moved by Alt and an arrow key where the focus is within it; then
// `kind`, `key`, and the neighbour as `after` or `before`, are sent to the URL, and the page is shown as it is then. `data-said`
// is announced.

// Milliseconds after a key before it is sent: several make one move.
const MOMENT = 500;
let dragged = null;
let origin = null;
let planned = 0;
let focused = null;

const itemOf = (element) => element.closest?.("[data-key]");
const itemsOf = (list) => [...list.children].filter((each) => each.dataset.key);
const beside = (item, way) => {
  const sibling = way < 0 ? item.previousElementSibling : item.nextElementSibling;
  return sibling?.dataset.key ? sibling : null;
};

function announce(item) {
  const items = itemsOf(item.parentElement);
  const values = { name: item.dataset.name, place: items.indexOf(item) + 1, count: items.length };
  document.getElementById("announcer").textContent =
    item.parentElement.dataset.said.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function send(item) {
  const list = item.parentElement;
  const before = beside(item, -1);
  const place = before ? { after: before.dataset.key } : { before: beside(item, 1)?.dataset.key };
  window.htmx.ajax("POST", list.dataset.reorder, {
    target: "#content", select: "#content", swap: "outerHTML",
    values: { kind: list.dataset.kind, key: item.dataset.key, ...place },
  });
}

function showHandles() {
  for (const handle of document.querySelectorAll("[data-handle][hidden]")) handle.hidden = false;
}

function moveByKey(event) {
  const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const item = event.altKey && way ? itemOf(event.target) : null;
  if (!item || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  const other = beside(item, way);
  if (!other) return;
  if (way < 0) other.before(item);
  else other.after(item);
  const place = event.target.id ? event.target : item.querySelector("[data-handle]");
  place.focus();
  announce(item);
  clearTimeout(planned);
  focused = place.id;
  planned = setTimeout(() => send(item), MOMENT);
}

function moveByDrag(event) {
  if (!dragged) return;
  const over = event.target.closest?.(`[data-reorder] > [data-key]`);
  const list = dragged.parentElement;
  const item = over && itemsOf(list).find((each) => each === over || each.contains(over));
  if (!item) return;
  event.preventDefault();
  if (item === dragged) return;
  const { top, height } = item.getBoundingClientRect();
  if (event.clientY < top + height / 2) item.before(dragged);
  else item.after(dragged);
}

export function beginReorder() {
  document.addEventListener("keydown", moveByKey);
  document.addEventListener("dragstart", (event) => {
    const handle = event.target.closest?.("[data-handle]");
    if (!handle) return;
    dragged = itemOf(handle);
    origin = dragged.nextElementSibling;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.name);
    event.dataTransfer.setDragImage(dragged, 0, 0);
    dragged.classList.add("dragged");
  });
  document.addEventListener("dragover", moveByDrag);
  document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });
  document.addEventListener("dragend", (event) => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    const item = dragged;
    dragged = null;
    // Escape, or a drop elsewhere, puts it back.
    if (event.dataTransfer.dropEffect === "none") item.parentElement.insertBefore(item, origin);
    else if (item.nextElementSibling !== origin) {
      announce(item);
      send(item);
    }
  });
  document.addEventListener("click", (event) => {
    focused = event.target.closest?.(".movers button, .switch")?.id ?? null;
  });
  // A page that was swapped in has its handles, and the focus where it was: at an end of a list, on the handle beside.
  document.body.addEventListener("htmx:afterSettle", () => {
    showHandles();
    if (!focused || document.activeElement !== document.body) return;
    const there = document.getElementById(focused);
    (there?.disabled ? itemOf(there).querySelector("[data-handle]") : there)?.focus();
    focused = null;
  });
  showHandles();
}
