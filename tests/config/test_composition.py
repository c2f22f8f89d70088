"""Compositions, and their cache."""

import sys
from pathlib import Path

import pytest

from alexcli.config import composition as tested
from alexcli.config.composition import ChosenFiles, chosen_files, composition
from alexcli.config.hydra_compose import compose_files
from alexcli.schema import AnalyzeSpec, PrepareSpec, TrainSpec


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of yaml files with two models, and an empty cache."""
    folder = tmp_path / "conf"
    (folder / "model").mkdir(parents=True)
    (folder / "root.yaml").write_text("defaults: [{model: a}, _self_]\nseed: 1\n")
    (folder / "model/a.yaml").write_text("size: 3\nsteps: {5: 0.1, 7: 1.0e-05}\n")
    (folder / "model/b.yaml").write_text("defaults: [a]\nname: '1e-3'\nsize: 4\n")
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "cache"))
    forget()
    return folder


def forget() -> None:
    """Forget what this process knows of compositions, as another process does not know it."""
    composition.cache_clear()
    tested._files_digest.cache_clear()


def without_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every use of Hydra an error."""
    monkeypatch.setitem(sys.modules, "alexcli.config.hydra_compose", None)  # type: ignore[arg-type]


def test_a_training_without_experiment_and_data_is_the_quick_start() -> None:
    def choices(**chosen: str | None) -> tuple[str, ...]:
        files = chosen_files(TrainSpec, chosen)
        assert files is not None
        return files.choices

    assert choices() == ("experiment=quickstart",)
    assert choices(model="tiny") == ("model=tiny", "experiment=quickstart")
    assert choices(experiment=None) == ()
    assert choices(data="cifar10") == ("data=cifar10",)


def test_an_analysis_has_its_own_root_and_a_store_none() -> None:
    files = chosen_files(AnalyzeSpec, {})
    assert files is not None
    assert files.root == "analyze"
    assert chosen_files(PrepareSpec, {}) is None
    assert composition(None) == {}


def test_the_cache_gives_what_hydra_composes(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ChosenFiles("root", ("model=b",), str(conf))
    expected = compose_files("root", ["model=b"], conf).mapping
    assert expected["model"] == {"size": 4, "steps": {5: 0.1, 7: 1e-5}, "name": "1e-3"}
    assert composition(files) == expected
    forget()
    without_hydra(monkeypatch)
    assert composition(files) == expected
    with pytest.raises(ImportError):
        composition(ChosenFiles("root", ("model=a",), str(conf)))


def test_a_changed_or_a_new_file_is_read(conf: Path) -> None:
    files = ChosenFiles("root", (), str(conf))
    assert composition(files)["model"]["size"] == 3
    forget()
    (conf / "model/a.yaml").write_text("size: 5\n")
    assert composition(files)["model"] == {"size": 5}
    forget()
    (conf / "model/a.yaml").rename(conf / "model/c.yaml")
    (conf / "root.yaml").write_text("defaults: [{model: c}]\n")
    assert composition(files) == {"model": {"size": 5}}


def test_a_damaged_file_of_the_cache_is_replaced(conf: Path, tmp_path: Path) -> None:
    files = ChosenFiles("root", (), str(conf))
    expected = composition(files)
    (cached,) = (tmp_path / "cache/compositions").iterdir()
    text = cached.read_text()
    for damaged in ("{", "- 1\n", "\x00"):
        cached.write_text(damaged)
        forget()
        assert composition(files) == expected
        assert cached.read_text() == text


def test_no_cache_is_needed(conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", Path("/proc/nowhere")):
        monkeypatch.setenv("ALEXCLI_CACHE", str(folder))
        forget()
        assert composition(ChosenFiles("root", (), str(conf)))["seed"] == 1
