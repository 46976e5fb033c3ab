// The list of jobs follows them: `data-jobs` on an element with an id is replaced when one begins, goes on or ends.
import { listen, refresh } from "./live.js";

export function beginJobs() {
  const list = document.querySelector("[data-jobs]");
  const account = document.querySelector("meta[name=account]")?.content;
  if (!list || !account) return;
  const change = () => {
    const now = document.getElementById(list.id);
    // Not while a person is about to press a button in it.
    if (now && !now.contains(document.activeElement)) refresh(now);
  };
  // Jobs come to all who listen; scores only of the contacts that are named, so of none.
  listen(account, [crypto.randomUUID?.() ?? "-"], { job: change, reset: change });
}
