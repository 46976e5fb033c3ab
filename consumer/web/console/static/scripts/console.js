// Begins what pages ask for by attributes. Pages work without it, but for live updates and keys.
import { beginCopy } from "./copy.js";
import { beginJobs } from "./jobs.js";
import { beginLive } from "./live.js";
import { beginMenus } from "./menus.js";
import { beginOffline } from "./offline.js";
import { beginPoll } from "./poll.js";
import { beginReorder } from "./reorder.js";

document.body.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf-token]").content;
});
beginCopy();
beginJobs();
beginLive();
beginMenus();
beginOffline();
beginPoll();
beginReorder();
