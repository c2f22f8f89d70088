"""Unknown keys and values of another type."""

import pytest

from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("optim.epocs=3", "unknown key 'optim.epocs'", "did you mean optim.epochs=3?"),
        ("optm.epochs=3", "unknown key 'optm.epochs'", "did you mean optim.epochs=3?"),
        ("epochs=3", "unknown key 'epochs'; the top level has seed,", "optim.epochs"),
        ("modle=alexnet", "unknown key 'modle'", "did you mean model=alexnet?"),
        ("model.layers.conv1.fliters=3", "unknown key 'model.layers.conv1.fliters'", "filters"),
        ("optim.groups.x.pattrn=a", "unknown key 'optim.groups.x.pattrn'", "pattern"),
        ("+optim.foo=1", "unknown key 'optim.foo'; optim has kind,", None),
        ("zzz=1", "unknown key 'zzz'", "alexcli config show lists all keys"),
        ("optim.epochs.more=1", "optim.epochs is a single value", "optim.epochs=VALUE"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(
    override: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as refused:
        compose([override], TrainSpec)
    assert message in refused.value.message
    if hint is not None:
        assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("optim.epochs=three", "optim.epochs: Value 'three'", "optim.epochs is a whole number"),
        ("optim.lr=fast", "optim.lr: Value 'fast'", "optim.lr is a number"),
        ("data.download=maybe", "data.download", "true or false"),
        ("model.activation=rleu", "model.activation: Invalid value 'rleu'", "relu"),
        ("model.activation=x", "expected one of [relu, tanh,", "is one of relu, tanh,"),
        ("model.dropout=0.3", "model.dropout: Merge error", "model.dropout.rate=VALUE"),
        ("placement.devices=cuda:0", "placement.devices: ", "a list"),
        ("seed=null", "seed: ", "a whole number"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_the_key_takes(
    override: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        compose([override], TrainSpec)
    assert message in refused.value.message
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("data.source=toy", "data.source=synthetic"),
        ("placement.kind=ranks", "placement.kind=distributed"),
        ("model.layers.conv3.reads=all", "model.layers.conv3.reads=all_towers"),
    ],
)
def test_the_former_name_of_a_value_is_answered_with_the_present_one(
    override: str, meant: str
) -> None:
    with pytest.raises(UsageError) as refused:
        compose([override], TrainSpec)
    assert refused.value.hint == f"did you mean {meant}?"


@pytest.mark.parametrize(
    "override",
    ["model.layers.conv1.ops.pool.size=3", "placement.devices.a.b=1", "placement.devices.steps=1"],
)
def test_a_key_below_a_list_is_refused(override: str) -> None:
    with pytest.raises(UsageError, match="is a single value"):
        compose([override], TrainSpec)
