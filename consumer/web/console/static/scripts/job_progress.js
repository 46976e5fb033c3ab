// Parts of a page about a job (`data-job-kind`, `data-job-of`): the bar moves as the job goes on, and the page is renewed
// when its state changes.
import { freshen } from "./drafts.js";
import { listen } from "./live.js";

async function renew() {
  const answer = await fetch(location.href);
  if (answer.ok) freshen(await answer.text());
}

export function beginJobProgress() {
  const account = document.querySelector("meta[name=account]")?.content;
  const shown = (job) =>
    document.querySelector(`[data-job-kind="${job.kind}"][data-job-of="${CSS.escape(job.profile ?? job.definition ?? "")}"]`);
  if (!account || !document.querySelector("[data-job-kind]")) return;
  const follow = (job) => {
    const part = shown(job);
    if (!part) return;
    const state = job.ended_at ? "" : job.state;
    if (state !== part.dataset.jobState) return renew();
    const bar = part.querySelector("progress");
    if (!bar || !job.total) return;
    bar.max = job.total;
    bar.value = job.done;
    const count = part.querySelector("[data-job-count]");
    if (count) count.textContent = [job.done, job.total].map((each) => each.toLocaleString(document.documentElement.lang)).join(" / ");
  };
  // Of no contact: jobs come in any case, and the scores of all contacts are not wanted here.
  listen(account, [crypto.randomUUID?.() ?? "-"], { job: follow, reset: renew });
}
