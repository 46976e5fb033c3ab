// Keeps an element up to date: `data-poll="SECONDS"` on one with an id replaces it by that of the page as it is now, as
// long as the page is visible, and nobody reads it: while it has the focus, an open part or selected text, it stays.
// `data-pause="ID"` on a button within pauses it, until the button is pressed again.
import { refresh } from "./live.js";

const paused = new Set();

function isRead(element) {
  const selection = getSelection();
  return element.contains(document.activeElement) || element.querySelector("details[open]") !== null
    || (!selection.isCollapsed && element.contains(selection.anchorNode));
}

function show(button) {
  button.hidden = false;
  const isPaused = paused.has(button.dataset.pause);
  button.setAttribute("aria-pressed", String(isPaused));
  const label = button.querySelector("span");
  button.dataset.pauseText ??= label.textContent;
  label.textContent = isPaused ? button.dataset.goOn : button.dataset.pauseText;
}

export function beginPoll() {
  for (const button of document.querySelectorAll("[data-pause]")) show(button);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pause]");
    if (!button) return;
    const id = button.dataset.pause;
    if (!paused.delete(id)) paused.add(id);
    show(button);
    if (!paused.has(id)) button.blur();
  });
  document.addEventListener("refreshed", () => {
    for (const button of document.querySelectorAll("[data-pause]")) show(button);
  });
  for (const { id, dataset } of document.querySelectorAll("[data-poll]")) {
    setInterval(() => {
      const element = document.getElementById(id);
      if (document.visibilityState === "visible" && element && !paused.has(id) && !isRead(element)) refresh(element);
    }, dataset.poll * 1000);
  }
}
