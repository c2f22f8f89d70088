"""Handing jobs to a scheduler."""

import sys
from collections.abc import Sequence

import pytest

from alexcli.ablation.jobs import Job
from alexcli.ablation.launchers import LAUNCHERS, submit
from alexcli.ablation.plan import Ablation
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from tests.ablation.finished import finish
from tests.conftest import SMALL


class NoteReporter(NullReporter):
    """Keeps the notes that it receives."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_only_jobs_that_wait_are_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[str] = []

    def launch(jobs: Sequence[Job]) -> list[str]:
        submitted.extend(str(job) for job in jobs)
        return [f"number {len(submitted)}"]

    monkeypatch.setitem(LAUNCHERS, "slurm", launch)
    jobs = Ablation(["lrn"], SMALL, 1).jobs()
    reporter = NoteReporter()
    with jobs[1].run.locked():
        submit("slurm", jobs, reporter)
    assert submitted == ["lrn/baseline seed 0"]
    finish(jobs[0], 0.1)
    submit("slurm", jobs, reporter)
    assert submitted == ["lrn/baseline seed 0", "lrn/without seed 0"]
    finish(jobs[1], 0.1)
    submit("slurm", jobs, reporter)
    assert reporter.notes == [
        "not submitted, because they are being trained: lrn/without seed 0",
        "submitted number 1",
        "submitted number 2",
        "nothing to submit: 2 runs finished",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        # submitit's, which runs what it is given only when its result is asked for
        ("launcher.executor=debug", r"launcher\.executor=debug is not one of slurm, local"),
        ("launcher.executor=sge", r"launcher\.executor=sge is not one of slurm, local"),
        ("trainer.precision=auto", r"trainer\.precision=auto does not say"),
    ],
)
def test_what_cannot_be_submitted_is_refused(override: str, message: str) -> None:
    jobs = Ablation(["lrn"], [*SMALL, override], 1).jobs()
    with pytest.raises(UsageError, match=message):
        submit("slurm", jobs, NullReporter())


def test_without_submitit_the_way_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    jobs = Ablation(["lrn"], SMALL, 1).jobs()
    with pytest.raises(UsageError, match="needs submitit") as caught:
        submit("slurm", jobs, NullReporter())
    assert caught.value.hint == "pip install 'alexcli[slurm]'"


def test_a_finished_run_stays_where_it_is_if_nothing_can_be_submitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    finish(Ablation(["lrn"], SMALL, 1).jobs()[0], 0.1)
    jobs = Ablation(["lrn"], [*SMALL, "trainer.train_eval=true"], 1).jobs()
    assert jobs[0].run.result_file.exists()
    assert not jobs[0].finished
    reporter = NoteReporter()
    with pytest.raises(UsageError, match="needs submitit"):
        submit("slurm", jobs, reporter)
    assert jobs[0].run.result_file.exists()
    assert list(jobs[0].run.path.parent.glob("s*")) == [jobs[0].run.path]
    assert reporter.notes[-1].startswith("nothing was submitted; ")
