"""The order of a sweep's jobs, and what became of each."""

from alexcli.errors import InterruptedRunError, TerminatedRunError
from alexcli.records.run_summary import RunSummary
from alexcli.records.sweep import SweepJob, best_first


def summary(name: str, val_err: float | None, test_err: float | None = None) -> RunSummary:
    return RunSummary(
        name=name,
        path=f"runs/{name}",
        model="tiny",
        data="synthetic",
        seed=0,
        epochs="2/2",
        val_err=val_err,
        test_err=test_err,
        seconds=61.0,
        state="finished",
        bytes=1,
    )


def test_the_validation_error_decides_and_never_the_test_error() -> None:
    jobs = [
        SweepJob(["seed=0"], 0, summary("a/s0", 0.3, test_err=0.1)),
        SweepJob(["seed=1"], 1, None),
        SweepJob(["seed=2"], 0, summary("a/s2", 0.2, test_err=0.9)),
        SweepJob(["seed=3"], 0, summary("a/s3", None)),
    ]
    ordered = [job.overrides[0] for job in best_first(jobs)]
    assert ordered == ["seed=2", "seed=0", "seed=1", "seed=3"]


def test_a_job_without_a_run_says_how_it_ended() -> None:
    codes = {
        None: "not started",
        InterruptedRunError.exit_code: "interrupted",
        TerminatedRunError.exit_code: "interrupted",
        2: "failed",
    }
    assert {code: SweepJob([], code, None).state for code in codes} == codes
    assert SweepJob([], 0, summary("a/s0", 0.1)).state == "finished"
