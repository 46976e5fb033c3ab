// What the sample site does by itself. Calls of the tracker may come before it is loaded: they wait in a list.
window.engagement = window.engagement || [];

const on = (id, type, run) => {
  const element = document.getElementById(id);
  if (element) element.addEventListener(type, run);
};

on("sign-in", "submit", (event) => {
  event.preventDefault();
  const customer = new FormData(event.target).get("customer");
  engagement.push(["identify", customer, { name: "Ann Fern" }]);
});
on("sign-out", "click", () => engagement.push(["reset"]));
on("buy", "click", () => engagement.push(["track", "plan_bought", { plan: "large", amount: 120 }]));
on("opt-out", "click", () => engagement.push(["optOut"]));
on("opt-in", "click", () => engagement.push(["optIn"]));

// The views of /pricing: as single-page sites change them.
const show = () => {
  const plan = location.pathname.split("/")[2];
  document.title = plan ? `The ${plan} plan` : "Pricing";
  document.getElementById("view").textContent = plan ? `The ${plan} plan` : "All plans";
};
on("views", "click", (event) => {
  if (!event.target.href) return;
  event.preventDefault();
  history.pushState(null, "", event.target.href);
  show();
});
if (document.getElementById("views")) {
  addEventListener("popstate", show);
  show();
}
