"""What the package is made of is there wherever it is built."""

import tomllib
from pathlib import Path

import pytest
import yaml

from alexcli import __version__

ROOT = Path(__file__).parents[1]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
INCLUDED = sorted(BUILD["build"]["targets"]["wheel"]["force-include"])


@pytest.mark.parametrize("folder", INCLUDED)
def test_an_image_and_an_archive_hold_what_the_wheel_includes(folder: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert f"COPY {folder} ./{folder}" in dockerfile
    assert f"!{folder}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert folder in BUILD["build"]["targets"]["sdist"]["include"]


@pytest.mark.parametrize("folder", INCLUDED)
def test_what_the_wheel_includes_is_small(folder: str) -> None:
    size = sum(file.stat().st_size for file in (ROOT / folder).rglob("*") if file.is_file())
    assert size < 3e6


def test_the_version_is_written_in_one_place() -> None:
    assert BUILD["version"]["path"] == "src/alexcli/__init__.py"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__


def test_commits_are_checked_by_the_ruff_of_nox() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for hook in hooks["repos"][0]["hooks"]:
        (ruff,) = hook["additional_dependencies"]
        assert f'session.install("{ruff}")' in noxfile


def test_an_image_is_built_of_two_stages_and_only_the_last_is_kept() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last = dockerfile.rpartition("\nFROM ")[2]
    assert "COPY --from=build /opt/alexcli /opt/alexcli" in last
    assert "pip install" not in last
