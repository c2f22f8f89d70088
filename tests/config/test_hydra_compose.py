"""Composing yaml files with Hydra."""

from pathlib import Path

import pytest

from alexcli.config.hydra_compose import compose_files
from alexcli.errors import UsageError


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A folder of yaml files."""
    (tmp_path / "model").mkdir()
    (tmp_path / "root.yaml").write_text("defaults: [{model: a}, _self_]\nmodel: {size: 2}\n")
    (tmp_path / "model/a.yaml").write_text("size: 3\nlayers: {conv1: {pad: 1}}\n")
    (tmp_path / "model/b.yaml").write_text("defaults: [a, _self_]\nlayers: {conv1: {std: 1}}\n")
    return tmp_path


def test_later_files_change_earlier_ones(conf: Path) -> None:
    assert compose_files("root", [], conf).mapping == {
        "model": {"size": 2, "layers": {"conv1": {"pad": 1}}}
    }
    layers = compose_files("root", ["model=b"], conf).mapping["model"]["layers"]
    assert layers == {"conv1": {"pad": 1, "std": 1}}


def test_one_folder_after_another_is_read(conf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "root.yaml").write_text("seed: 1\n")
    assert compose_files("root", [], other).mapping == {"seed": 1}
    assert "model" in compose_files("root", [], conf).mapping


def test_a_file_that_is_no_yaml_or_names_a_missing_one_is_refused(conf: Path) -> None:
    (conf / "model/b.yaml").write_text("defaults: [nowhere]\n")
    with pytest.raises(UsageError, match="nowhere"):
        compose_files("root", ["model=b"], conf)
