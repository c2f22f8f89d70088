"""The table that a sweep ends with."""

from collections.abc import Sequence
from typing import Any

from alexcli.records.sweep import SweepJob, best_first
from alexcli.render.progress import duration
from alexcli.render.tables import Format, percent, render
from alexcli.tables import Table

COLUMNS = ["job", "val error", "test error", "epochs", "time", "state", "run"]


def sweep_text(jobs: Sequence[SweepJob], format: Format) -> str:  # noqa: A002
    """The jobs of a sweep, best first, and what failed after them.

    Args:
        jobs: in any order.
        format: the output format; csv and json have the fields of `job_record`.
    """
    ordered = best_first(jobs)
    own_overrides = _distinguishing_overrides(ordered)
    rows = [
        {
            "job": " ".join(overrides),
            "val error": percent(job.run.val_err if job.run else None),
            "test error": percent(job.run.test_err if job.run else None),
            "epochs": job.run.epochs if job.run else "-",
            "time": duration(job.run.seconds) if job.run and job.run.seconds else "-",
            "state": f"failed (exit code {job.exit_code})" if job.state == "failed" else job.state,
            "run": job.run.path if job.run else "-",
        }
        for job, overrides in zip(ordered, own_overrides, strict=True)
    ]
    data = [job_record(job) for job in ordered]
    exact = Table.from_records("jobs", data)
    note = "best first, by the error on the validation set after the last epoch"
    if any(word.startswith("data") for overrides in own_overrides for word in overrides):
        note += "; jobs with other data are judged by other images"
    table = Table.from_records("jobs", rows, note, columns=COLUMNS, exact=exact)
    return render(table, format, data)


def job_record(job: SweepJob) -> dict[str, Any]:
    """A job for other programs: errors are fractions, None if there is none."""
    run = job.run
    return {
        "overrides": " ".join(job.overrides),
        "state": job.state,
        "exit_code": job.exit_code,
        "directory": run.path if run else None,
        "epochs": run.epochs if run else None,
        "val_err": run.val_err if run else None,
        "test_err": run.test_err if run else None,
        "seconds": run.seconds if run else None,
    }


def _distinguishing_overrides(jobs: Sequence[SweepJob]) -> list[list[str]]:
    """The overrides of each job that distinguish it from others; all of a single job."""
    if len(jobs) < 2:
        return [job.overrides for job in jobs]
    shared = set.intersection(*(set(job.overrides) for job in jobs))
    return [[word for word in job.overrides if word not in shared] for job in jobs]
