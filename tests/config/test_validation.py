"""Missing values and ranges."""

import pytest

from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        (
            "optim.momentum=1.5",
            "optim.momentum=1.5 is out of range: it must be at least 0 and below 1",
            "for instance optim.momentum=0.9",
        ),
        ("optim.batch_size=0", "optim.batch_size=0 is out of range: it must be at least 1", None),
        ("optim.lr=0", "optim.lr=0.0 is out of range: it must be above 0", None),
        ("data.train_count=9", "data.train_count=9 is out of range", "data.train_count=5000"),
        ("model.dropout.rate=1", "model.dropout.rate=1.0 is out of range", None),
        ("model.lrn.size=0", "model.lrn.size=0 is out of range", None),
        ("model.input.channels=4", "at least 1 and at most 3", None),
        ("model.layers.conv1.stride=0", "model.layers.conv1.stride=0 is out of range", None),
        ("optim.groups.x.lr.base=2", "optim.groups.x.pattern has no value", None),
        ("optim.lr=inf", "optim.lr=inf is not a finite number", None),
        ("model.layers.conv1.bias=nan", "model.layers.conv1.bias=nan is not a finite", None),
        ("optim.groups.weights.lr.steps={0: 0.1}", "optim.groups.weights.lr.steps has", None),
        ("optim.groups.weights.lr.steps={1" + "0" * 30 + ": 1}", "has the entry 1e+30", None),
        ("optim.epochs=1" + "0" * 33, "optim.epochs is a number of about 34 digits", "config show"),
        ("optim.lr=1" + "0" * 400, "optim.lr: int too large to convert to float", "is a number"),
        ("data.scene.contrast=[1,1e999]", "data.scene.contrast=inf is not a finite", None),
        ("label='a\0b'", "holds a null character", None),
        ("label='${'", "label: ", None),
        ("model.layers.conv1.ops=[[act]]", "is a list within a list", "ops=[a,b]"),
        ("model.width=1e300", "model.width=1e+300 is out of range", None),
        ("optim.groups.weights.lr.steps={5: -0.1}", "optim.groups.weights.lr.steps.5=-", None),
        ("optim.groups.weights.lr.steps={5: nan}", "optim.groups.weights.lr.steps.5=n", None),
    ],
)
def test_a_missing_or_impossible_value_is_refused_with_the_full_key(
    override: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as refused:
        compose([override], TrainSpec)
    assert message in refused.value.message
    if hint is not None:
        assert hint in (refused.value.hint or "")


def test_a_limit_itself_is_allowed_where_the_range_includes_it() -> None:
    assert compose(["optim.momentum=0"], TrainSpec).optim.momentum == 0
    assert compose(["model.input.channels=3"], TrainSpec).model.input.channels == 3


def test_a_value_without_a_default_has_a_limit_as_its_example() -> None:
    for word, hint in (
        ("placement.replicas=0", "for instance placement.replicas=1"),
        ("trainer.stop_at_train_error=25", "for instance trainer.stop_at_train_error=1"),
    ):
        with pytest.raises(UsageError) as refused:
            compose([word], TrainSpec)
        assert refused.value.hint == hint
