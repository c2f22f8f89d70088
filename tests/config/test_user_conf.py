"""A folder of the user's own yaml files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alexcli.ablation.study import read_study
from alexcli.config.compose import compose, user_files_of
from alexcli.config.files import CONF_VARIABLE, STUDIES, choices, conf_dir, describe, user_conf_dir
from alexcli.config.user_conf import key_lines, use_conf_dir
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, TrainSpec

Write = Callable[[str, str], Path]


@pytest.fixture
def write() -> Write:
    """Writes a file of ./conf."""

    def write_file(name: str, text: str) -> Path:
        path = Path("conf", name).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def refusal(*overrides: str) -> UsageError:
    with pytest.raises(UsageError) as refused:
        compose(list(overrides), TrainSpec)
    return refused.value


def test_a_folder_where_the_command_is_typed_adds_choices(write: Write) -> None:
    write("model/mine.yaml", "# A net of mine\ndefaults: [tiny, _self_]\nname: mine\nwidth: 0.5\n")
    write(
        "experiment/my.yaml",
        "# @package _global_\ndefaults: [override /model: mine, override /data: synthetic]\n"
        "label: my\n",
    )
    assert "mine" in choices("model")
    assert describe("model", "mine") == "A net of mine"
    spec = compose(["experiment=my", "optim.epochs=3"], TrainSpec)
    assert (spec.label, spec.model.name, spec.model.width) == ("my", "mine", 0.5)
    used = user_files_of(["experiment=my", "optim.epochs=3"], TrainSpec)
    assert set(used) == {Path("model/mine.yaml"), Path("experiment/my.yaml")}
    assert user_files_of(["model=tiny"], TrainSpec) == ()


def test_a_file_that_changes_is_read_again(write: Write) -> None:
    write("model/mine.yaml", "name: mine\nwidth: 0.5\n")
    assert compose(["model=mine"], AnalyzeSpec).model.width == 0.5
    write("model/mine.yaml", "name: mine\nwidth: 0.25\n")
    assert compose(["model=mine"], AnalyzeSpec).model.width == 0.25


def test_a_study_of_ones_own_is_read(write: Write) -> None:
    write(f"{STUDIES}/mine.yaml", "claim: mine\narms: {none: {change: {optim.weight_decay: 0}}}\n")
    assert list(read_study("mine").arms) == ["none"]
    write(f"{STUDIES}/mine.yaml", "claim: mine\narms: *x\n")
    with pytest.raises(UsageError, match=r"mine\.yaml:2"):
        read_study("mine")
    write(f"{STUDIES}/lrn.yaml", "claim: another\n")
    with pytest.raises(UsageError, match="has the name of one of alexcli's own"):
        read_study("lrn")


def test_names_of_the_package_keep_their_meaning(write: Write) -> None:
    path = write("model/vgg16.yaml", "name: vgg16\nwidth: 0.5\n")
    error = refusal("model=vgg16")
    assert str(path) in error.message
    assert error.hint == "rename it, for instance to model/my_vgg16.yaml"
    assert compose(["model=tiny", "data=synthetic"], TrainSpec).model.name == "tiny"
    write("model/mine.yaml", "defaults: [vgg16, _self_]\nname: mine\n")
    assert str(path) in refusal("model=mine").message


def test_a_copy_of_the_packages_file_is_that_file(write: Write) -> None:
    write("model/vgg16.yaml", (conf_dir() / "model/vgg16.yaml").read_text(encoding="utf-8"))
    assert compose(["model=vgg16"], AnalyzeSpec).model.name == "vgg16"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: x\nlayers:\n  conv1: {kernle: 3}\n", 3, "unknown key 'model.layers.conv1.kernle'"),
        ("name: bad\n\nwidth: -1\n", 3, "model.width=-1.0 is out of range"),
        ("name: bad\nwidth: wide\n", 2, "model.width: Value 'wide'"),
        ("name: [bad\n", 2, "this is no yaml: did not find expected"),
        ("name: bad\nname: worse\n", 2, "found duplicate key name"),
        ("name: bad\nwidth: ${oc.env:HOME}\n", 2, "'${oc.env:HOME}' is an interpolation"),
        ("a: &x [1]\nb: *x\n", 2, "aliases (*x) are not read"),
        ("name: bad\nwidth: 1" + "0" * 30 + "\n", 2, "is too large"),
        ("name: bad\nlayers: " + "[" * 60 + "]" * 60, 2, "nested more than 50 levels deep"),
        ("- 1\n", 1, "this is a list, not keys with values"),
        ("name: bad\ndefaults: [none_such]\n", 2, "Could not load 'model/none_such'"),
        ("defaults: 3\n", 1, "defaults must be a list"),
        ("defaults: [bad]\n", 1, "defaults lead back to the file itself"),
        ("name: !!python/object/apply:os.getcwd []\n", 1, "could not determine a constructor"),
    ],
)
def test_a_bad_file_is_named_with_the_line(
    write: Write, text: str, line: int, message: str
) -> None:
    path = write("model/bad.yaml", text)
    error = refusal("model=bad", "data=synthetic")
    assert error.message.startswith(f"{path}:{line}: ")
    assert message in error.message


def test_a_bad_file_without_a_place_is_named(write: Write) -> None:
    path = write("experiment/bad.yaml", "# @package nowhere\nwidth: 3\n")
    assert refusal("experiment=bad").message.startswith(f"{path}: unknown key 'nowhere'")
    binary = write("model/bytes.yaml", "")
    binary.write_bytes(b"\xff\xfe")
    assert refusal("model=bytes").message.startswith(f"{binary} cannot be read")


def test_a_typed_word_is_not_blamed_on_a_file(write: Write) -> None:
    write("model/mine.yaml", "name: mine\nwidth: 0.5\n")
    for word in ("model.width=-1", "model.wdth=1", "seed=x"):
        assert "mine.yaml" not in refusal("model=mine", word).message


def test_a_folder_is_named_by_an_option_or_not_at_all(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(CONF_VARIABLE, "")  # so that what is set here ends with this test
    monkeypatch.delenv(CONF_VARIABLE)
    write("model/mine.yaml", "name: mine\n")
    other = tmp_path / "it's 100% {odd}"
    (other / "model").mkdir(parents=True)
    (other / "model/yours.yaml").write_text("name: yours\n")
    use_conf_dir(None)
    assert user_conf_dir() == Path("conf").absolute()
    use_conf_dir(other)
    assert "mine" not in choices("model")
    assert compose(["model=yours"], AnalyzeSpec).model.name == "yours"
    with pytest.raises(UsageError, match="--conf none is not a folder"):
        use_conf_dir(Path("none"))
    monkeypatch.setenv(CONF_VARIABLE, "")
    assert user_conf_dir() is None


def test_only_names_that_can_be_typed_are_choices(write: Write) -> None:
    for name in ("model/a,b.yaml", "model/a b.yaml", "model/.hidden.yaml", "elsewhere/x.yaml"):
        write(name, "name: x\n")
    assert not {"a,b", "a b", ".hidden"} & set(choices("model"))


def test_the_lines_of_keys_follow_the_section_that_a_file_fills(write: Write) -> None:
    path = write("optim/x.yaml", "# @package _global_\nlabel: x\noptim: {lr: 1}\n")
    assert dict(key_lines(path)) == {"label": 2, "optim": 3, "optim.lr": 3}
    path = write("optim/y.yaml", "lr: 1\n")
    assert dict(key_lines(path)) == {"optim.lr": 1}


def test_a_mistyped_name_in_defaults_is_answered_with_the_nearest(write: Write) -> None:
    write("model/mine.yaml", "defaults: [alexnett, _self_]\nname: mine\n")
    assert refusal("model=mine").hint == "did you mean alexnet?"
    head = "# @package _global_\ndefaults: "
    write("experiment/choice.yaml", f"{head}[override /model: tinny]\n")
    assert refusal("experiment=choice").hint == "did you mean tiny?"
    write("experiment/group.yaml", f"{head}[override /modle: tiny]\n")
    assert refusal("experiment=group").hint == "did you mean model?"
