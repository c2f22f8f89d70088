"""The yaml files of conf/."""

import itertools
from pathlib import Path

import pytest

from alexcli.config.compose import compose
from alexcli.config.files import STUDIES, choices, conf_dir, describe, every_choice, groups
from alexcli.schema import AnalyzeSpec, TrainSpec

YAML_FILES = sorted(conf_dir().rglob("*.yaml"))


def content_lines(path: Path) -> set[str]:
    """The lines of a yaml that set something: no comments, no choices of groups."""
    lines = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
    return {line for line in lines if line and not line.startswith(("#", "- override", "defaults"))}


@pytest.mark.parametrize("choice", every_choice())
def test_every_yaml_has_a_comment(choice: str) -> None:  # `config check` composes them all
    group, _, name = choice.partition("=")
    assert describe(group, name)


@pytest.mark.parametrize("name", choices(STUDIES))
def test_every_study_has_a_comment(name: str) -> None:
    assert describe(STUDIES, name)


def test_studies_are_no_group_of_a_configuration() -> None:
    assert STUDIES not in groups()


def test_a_description_is_the_first_comment_that_is_no_directive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.yaml").write_text("# @package _global_\n# A net\n# more\nname: a\n")
    (folder / "b.yaml").write_text("name: b\n")
    monkeypatch.setattr("alexcli.config.files.conf_dir", lambda: tmp_path)
    assert describe("model", "a") == "A net"
    assert describe("model", "b") == ""


@pytest.mark.parametrize("name", choices("model"))
def test_a_models_name_is_its_files(name: str) -> None:
    assert compose([f"model={name}"], AnalyzeSpec).model.name == name


@pytest.mark.parametrize("name", choices("experiment"))
def test_an_experiments_label_is_its_files_name(name: str) -> None:
    assert compose([f"experiment={name}"], TrainSpec).label == name


@pytest.mark.parametrize("name", choices("experiment"))
def test_an_experiment_states_expectation_hardware_and_command(name: str) -> None:
    text = (conf_dir() / "experiment" / f"{name}.yaml").read_text()
    for heading in ("# expected:", "# hardware:", "# command: alexcli train"):
        assert heading in text


def test_no_two_yamls_share_more_than_five_lines() -> None:
    lines = {path: content_lines(path) for path in YAML_FILES}
    for left, right in itertools.combinations(YAML_FILES, 2):
        assert len(lines[left] & lines[right]) <= 5, (left.name, right.name)


def test_yaml_holds_no_code() -> None:
    for path in YAML_FILES:
        text = path.read_text()
        assert "_target_" not in text
        assert "${" not in text
