// Keys of a page: `data-key="e"` with `data-key-name="Export"` on a link or button presses it, on a field goes there. `?` opens
// the list of keys with these names. While one types, keys are letters.

function isTyping(element) {
  return element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range], [type=button], [type=submit])");
}

// Whether a key is for the page: not typed into a field, no shortcut of the browser, no dialog in front.
export function isForPage(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !event.isComposing
    && !isTyping(event.target) && document.querySelector("dialog[open]") === null;
}

function use(element) {
  if (!isTyping(element)) return element.click();
  element.focus();
  element.select?.();
}

function named() {
  return [...document.querySelectorAll("[data-key-name]")].filter((each) => each.checkVisibility());
}

function showKeys() {
  const dialog = document.getElementById("keys");
  dialog.querySelectorAll("[data-made]").forEach((each) => each.remove());
  for (const each of dialog.querySelectorAll("[data-list-only]")) each.hidden = document.querySelector("[data-list]") === null;
  const last = dialog.querySelector("[data-keys-last]");
  for (const { dataset } of named()) {
    const made = last.cloneNode(true);
    delete made.dataset.keysLast;
    made.dataset.made = "";
    made.querySelector("kbd").textContent = dataset.key;
    made.querySelector("dd").textContent = dataset.keyName;
    last.before(made);
  }
  dialog.showModal();
}

export function beginKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("[data-key-name]") && isTyping(event.target)) event.target.blur();
    if (!isForPage(event)) return;
    const found = event.key === "?" ? null : named().find((each) => each.dataset.key === event.key);
    if (event.key !== "?" && !found) return;
    event.preventDefault();
    if (found) use(found);
    else showKeys();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys-open]")) showKeys();
  });
}
