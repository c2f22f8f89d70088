"""What `train --dry-run` says."""

from pathlib import Path

import pytest
import yaml

from alexcli.config.compose import compose
from alexcli.config.mapping import to_mapping
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.dry_run import plan
from alexcli.run.train import train
from alexcli.schema import TrainSpec
from tests.conftest import small


def _comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("# ")]


def test_the_configuration_follows_comments_on_run_data_net_and_work() -> None:
    spec = small("trainer.accelerator=cpu")
    text = plan(spec, NullReporter(), overrides=[])
    mapping = to_mapping(spec)
    del mapping["launcher"]  # which a training does not read
    assert yaml.safe_load(text) == mapping
    run, data, net, work, changed, *changes = _comments(text)
    assert run.startswith("# run: runs/quickstart/s0-")
    assert run.endswith("(new)")
    assert data == "# data: 150 images of 10 classes, 60 to validate"
    assert net.endswith("parameters")
    assert work == (
        "# work: 2 epochs of 3 updates at most, cpu, float32, placement single (1 process)"
    )
    assert changed == "# changed from experiment=quickstart:"
    assert "#   optim.epochs: 2 (there 28)" in changes
    assert not any("launcher" in line for line in changes)
    assert not Path("runs").exists()


def test_without_changes_the_experiment_is_named_and_a_typed_one_is_compared_with() -> None:
    spec = compose([], TrainSpec)
    assert "# as experiment=quickstart says" in plan(spec, NullReporter(), overrides=[])
    words = ["data=synthetic", "model=tiny", "optim.kind=adam"]
    text = plan(compose(words, TrainSpec), NullReporter(), overrides=words)
    assert "# changed from data=synthetic model=tiny:" in text
    assert "#   optim.kind: adam (there paper_sgd)" in text
    assert "adam is usually given 0.001 (optim.lr=0.001)" in text


def test_a_finished_and_an_unfinished_run_are_told_apart() -> None:
    spec = small("optim.epochs=1")
    directory = Path(train(spec, NullReporter()).directory)
    text = plan(spec, NullReporter(), overrides=[])
    assert "(finished: train would skip it)" in text
    assert "1 epoch of 3 updates at most" in text
    (directory / "result.json").unlink()
    assert "(unfinished: train would resume it)" in plan(spec, NullReporter(), overrides=[])
    (directory / "last.ckpt").unlink()
    assert "(unfinished: train would resume it)" in plan(spec, NullReporter(), overrides=[])
    for checkpoint in directory.glob("*.ckpt"):
        checkpoint.unlink()
    assert "(new)" in plan(spec, NullReporter(), overrides=[])


@pytest.mark.parametrize("override", ["model.width=1000", "data.train_count=100000000"])
def test_what_no_memory_holds_is_refused_before_any_of_it_is_taken(override: str) -> None:
    for action in (lambda spec: plan(spec, NullReporter(), overrides=[]), _train):
        with pytest.raises(UsageError, match=r"GiB of memory, and this .* GiB") as refused:
            action(small(override))
        assert (refused.value.hint or "").endswith(" fits")
    assert not Path("runs").exists()


def _train(spec: TrainSpec) -> object:
    return train(spec, NullReporter())


def test_where_a_training_starts_is_said_and_checked_as_train_does() -> None:
    spec = small("trainer.accelerator=cpu")
    with pytest.raises(UsageError, match=r"there is no run or checkpoint none\.ckpt"):
        plan(spec, NullReporter(), overrides=[], resume="none.ckpt")
    with pytest.raises(UsageError, match="--extend cannot resume from a shorter run"):
        plan(spec, NullReporter(), overrides=[], extend=True)
    assert "(new)" in plan(spec, NullReporter(), overrides=[], resume="never")
    trained = train(spec, NullReporter())
    kept = plan(spec, NullReporter(), overrides=[], resume="never")
    assert "(train would keep it under another name, and start over)" in kept
    last = f"{trained.directory}/last.ckpt"
    resumed = plan(spec, NullReporter(), overrides=[], resume=last)
    assert f"(train would resume it from {last})" in resumed
    best = f"{trained.directory}/best.ckpt"
    resumed = plan(spec, NullReporter(), overrides=[], resume=best)
    assert f"(train would resume it from {best}, and keep the old run under another" in resumed


def test_a_last_batch_that_batch_norm_cannot_take_is_refused() -> None:
    spec = small("model.norm=batch", "model.layers.fc6.ops=[norm,act]", "data.train_count=101")
    with pytest.raises(UsageError, match="leave 1 of 101 training images"):
        plan(spec, NullReporter(), overrides=[])
