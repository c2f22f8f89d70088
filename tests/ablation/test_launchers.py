"""Handing jobs to a scheduler."""

import sys

import pytest

from alexcli.ablation.launchers import LAUNCHERS, submit
from alexcli.ablation.plan import Ablation
from alexcli.errors import UsageError
from tests.ablation.finished import finish
from tests.conftest import SMALL


def test_only_unfinished_jobs_are_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[str] = []
    monkeypatch.setitem(LAUNCHERS, "slurm", lambda jobs: [submitted.append(j.name) for j in jobs])
    jobs = Ablation(["lrn"], SMALL, 1).jobs()
    finish(jobs[0], 0.1)
    submit("slurm", jobs)
    assert submitted == ["lrn/without"]
    finish(jobs[1], 0.1)
    assert submit("slurm", jobs) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("launcher.executor=sge", r"launcher\.executor=sge is not one of slurm, local, debug"),
        ("trainer.precision=auto", r"trainer\.precision=auto does not say"),
    ],
)
def test_what_cannot_be_submitted_is_refused(override: str, message: str) -> None:
    jobs = Ablation(["lrn"], [*SMALL, override], 1).jobs()
    with pytest.raises(UsageError, match=message):
        submit("slurm", jobs)


def test_without_submitit_the_way_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    jobs = Ablation(["lrn"], SMALL, 1).jobs()
    with pytest.raises(UsageError, match="needs submitit") as caught:
        submit("slurm", jobs)
    assert caught.value.hint == "pip install 'alexcli[slurm]'"
