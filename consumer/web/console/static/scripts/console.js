// Begins what pages ask for by attributes. Pages work without it, but for live updates and keys.
import { beginCopy } from "./copy.js";
import { beginDrafts } from "./drafts.js";
import { beginForms } from "./forms.js";
import { beginJobProgress } from "./job_progress.js";
import { beginJobs } from "./jobs.js";
import { beginKeys } from "./keys.js";
import { beginListKeys } from "./list_keys.js";
import { beginLive } from "./live.js";
import { beginLiveList } from "./live_list.js";
import { beginMenus } from "./menus.js";
import { beginOffline } from "./offline.js";
import { beginPoll } from "./poll.js";
import { beginRangeChart } from "./range_chart.js";
import { beginReorder } from "./reorder.js";

document.body.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf-token]").content;
});
beginCopy();
// A page that says what is wrong with a form, or that something was changed meanwhile, is shown like any other.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (![409, 412, 422].includes(event.detail.xhr.status)) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
beginDrafts();
beginForms();
beginJobProgress();
beginJobs();
beginKeys();
beginListKeys();
beginLive();
beginLiveList();
beginMenus();
beginOffline();
beginPoll();
beginRangeChart();
beginReorder();
