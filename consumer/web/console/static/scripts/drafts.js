// Drafts that are saved as they are edited. The answer is the whole page: what it has of the elements marked `data-fresh`
// takes the place of those that there are, but for fields that someone is typing into or has typed into since.
const fields = (part) => [...part.querySelectorAll("input:not([type=hidden]), select, textarea")];
const isTyped = (field) =>
  field.tagName === "SELECT"
    ? [...field.options].some((option) => option.selected !== option.defaultSelected)
    : field.value !== field.defaultValue;

// Returns whether a part stays as it is. What was saved of it is no longer something typed.
function stays(part, fresh) {
  const typed = fields(part);
  if (!typed.some((field) => field === document.activeElement || isTyped(field))) return false;
  for (const field of typed) {
    const saved = fresh.querySelector(`[name="${CSS.escape(field.name)}"]`);
    if (!saved) continue;
    const typedIn = isTyped(field);
    if (field.tagName === "SELECT") {
      for (const option of field.options) option.defaultSelected = saved.value === option.value;
      if (!typedIn) field.value = saved.value;
    } else if (!typedIn || saved.value === field.value) {
      field.value = field.defaultValue = saved.value;
      field.placeholder = saved.placeholder;
    }
    field.setAttribute("aria-invalid", saved.getAttribute("aria-invalid") ?? "false");
  }
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

export function freshen(html) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  if (!answer.querySelector("[data-fresh]")) return showProblem(answer);
  document.getElementById("draft-problem")?.remove();
  for (const part of document.querySelectorAll("[data-fresh][id]")) {
    const fresh = answer.getElementById(part.id);
    if (!fresh || stays(part, fresh)) continue;
    const taken = document.importNode(fresh, true);
    part.replaceWith(taken);
    window.htmx.process(taken);
  }
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
    freshen(xhr.responseText);
  });
}
