// Drafts that are saved as they are edited. The answer is the whole page: what it has of the elements marked `data-fresh`
// takes the place of those that there are, but for fields that someone is typing into or has typed into since.
const fields = (part) => [...part.querySelectorAll("input:not([type=hidden]), select, textarea")];
const hasBox = (field) => field.type === "checkbox";
const isTyped = (field) => {
  if (field.tagName === "SELECT") return [...field.options].some((each) => each.selected !== each.defaultSelected);
  return hasBox(field) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
};

// Gives a field what was saved of it; what was typed since stays.
function bring(field, saved) {
  const isOwn = isTyped(field);
  if (field.tagName === "SELECT") {
    for (const option of field.options) option.defaultSelected = option.value === saved.value;
    if (!isOwn) field.value = saved.value;
  } else if (hasBox(field)) {
    field.defaultChecked = saved.checked;
    if (!isOwn) field.checked = saved.checked;
  } else if (!isOwn || field.value === saved.value) {
    field.value = field.defaultValue = saved.value;
    field.placeholder = saved.placeholder;
  }
  field.setAttribute("aria-invalid", saved.getAttribute("aria-invalid") ?? "false");
}

// Returns whether a part stays, since someone has typed into it, or is about to and it has the same fields.
function stays(part, fresh) {
  const own = fields(part);
  const theirs = new Map(fields(fresh).map((field) => [field.id, field]));
  const isSame = own.length === theirs.size && own.every((field) => theirs.has(field.id));
  if (!own.some(isTyped) && !(isSame && part.contains(document.activeElement))) return false;
  for (const field of own) if (theirs.has(field.id)) bring(field, theirs.get(field.id));
  part.className = fresh.className;
  return true;
}

function announce(text) {
  if (text) document.getElementById("announcer").textContent = text;
}

// What refuses a change altogether, such as a session that has ended, has none of this page's parts.
function showProblem(answer) {
  document.getElementById("draft-problem")?.remove();
  const problem = answer.querySelector("[role=alert]");
  if (!problem) return;
  const shown = document.importNode(problem, true);
  shown.id = "draft-problem";
  document.querySelector("main").prepend(shown);
}

// only: the value of `data-fresh` of the parts that are meant; all, where it is left out.
export function freshen(html, only) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  if (!answer.querySelector("[data-fresh]")) return showProblem(answer);
  document.getElementById("draft-problem")?.remove();
  const focused = document.activeElement.id;
  for (const part of document.querySelectorAll("[data-fresh][id]")) {
    if (only && part.dataset.fresh !== only) continue;
    const fresh = answer.getElementById(part.id);
    if (!fresh || stays(part, fresh)) continue;
    const taken = document.importNode(fresh, true);
    part.replaceWith(taken);
    window.htmx.process(taken);
  }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  announce([...answer.querySelectorAll("[data-announce], [role=alert]")].map((each) => each.textContent.trim()).join(" "));
}

// A row that is being filled in is saved once all its fields are filled, or on request.
const isHalfFilled = (row) => {
  const filled = fields(row).filter((field) => field.value);
  return filled.length > 0 && filled.length < fields(row).length;
};

export function beginDrafts() {
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, triggeringEvent } = event.detail.requestConfig;
    const waits = triggeringEvent?.type === "change" && elt.closest("[data-draft]");
    if (waits && [...elt.querySelectorAll("[data-together]")].some(isHalfFilled)) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, xhr } = event.detail;
    const asked = requestConfig.elt;
    if (asked.getAttribute("hx-swap") !== "none" || !asked.closest("[data-draft]")) return;
    event.detail.shouldSwap = false;
    event.detail.isError = false;
    freshen(xhr.responseText, asked.dataset.freshOnly);
  });
}
