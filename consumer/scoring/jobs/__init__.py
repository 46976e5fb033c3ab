"""Background jobs: resumable walks over an account's contacts, in steps of one short transaction each.

    begin ─► state ─► … ─► state ─► ended
               │ the account's contacts in the order of their numbers, some in each step
               └─ the end of the walk leads to the next state, or ends the job

Read kind.py first (what a kind of job has to say), then step.py (a step, whatever the kind), run.py (one job to its
end, for commands) and turns.py (whose turn it is, where a worker has several).
"""

from consumer.scoring.jobs.kind import JobKind, JobStatus, WaitsFor, read_status
from consumer.scoring.jobs.run import run
from consumer.scoring.jobs.step import Awaited, Step, take_step
from consumer.scoring.jobs.turns import Job, Turns, due_jobs, record_failure

__all__ = [
    "Awaited",
    "Job",
    "JobKind",
    "JobStatus",
    "Step",
    "Turns",
    "WaitsFor",
    "due_jobs",
    "read_status",
    "record_failure",
    "run",
    "take_step",
]
