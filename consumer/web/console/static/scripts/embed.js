// The panel in a frame: it says how high it is to the page around it, if that is of an allowed origin, and follows what
// happens until its address has expired.
import { listenTo, refresh } from "./live.js";

// Milliseconds in which further changes are waited for.
const MOMENT = 300;

// Only the page around knows its origin in all browsers: a message to another one is not delivered.
function origins() {
  const allowed = document.querySelector("meta[name=embed-origins]").content.split(" ").filter(Boolean);
  const around = location.ancestorOrigins?.[0];
  return around === undefined ? allowed : allowed.filter((each) => each === around || each === "*");
}

function sayHeight() {
  const say = () => {
    const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
    for (const origin of origins()) parent.postMessage({ type: "engagement:height", height }, origin);
  };
  new ResizeObserver(say).observe(document.body);
  say();
}

function follow(main) {
  let planned = 0;
  const change = () => {
    clearTimeout(planned);
    planned = setTimeout(async () => {
      if (await refresh(main) === 410) source.close();
    }, MOMENT);
  };
  const source = listenTo(location.href, { score_changed: change, contact_removed: change, reset: change });
}

if (parent !== window) sayHeight();
const main = document.getElementById("embed");
if (main.hasAttribute("data-follows")) follow(main);
