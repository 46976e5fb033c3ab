// A chart that is a filter too: `data-range` on one with a bar for each of `data-edges`, the least points of the bars (null
// at open ends). It is dragged over, or its two sliders are moved; both fill the fields #field-min and #field-max.

function edges(chart) {
  return JSON.parse(chart.dataset.edges);
}

function field(name) {
  return document.getElementById(`field-${name}`);
}

// The bars from `from` up to `to`, the latter not included.
function range(chart) {
  const [from, to] = chart.querySelectorAll("[data-end]");
  return [Math.min(from.value, to.value), Math.max(from.value, to.value)];
}

function show(chart) {
  const [from, to] = range(chart);
  chart.querySelectorAll(".chart-bar").forEach((bar, place) => bar.classList.toggle("inside", place >= from && place < to));
  const known = edges(chart);
  for (const slider of chart.querySelectorAll("[data-end]")) {
    slider.setAttribute("aria-valuetext", known[slider.value] ?? "–");
  }
}

function fill(chart) {
  const known = edges(chart);
  const [from, to] = range(chart);
  field("min").value = from > 0 ? known[from] ?? "" : "";
  field("max").value = to < known.length - 1 ? known[to] - 1 : "";
}

function apply(chart) {
  fill(chart);
  field("max").dispatchEvent(new Event("change", { bubbles: true }));
}

// Puts the sliders where the fields are.
function read(chart) {
  const known = edges(chart);
  const at = (points) => {
    const place = known.findIndex((edge, place) => place > 0 && (edge === null || edge > points));
    return place < 0 ? known.length - 1 : place - 1;
  };
  const [from, to] = chart.querySelectorAll("[data-end]");
  from.value = field("min").value === "" ? 0 : at(Number(field("min").value));
  to.value = field("max").value === "" ? known.length - 1 : at(Number(field("max").value)) + 1;
  show(chart);
}

function begin(chart) {
  if (chart.dataset.ready) return;
  chart.dataset.ready = "1";
  read(chart);
  const svg = chart.querySelector("svg");
  const [from, to] = chart.querySelectorAll("[data-end]");
  const count = edges(chart).length - 1;
  let began = null;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.max(0, Math.min(count - 1, Math.floor((event.clientX - box.left) / box.width * count)));
  };
  const drag = (event) => {
    from.value = Math.min(began, place(event));
    to.value = Math.max(began, place(event)) + 1;
    show(chart);
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    began = place(event);
    svg.setPointerCapture(event.pointerId);
    drag(event);
  });
  svg.addEventListener("pointermove", (event) => { if (began !== null) drag(event); });
  svg.addEventListener("pointerup", () => {
    if (began === null) return;
    began = null;
    apply(chart);
  });
  svg.addEventListener("pointercancel", () => { began = null; read(chart); });
  for (const slider of [from, to]) {
    slider.addEventListener("input", () => show(chart));
    // The sliders' own changes are the fields' once these are filled.
    slider.addEventListener("change", (event) => { event.stopPropagation(); apply(chart); });
  }
}

export function beginRangeChart() {
  const all = () => document.querySelectorAll("[data-range]").forEach(begin);
  all();
  document.body.addEventListener("htmx:afterSettle", all);
}
