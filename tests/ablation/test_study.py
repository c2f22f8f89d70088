"""Studies: what their arms change, and what makes one impossible."""

import pytest

from alexcli.ablation.study import BASELINE, open_study, read_study, settings_of, trainings_per_seed
from alexcli.config.compose import compose
from alexcli.config.files import STUDIES, choices
from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.run.fingerprint import settings_digest
from alexcli.schema import TrainSpec
from tests.conftest import model


@pytest.mark.parametrize("name", choices(STUDIES))
def test_every_study_opens_on_the_embedded_data(name: str) -> None:
    study = open_study(name, [])
    assert study.arms[0].name == BASELINE
    assert len(study.arms) > 1
    for arm in study.arms[1:]:
        assert arm.differences or arm.reuses_baseline_nets or arm.source, (
            "an arm must change something"
        )


EXPERIMENTS = {"CIFAR-10": "cifar_ablation", "ILSVRC": "ilsvrc2012"}


@pytest.mark.parametrize(
    ("name", "setting"),
    [(name, setting) for name in choices(STUDIES) for setting in settings_of(read_study(name))],
)
def test_every_study_opens_in_each_setting_that_the_list_names(name: str, setting: str) -> None:
    experiment = EXPERIMENTS.get(setting)
    if experiment:
        study = open_study(name, [f"experiment={experiment}", "data.root=images"])
    else:
        study = open_study(name, [], setting)
    assert len(study.arms) > 1


@pytest.mark.parametrize("name", ["towers", "schedule", "depth", "recipe"])
def test_the_overrides_of_an_arm_compose_to_it(name: str) -> None:
    for arm in open_study(name, ["optim.lr=0.02"]).arms[1:3]:
        assert settings_digest(compose(arm.overrides, TrainSpec)) == settings_digest(arm.spec)


def test_towers_make_the_one_tower_net_of_the_2012_code() -> None:
    arm = open_study("towers", ["experiment=ilsvrc2012"]).arms[1]
    assert arm.spec.model.layers == model("model=one_gpu").layers
    assert sum(s.weights + s.biases for s in trace(arm.spec.model)) == 59_798_312


def test_columns_that_never_talk_are_those_of_the_notes() -> None:
    arm = open_study("towers", ["experiment=ilsvrc2012_145"]).arms[2]
    assert arm.spec.model.layers == model("model=no_communication").layers


def test_an_arm_says_what_it_changes_and_nothing_else() -> None:
    arm = open_study("pooling", ["optim.epochs=3"], "plain").arms[1]
    assert arm.differences == ["model.pool.size: 3 -> 2"]
    assert arm.overrides == ["optim.epochs=3", "model.input.size=30", "model.pool.size=2"]


def test_an_alternative_that_the_setting_has_already_is_left_out() -> None:
    assert [arm.name for arm in open_study("lrn_convention", []).arms] == [
        BASELINE,
        "paper",
        "caffe",
    ]


def test_the_norm_of_the_18_percent_net_is_studied_too() -> None:
    arm = open_study("lrn", ["experiment=cifar_18", "data.root=."]).arms[1]
    assert arm.differences == ["model.norm: spatial_lrn -> none"]


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("lnr", [], "study 'lnr' does not exist"),
        ("lrn", ["model.spatial_norm_enabled=false"], "sets what the arm without of lrn changes"),
        ("schedule", ["optim.groups.weights.lr.kind=constant"], "sets what the arm dexp"),
        ("lrn", ["model=owt"], "needs model.norm=lrn or spatial_lrn, and this setting has none"),
        ("towers", ["model=one_gpu"], "needs model.towers=2, and this setting has 1"),
        ("depth", ["model=lenet5"], "changes model.layers.conv4, which this setting does not have"),
        ("weight_decay", ["experiment=cifar_fig1", "data.root=."], "changes nothing"),
        ("dropout", ["model=cifar_19"], "changes nothing"),
        ("width", ["model=resnet18", "data.size=256"], "changes nothing"),
        ("depth/conv3", [], "depth has no arm 'conv3'; it has"),
        ("depth/", [], "depth has no arm ''"),
        ("lrn", ["seed=4"], "chooses seeds"),
        ("lrn", ["model.nrom=none"], "unknown key 'model.nrom'"),
    ],
)
def test_what_cannot_be_studied_is_refused(name: str, overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        open_study(name, overrides)


def test_arms_may_be_left_out() -> None:
    whole = open_study("depth", [])
    part = open_study("depth/no_conv4,no_conv3", [])
    assert part.name == "depth"
    chosen = (BASELINE, "no_conv3", "no_conv4")
    assert tuple(arm.name for arm in part.arms) == chosen
    assert [arm for arm in whole.arms if arm.name in chosen] == part.arms


def test_the_trainings_of_a_study_are_counted_for_each_seed() -> None:
    assert trainings_per_seed(read_study("lrn")) == 2
    assert trainings_per_seed(read_study("ten_crop")) == 1
    assert trainings_per_seed(read_study("pretraining")) == 3


def test_a_study_is_measured_in_its_own_setting_unless_another_is_chosen() -> None:
    own = open_study("lrn", [])
    assert own.kind == "mechanism"
    assert own.baseline.spec.data.scene.held_out_contrast == [0.1, 0.5]
    assert own.arms[1].spec.data.scene == own.baseline.spec.data.scene
    assert open_study("lrn", ["optim.lr=0.01"]).kind == "mechanism", "a change of that setting"
    plain = open_study("lrn", [], "plain")
    assert plain.kind == "plain"
    assert plain.baseline.spec.data.scene.held_out_contrast is None
    assert open_study("lrn", ["data.scene.noise=5"]).kind == "plain", "it sets one of the keys"
    assert open_study("lrn", ["experiment=quickstart"]).kind == "chosen"
    assert open_study("ten_crop", []).kind == "plain", "it has no setting of its own"


@pytest.mark.parametrize(
    ("study", "overrides", "message"),
    [
        ("ten_crop", [], "ten_crop has no setting of its own"),
        ("lrn", ["experiment=ilsvrc2012"], "experiment=ilsvrc2012 conflicts with"),
        ("lrn", ["data.scene.noise=5"], "data.scene.noise=5 conflicts with"),
    ],
)
def test_a_setting_of_its_own_that_cannot_be_is_refused(
    study: str, overrides: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_study(study, overrides, "mechanism")


@pytest.mark.parametrize("name", choices(STUDIES))
def test_the_settings_of_every_study_are_named(name: str) -> None:
    settings = settings_of(read_study(name))
    assert "plain" in settings
    mechanism = read_study(name).mechanism
    assert ("mechanism" in settings) == (mechanism is not None)
    if mechanism is not None:
        assert len(mechanism.why) > 40
        assert open_study(name, [], "mechanism").kind == "mechanism"
