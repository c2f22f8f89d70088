"""What enters the fingerprint of a run."""

import dataclasses
from dataclasses import dataclass, field

import pytest

from alexcli.run.fingerprint import settings_digest
from alexcli.schema import OptimSpec, ScheduleSpec, TrainSpec
from tests.conftest import small


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "model.norm=none",
        "model.layers.conv1.bias=0.5",
        "model.layers.conv2.pool={size: 3}",
        "data.seed=1",
        "data.size=40",
        "augment.pca.sigma=0",
        "optim.lr=0.02",
        "optim.groups.weights.lr={kind: constant, base: 1}",
        "trainer.stop_at_train_error=0",
        "init.layers=[conv1]",
    ],
)
def test_what_changes_the_result_changes_the_digest(override: str) -> None:
    assert settings_digest(small(override)) != settings_digest(small())


@pytest.mark.parametrize(
    "override",
    [
        "label=other",
        "runs=elsewhere",
        "model.name=other",
        "model.lrn.impl=reference",
        "model.joined=separate",
        "model.tail=separate",
        "data.workers=2",
        "placement=ddp",
        "trainer.threads=1",
        "eval.batch_size=7",
        "logger.project=other",
        "logger=[csv,mlflow]",
    ],
)
def test_what_does_not_change_the_result_does_not(override: str) -> None:
    assert settings_digest(small(override)) == settings_digest(small())


def test_what_data_and_machine_add_enters_too() -> None:
    spec = small()
    digests = {
        settings_digest(spec),
        settings_digest(spec, precision="bf16"),
        settings_digest(spec, precision="float32"),
        settings_digest(spec, precision="float32", init="0123"),
    }
    assert len(digests) == 4
    assert settings_digest(spec, init=None) == settings_digest(spec)


def test_the_order_of_layers_and_groups_matters_and_that_of_epochs_does_not() -> None:
    def with_steps(steps: dict[int, float]) -> TrainSpec:
        spec = small()
        group = spec.optim.groups["weights"]
        assert group is not None
        group.lr = ScheduleSpec(steps=steps)
        return spec

    spec = small()
    swapped = small()
    swapped.optim.groups = dict(reversed(swapped.optim.groups.items()))
    assert settings_digest(swapped) != settings_digest(spec)
    one_way = with_steps({3: 0.1, 5: 0.01})
    other_way = with_steps({5: 0.01, 3: 0.1})
    assert settings_digest(one_way) == settings_digest(other_way)


def test_a_removed_layer_is_as_if_it_had_never_been_there() -> None:
    removed = small("model.layers.conv4=null")
    absent = small()
    del absent.model.layers["conv4"]
    assert settings_digest(removed) == settings_digest(absent)
    assert settings_digest(removed) != settings_digest(small())


@dataclass
class OptimSpecOfTomorrow(OptimSpec):
    """A learning rule with a key that today's does not have."""

    new_key: float = 0.0
    new_part: ScheduleSpec = field(default_factory=ScheduleSpec)


def test_a_new_key_with_a_default_renames_no_run() -> None:
    today = small()
    fields = {key.name: getattr(today.optim, key.name) for key in dataclasses.fields(OptimSpec)}
    tomorrow = dataclasses.replace(today, optim=OptimSpecOfTomorrow(**fields))
    assert settings_digest(tomorrow) == settings_digest(today)
    tomorrow.optim = OptimSpecOfTomorrow(**fields, new_key=0.5)
    assert settings_digest(tomorrow) != settings_digest(today)
