"""Other data for a trained run."""

import pytest

from alexcli.config.compose import compose
from alexcli.config.evaluation import override_run
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


def test_an_evaluation_takes_other_data_and_keeps_the_net() -> None:
    run = compose([], TrainSpec)
    spec = override_run(run, ["data=cifar10", "data.root=x", "eval.batch_size=7"])
    assert spec.data.source == "cifar10"
    assert spec.data.root == "x"
    assert spec.eval.batch_size == 7
    assert spec.model == run.model


def test_other_data_is_read_as_the_net_has_learned() -> None:
    run = compose(["data.size=40", "data.resize=torchvision", "data.kernel=bicubic"], TrainSpec)
    for choice in ("folder", "cifar10", "store"):
        data = override_run(run, [f"data={choice}", "data.root=x"]).data
        assert (data.size, data.resize, data.kernel) == (40, "torchvision", "bicubic")
    typed = override_run(run, ["data=folder", "data.resize=shorter", "data.size=64"]).data
    assert (typed.size, typed.resize, typed.kernel) == (64, "shorter", "bicubic")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.lr=0.1", "'optim.lr=0.1' would change a net that is already trained"),
        ("model=tiny", "allowed are data.*, eval.*, placement.*, trainer.*"),
        ("model.widht=1", "unknown key 'model.widht'"),
        ("~data.root", "'~data.root' leaves nothing to evaluate with"),
    ],
)
def test_an_evaluation_does_not_change_the_net(override: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        override_run(compose([], TrainSpec), [override])
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("batch_size=32", "did you mean eval.batch_size=32?"),
        ("datas=toy", "did you mean data=synthetic?"),
        ("lr=0.1", "alexcli config show lists all keys"),
        ("optim.epocs=3", "alexcli train trains another net"),
    ],
)
def test_the_hint_of_an_evaluation_does_not_change_the_net(override: str, hint: str) -> None:
    with pytest.raises(UsageError, match=r"^unknown key ") as refused:
        override_run(compose([], TrainSpec), [override])
    assert refused.value.hint == hint


@pytest.mark.parametrize("override", ["seed=1,2", "data.val=0.1,0.2", "eval.batch_size=range(1,3)"])
def test_several_values_are_no_evaluation(override: str) -> None:
    with pytest.raises(UsageError, match="lists several values"):
        override_run(compose([], TrainSpec), [override])


def test_an_evaluation_does_not_read_the_environment() -> None:
    with pytest.raises(UsageError, match="contains an interpolation"):
        override_run(compose([], TrainSpec), ["data.root=${oc.env:HOME}"])
