"""Unknown keys and values of another type."""

import pytest

from alexcli.config.compose import compose
from alexcli.config.suggestions import OTHER_NAMES, OTHER_VALUES
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, TrainSpec

# Former name of a key, or its name elsewhere -> an override with it.
FORMER_KEYS = {
    "decay": "optim.decay=0",
    "mirror": "augment.mirror=false",
    "pictures": "pictures=DIR",
    "rate": "optim.groups.weights.rate={base:2}",
    "second_norm": "model.second_norm=false",
    "sees": "model.layers.conv3.sees=all_towers",
    "shared": "shared=32",
    "trunk": "model.trunk.conv4=null",
    "learning_rate": "learning_rate=0.1",
    "max_epochs": "trainer.max_epochs=3",
    "num_classes": "model.num_classes=10",
    "num_workers": "data.num_workers=2",
}

# Former name of a value -> overrides with it, some with a former or misspelled key too.
FORMER_VALUES = {
    "all": ["model.layers.conv3.reads=all", "model.layers.conv3.sees=all"],
    "no_talk": ["model=no_talk", "modle=no_talk"],
    "own": [
        "model.layers.conv3.sees=own",
        "model.trunk.conv3.sees=own",
        "model.layers.conv3={sees:own,bias:0}",
        "model.trunk={conv3:{reads:own}}",
    ],
    "ranks": ["placement=ranks", "placement.kind=ranks", "plcement=ranks"],
    "toy": ["data=toy", "data.source=toy", "datas=toy", "source=toy"],
}


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
    ("override", "hint"),
    [
        ("data.size=36", "did you mean size=36?"),
        ("data.on_error=skip", "did you mean on_error=skip?"),
        ("data.val=0.2", "data.val belongs to training: alexcli train data=store data.root=DEST "),
        ("optim.lr=0.1", "optim.lr belongs to training: alexcli train "),
        ("zzz=1", "the command's --help lists the keys that it takes"),
    ],
)
def test_a_key_that_prepare_lacks_is_answered_with_its_own_or_with_training(
    override: str, hint: str
) -> None:
    with pytest.raises(UsageError, match="; alexcli data prepare has size, resize, ") as refused:
        compose([override], PrepareSpec)
    assert (refused.value.hint or "").startswith(hint)


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


@pytest.mark.parametrize(
    "override",
    [*FORMER_KEYS.values(), *(override for group in FORMER_VALUES.values() for override in group)],
)
def test_the_hint_for_a_former_name_is_accepted_as_it_stands(override: str) -> None:
    schema = AnalyzeSpec if override.startswith("pictures") else TrainSpec
    with pytest.raises(UsageError) as refused:
        compose([override], schema)
    hint = refused.value.hint or ""
    meant = hint.removeprefix("did you mean ").removesuffix("?")
    assert hint == f"did you mean {meant}?"
    compose([meant], schema)


def test_every_former_name_is_tried() -> None:
    assert FORMER_KEYS.keys() == OTHER_NAMES.keys()
    assert FORMER_VALUES.keys() == OTHER_VALUES.keys()


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("optim.rate=fast", "did you mean optim.lr? optim.lr is a number"),
        ("optm.kind=sdg", "did you mean optim.kind=sgd?"),
        ("modle=xyz", "did you mean model=CHOICE? alexcli config list model"),
        ("model.trunk.conv3.sees=own", "did you mean model.layers.conv3.reads=own_tower?"),
        ("model.layers.conv3={sees:own}", "did you mean model.layers.conv3.reads=own_tower?"),
        ("labl=toy", "did you mean label=toy?"),
        ("~model.trunk.conv4", "did you mean ~model.layers.conv4?"),
        ("~lr", "did you mean optim.lr?"),
        ("sees=own", "alexcli config show lists all keys"),
    ],
)
def test_a_hint_is_not_refused_in_its_turn(override: str, hint: str) -> None:
    with pytest.raises(UsageError, match=r"^unknown key ") as refused:
        compose([override], TrainSpec)
    assert refused.value.hint == hint


def test_a_gpu_by_number_is_answered_with_the_variable_that_chooses_it() -> None:
    with pytest.raises(UsageError) as caught:
        compose(["trainer.accelerator=cuda:1"], TrainSpec)
    assert caught.value.hint == (
        "trainer.accelerator=gpu, with CUDA_VISIBLE_DEVICES=1 before alexcli"
    )
