"""More epochs for a finished run: the same to the bit as a run that is longer from the start."""

from pathlib import Path

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from alexcli.run.dry_run import plan
from alexcli.run.extend import obstacle
from alexcli.run.train import train
from alexcli.schema import TrainSpec
from tests.conftest import small
from tests.run.trainings import Notes, equal_weights, last_weights, stop_after_epoch

CONSTANT = ("optim=constant", "optim.batch_size=50", "optim.lr=0.002")
STEPS = (*CONSTANT, "optim.groups.weights.lr={kind:steps,steps:{2:0.5,3:0.1,7:0.01},per:step}")
PLATEAU = ("optim=paper", "optim.batch_size=50", "optim.lr=0.003", "optim.plateau.patience=1")
MEASURED = ("images_per_s", "time", "peak_memory_bytes")


def _spec(overrides: tuple[str, ...], epochs: int, *more: str) -> TrainSpec:
    return small(*overrides, f"optim.epochs={epochs}", *more)


def _train(spec: TrainSpec, *, extend: bool = False) -> tuple[RunDirectory, Notes]:
    reporter = Notes()
    return RunDirectory(Path(train(spec, reporter, extend=extend).directory)), reporter


def _assert_same(run: RunDirectory, whole: RunDirectory) -> None:
    """Weights, momentum, schedule state, metrics and the best epoch are equal to the bit."""
    for name in ("last.ckpt", "best.ckpt"):
        ours, theirs = (checkpoint.read(each.path / name) for each in (run, whole))
        assert equal_weights(ours["state_dict"], theirs["state_dict"])
        (optimizer,), (optimizer_of_whole,) = (c["optimizer_states"] for c in (ours, theirs))
        assert optimizer["param_groups"] == optimizer_of_whole["param_groups"]
        for number, state in optimizer_of_whole["state"].items():
            for key, value in state.items():
                ours_too = optimizer["state"][number][key]
                assert torch.equal(torch.as_tensor(ours_too), torch.as_tensor(value))
        assert ours["alexcli"]["plateau"] == theirs["alexcli"]["plateau"]
        assert ours["global_step"] == theirs["global_step"]
    rows, rows_of_whole = (
        [{key: row[key] for key in row if key not in MEASURED} for row in each.rows()]
        for each in (run, whole)
    )
    assert rows == rows_of_whole
    assert run.unit_rows() == whole.unit_rows()
    results = [each.result() or {} for each in (run, whole)]
    assert results[0]["best"]["epoch"] == results[1]["best"]["epoch"]
    assert results[0]["steps"] == results[1]["steps"]
    assert results[0]["epochs"] == results[1]["epochs"]


@pytest.mark.parametrize(
    "overrides",
    [STEPS, PLATEAU, (*CONSTANT, "optim.kind=adam")],
    ids=["steps", "plateau", "constant_adam"],
)
def test_an_extended_run_is_the_uninterrupted_longer_one(overrides: tuple[str, ...]) -> None:
    whole, _ = _train(_spec(overrides, 4, "label=whole"))
    short, _ = _train(_spec(overrides, 2))
    before = (short.last.read_bytes(), short.metrics.read_bytes())
    extended, reporter = _train(_spec(overrides, 4), extend=True)
    assert any(f"resuming from {short.last}, step 6" in note for note in reporter.notes)
    _assert_same(extended, whole)
    assert (extended.result() or {})["extends"] == short.name
    assert before == (short.last.read_bytes(), short.metrics.read_bytes())


def test_without_the_flag_the_shorter_run_is_told_and_the_longest_counts() -> None:
    _train(_spec(CONSTANT, 1))
    second, _ = _train(_spec(CONSTANT, 2))
    spec = _spec(CONSTANT, 3)
    told = f"{second.path} is the same training with 2 epochs, and finished: --extend resumes"
    assert told in plan(spec, NullReporter(), overrides=[])
    _, reporter = _train(spec)
    assert any(told in note for note in reporter.notes)
    _, reporter = _train(_spec(CONSTANT, 2, "seed=1"))
    assert not any("--extend" in note for note in reporter.notes), "another seed is another run"


def test_a_killed_extension_resumes_by_the_plain_command(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = _train(_spec(CONSTANT, 4, "label=whole"))
    _train(_spec(CONSTANT, 2))
    stop_after_epoch(monkeypatch, 3)
    with pytest.raises(RuntimeError, match="killed"):
        _train(_spec(CONSTANT, 4), extend=True)
    resumed, reporter = _train(_spec(CONSTANT, 4), extend=True)
    assert any("step 9" in note for note in reporter.notes), "not from the shorter run again"
    assert equal_weights(last_weights(resumed.path), last_weights(whole.path))


def test_schedules_of_several_groups_are_named_together() -> None:
    spec = _spec(("optim=quickstart",), 2)
    assert (obstacle(spec) or "").endswith("biases.lr (cosine) follow the length of the whole run")


@pytest.mark.parametrize("kind", ["cosine", "dexp"])
def test_a_schedule_over_the_whole_run_is_refused_with_the_reason(kind: str) -> None:
    schedule = f"optim.groups.weights.lr.kind={kind}"
    _train(_spec(CONSTANT, 1, schedule))
    spec = _spec(CONSTANT, 2, schedule)
    with pytest.raises(UsageError, match="--extend cannot resume") as caught:
        _train(spec, extend=True)
    assert f"optim.groups.weights.lr ({kind}) follows the length of the whole run" in str(
        caught.value
    )
    assert "this one starts anew" in plan(spec, NullReporter(), overrides=[])
    assert len(list(Path("runs/quickstart").glob("s*"))) == 1, "nothing was written"


def test_without_a_shorter_run_the_flag_is_refused() -> None:
    _train(_spec(CONSTANT, 1, "optim.momentum=0.5"))
    with pytest.raises(UsageError, match="differs from this one only in having fewer"):
        _train(_spec(CONSTANT, 2), extend=True)


def test_naming_the_shorter_runs_checkpoint_is_answered_with_the_flag() -> None:
    short, _ = _train(_spec(CONSTANT, 1))
    with pytest.raises(UsageError, match="not a checkpoint of this run") as caught:
        train(_spec(CONSTANT, 2), NullReporter(), resume=str(short.last))
    assert "--extend resumes from it" in (caught.value.hint or "")
