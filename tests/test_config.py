from pathlib import Path

import pytest
import yaml

from alexcli.config import (
    choices,
    compose,
    describe,
    expand,
    from_mapping,
    groups,
    override_run,
    to_mapping,
)
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, TrainSpec

EVERY = [f"{group}={choice}" for group in groups() for choice in choices(group)]


@pytest.mark.parametrize("word", EVERY)
def test_every_yaml_composes_and_has_a_comment(word: str) -> None:
    group, choice = word.split("=")
    base = [] if group == "experiment" else ["experiment=null"]
    compose([*base, word], TrainSpec)
    assert describe(group, choice)


@pytest.mark.parametrize("name", choices("model"))
def test_a_models_name_is_its_files(name: str) -> None:
    assert compose([f"model={name}"], AnalyzeSpec).model.name == name


@pytest.mark.parametrize("name", choices("experiment"))
def test_an_experiments_label_is_its_files_name(name: str) -> None:
    assert compose([f"experiment={name}"], TrainSpec).label == name


@pytest.mark.parametrize("name", choices("experiment"))
def test_an_experiment_states_expectation_hardware_and_command(name: str) -> None:
    from alexcli.config import conf_dir

    text = (conf_dir() / "experiment" / f"{name}.yaml").read_text()
    for word in ("# expected:", "# hardware:", "# command: alexcli train"):
        assert word in text


def test_no_two_yamls_share_more_than_five_lines() -> None:
    from alexcli.config import conf_dir

    lines = {
        path: {
            line.strip()
            for line in path.read_text().splitlines()
            if line.strip() and not line.strip().startswith(("#", "- override", "defaults"))
        }
        for path in conf_dir().rglob("*.yaml")
    }
    paths = sorted(lines)
    for i, a in enumerate(paths):
        for b in paths[i + 1 :]:
            assert len(lines[a] & lines[b]) <= 5, (a.name, b.name)


def test_yaml_holds_no_code() -> None:
    from alexcli.config import conf_dir

    for path in conf_dir().rglob("*.yaml"):
        text = path.read_text()
        assert "_target_" not in text
        assert "${" not in text


def test_nothing_means_the_quick_start_and_data_means_not() -> None:
    assert compose([], TrainSpec).label == "quickstart"
    assert compose(["optim.epochs=3"], TrainSpec).label == "quickstart"
    other = compose(["data=folder"], TrainSpec)
    assert other.label is None
    assert other.model.name == "alexnet"
    assert other.optim.rate == 0.01


def test_a_composition_survives_yaml() -> None:
    spec = compose(["experiment=cifar_18"], TrainSpec)
    text = yaml.safe_dump(to_mapping(spec))
    again = from_mapping(yaml.safe_load(text), TrainSpec, source=Path("x"))
    assert again == spec


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("optim.epocs=3", "unknown key 'optim.epocs'", "optim.epochs"),
        ("optm.epochs=3", "unknown key 'optm.epochs'", "optim"),
        ("epochs=3", "unknown key 'epochs'", "optim.epochs"),
        ("modle=alexnet", "unknown key 'modle'", "model"),
        ("model=alexnt", "model='alexnt' does not exist", "model=alexnet"),
        ("experiment=quikstart", "does not exist", "experiment=quickstart"),
        ("optim.epochs=three", "optim.epochs: Value 'three'", "a whole number"),
        ("optim.rate=fast", "optim.rate: Value 'fast'", "a number"),
        ("data.download=maybe", "data.download", "true or false"),
        ("model.activation=rleu", "model.activation: Invalid value 'rleu'", "relu"),
        ("optim.momentum=1.5", "optim.momentum=1.5 is out of range", "optim.momentum=0.9"),
        ("optim.batch_size=0", "optim.batch_size=0 is out of range", None),
        ("model.dropout.rate=1", "model.dropout.rate=1.0 is out of range", None),
        ("model.lrn.size=0", "model.lrn.size=0 is out of range", None),
        ("model.trunk.conv1.fliters=3", "unknown key 'model.trunk.conv1.fliters'", "filters"),
        ("model.trunk.conv1.stride=0", "model.trunk.conv1.stride=0 is out of range", None),
        ("optim.groups.x.pattrn=a", "unknown key 'optim.groups.x.pattrn'", "pattern"),
        ("+optim.foo=1", "unknown key 'optim.foo'", None),
        ("optim.epochs.more=1", "optim.epochs is a single value", "optim.epochs=VALUE"),
        ("nothing", "'nothing' is not KEY=VALUE", "nothing=VALUE"),
        ("~model=caffenet", "'~model=caffenet' leaves no model", "model=CHOICE"),
        ("data=null", "'data=null' leaves no data", "data=CHOICE"),
        ("model@other=tiny", "leaves no model", "model=CHOICE"),
        ("model.dropout=0.3", "model.dropout: Merge error", None),
        ("placement.devices=cuda:0", "placement.devices: ", "a list"),
        ("seed=???", "seed has no value", "seed=VALUE"),
        ("seed=null", "seed: ", "a whole number"),
        ("seed=0,1", "lists several values", None),
        ("optim.groups.x.rate.base=2", "optim.groups.x.pattern has no value", None),
        ("optim.rate=inf", "optim.rate=inf is not a finite number", None),
        ("model.trunk.conv1.bias=nan", "model.trunk.conv1.bias=nan is not a finite", None),
        ("optim.groups.weights.rate.steps={0: 0.1}", "optim.groups.weights.rate.steps has", None),
        ("optim.groups.weights.rate.steps={5: -0.1}", "optim.groups.weights.rate.steps.5=-", None),
        ("optim.groups.weights.rate.steps={5: nan}", "optim.groups.weights.rate.steps.5=n", None),
    ],
)
def test_bad_words_are_refused_with_the_full_key(word: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        compose([word], TrainSpec)
    assert message in caught.value.message
    if hint is not None:
        assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("path", ["/a=b", "/a,b", "/a(b", "/a'b", '/a"b', "/a b,c", "/[x]", "/{y}"])
def test_awkward_paths_are_read_when_typed_as_the_hint_says(path: str) -> None:
    import shlex

    with pytest.raises(UsageError) as caught:
        compose([f"data.root={path}"], TrainSpec)
    typed = shlex.split((caught.value.hint or "").partition(": ")[2])
    assert compose(typed, TrainSpec).data.root == path


def test_a_typo_inside_a_yaml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from alexcli import config

    conf = tmp_path / "conf"
    shutil.copytree(config.conf_dir(), conf)
    (conf / "optim/typo.yaml").write_text("# x\nepocs: 3\n")
    monkeypatch.setattr(config, "conf_dir", lambda: conf)
    with pytest.raises(UsageError) as caught:
        compose(["data=toy", "optim=typo"], TrainSpec)
    assert "optim.epocs" in caught.value.message
    assert caught.value.hint == "did you mean optim.epochs?"


def test_a_layer_is_added_and_removed_by_its_key() -> None:
    from alexcli.model.shapes import layers

    six = compose(["model.trunk.conv6={filters: 256, kernel: 3, pad: 1, ops: [act]}"], AnalyzeSpec)
    assert list(layers(six.model))[4:7] == ["conv5", "conv6", "fc6"]
    four = compose(["model.trunk.conv4=null"], AnalyzeSpec)
    assert "conv4" not in layers(four.model)


def test_typed_steps_replace_those_of_the_file() -> None:
    spec = compose(["optim.groups.weights.rate.steps={5: 0.1}"], TrainSpec)
    group = spec.optim.groups["weights"]
    assert group is not None
    assert group.rate.steps == {5: 0.1}


def test_sweeps_expand_to_every_combination() -> None:
    jobs = expand(["seed=0,1", "model=alexnet,merged", "optim.epochs=3"])
    assert jobs == [
        ["seed=0", "model=alexnet", "optim.epochs=3"],
        ["seed=0", "model=merged", "optim.epochs=3"],
        ["seed=1", "model=alexnet", "optim.epochs=3"],
        ["seed=1", "model=merged", "optim.epochs=3"],
    ]
    assert expand(["seed=range(3)"]) == [["seed=0"], ["seed=1"], ["seed=2"]]
    assert expand([]) == [[]]


@pytest.mark.parametrize(
    "mapping",
    [
        {"seed": "${oc.env:HOME}"},
        {"data": {"root": "${oc.env:HOME}"}},
        ["not", "a", "mapping"],
        {"data": {"source": "toy"}, "model": {"name": "x", "_target_": "os.system"}},
        {"data": {"source": "toy"}, "model": {"name": "x"}, "optim": {"momentum": 7}},
    ],
)
def test_a_strangers_configuration_is_checked_like_any_other(mapping: object) -> None:
    with pytest.raises(UsageError):
        from_mapping(mapping, TrainSpec, source=Path("config.yaml"))


@pytest.mark.parametrize("word", ["seed=1,2", "data.val=0.1,0.2", "eval.batch_size=range(1,3)"])
def test_several_values_are_no_evaluation(word: str) -> None:
    with pytest.raises(UsageError, match="lists several values"):
        override_run(compose([], TrainSpec), [word])


def test_an_evaluation_does_not_read_the_environment() -> None:
    with pytest.raises(UsageError, match="contains an interpolation"):
        override_run(compose([], TrainSpec), ["data.root=${oc.env:HOME}"])


def test_prepare_knows_no_groups() -> None:
    with pytest.raises(UsageError, match="unknown key 'model'; the top level has size"):
        compose(["model=tiny"], PrepareSpec)


@pytest.mark.parametrize(
    "word",
    ["model.trunk.conv1.ops.pool.size=3", "placement.devices.a.b=1", "placement.devices.steps=1"],
)
def test_a_key_below_a_list_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="is a single value"):
        compose([word], TrainSpec)
