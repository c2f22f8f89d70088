"""Running studies: runs shared, failures told, results out of run directories."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexcli.errors import InterruptedRunError
from alexcli.render.figures import write_report
from alexcli.render.studies import study_table
from alexcli.results import Silent
from alexcli.run.ablate import Ablation, Job, run_jobs
from alexcli.run.evaluate import evaluate
from alexcli.run.look import of_runs, of_study
from alexcli.run.rundir import newest
from alexcli.run.train import train
from tests.conftest import SMALL


def _ablation(*names: str, seeds: int = 2) -> Ablation:
    return Ablation(names, SMALL, seeds)


def _finish(job: Job, error: float) -> None:
    """A run as it stands when it is finished, without the training."""
    job.run.create(job.spec, [str(i) for i in range(10)])
    rows = [
        {"split": split, "epoch": epoch, "step": epoch, "top1_err": 0.9 - (0.9 - error) * epoch / 2}
        for epoch in (1, 2)
        for split in ("train", "val")
    ]
    job.run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    val = {"top1_err": error, "top5_err": error / 2, "epoch": 2}
    result = {"classes": 10, "last": {"val": val}}
    result |= {"data": {"val": 60}, "seconds": 1.0, "on": {}, "arm": job.name}
    job.run.finish("train", result)


def test_studies_share_their_baseline() -> None:
    names = [(job.name, job.spec.seed) for job in _ablation("lrn", "pooling").jobs()]
    arms = ("lrn/baseline", "lrn/without", "pooling/disjoint")
    assert names == [(arm, seed) for seed in (0, 1) for arm in arms]


def test_a_run_of_train_is_a_baseline() -> None:
    job = _ablation("lrn").jobs()[0]
    trained = train(job.spec, Silent())
    assert trained.directory == str(job.run.path)
    assert _ablation("lrn").jobs()[0].finished


def test_results_are_read_out_of_the_runs_and_an_unfinished_one_is_counted() -> None:
    ablation = _ablation("lrn", seeds=3)
    errors = {("baseline", 0): 0.10, ("baseline", 1): 0.12, ("without", 0): 0.13}
    errors |= {("without", 1): 0.14, ("baseline", 2): 0.11}
    for job in ablation.jobs():
        error = errors.get((job.name.partition("/")[2], job.spec.seed))
        if error is not None:
            _finish(job, error)
    (study,) = ablation.results(Silent())
    found = study.arms[1].differences[0]
    assert found.mean == pytest.approx(0.025)
    assert (found.seeds, found.paper, found.notes, study.missing, study.n) == (
        2, 0.014, 0.0137, 1, 60,
    )  # fmt: skip
    text = study_table(study).note or ""
    assert "model.norm: lrn -> none" in text
    assert "not finished: 1 run" in text
    with pytest.raises(Exception, match="no finished run"):  # an arm is nobody's newest run
        newest(Path("runs"))


def test_a_report_is_one_file_without_addresses() -> None:
    ablation = _ablation("lrn")
    for job in ablation.jobs():
        _finish(job, 0.1 if job.name.endswith("baseline") else 0.2)
    studies = ablation.results(Silent())
    runs = [job.run for job in ablation.jobs()[:2]]
    sections = {study.name: of_study(study, ablation.typed) for study in studies} | {
        "runs": of_runs(runs)
    }
    sections["lrn"].tables.insert(0, study_table(studies[0]))
    files = write_report(sections, Path("report.html"))
    assert [path.name for path in files] == [
        "report.html", "report-lrn.png", "report-lrn.svg", "report-runs.png", "report-runs.svg",
    ]  # fmt: skip
    page = Path("report.html").read_text()
    assert "+10.00" in page
    assert "model.norm" in page
    assert page.count("<svg") == 2
    for loading in ('src="http', 'href="http', "@import", "<script"):
        assert loading not in page


def test_a_failed_run_shows_the_end_of_its_log_and_runs_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = _ablation("lrn", seeds=1).jobs()
    program = "import sys; print('no room', file=sys.stderr); sys.exit(1)"
    monkeypatch.setattr(Job, "command", lambda *_: [sys.executable, "-c", program])
    failed = run_jobs(jobs, 2, Silent())
    assert len(failed) == 2
    assert all("no room" in message for message in failed)
    _finish(jobs[0], 0.1)
    assert len(run_jobs(jobs, 2, Silent())) == 1, "a finished run is not repeated"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own answer to SIGINT, which a shell's background job starts without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = _ablation("lrn", seeds=2).jobs()
    _finish(jobs[0], 0.1)
    program = "import os, signal; os.kill(os.getppid(), signal.SIGINT)"
    monkeypatch.setattr(Job, "command", lambda *_: [sys.executable, "-c", program])
    with pytest.raises(InterruptedRunError, match="1 of 4 runs are finished"):
        run_jobs(jobs, 1, Silent())


def test_ten_views_and_ensembles_are_those_of_evaluate() -> None:
    ablation = _ablation("ten_crop", "ensemble")
    for job in ablation.jobs():
        train(job.spec, Silent(), overrides=job.words)
    ten, ensemble = ablation.results(Silent())
    runs = [(job.run, job.run.last) for job in ablation.jobs()]
    expected = evaluate(runs, Silent(), split="val", protocols=["center", "ten"]).results
    by_views = [row for row in expected if row.protocol["views"] == 10 and not row.members]
    assert list(ten.arms[1].values["top1_err"].values()) == [row.top1_err for row in by_views]
    averaged = next(row for row in expected if row.members and row.protocol["views"] == 1)
    assert ensemble.arms[1].values["top1_err"] == {0: averaged.top1_err}
