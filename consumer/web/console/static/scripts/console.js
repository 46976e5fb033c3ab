// Begins what pages ask for by attributes. Pages work without it, but for live updates and keys.
import { beginCopy } from "./copy.js";
import { beginForms } from "./forms.js";
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
beginForms();
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
