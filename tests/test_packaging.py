"""What the package is made of is there wherever it is built."""

import tomllib
from pathlib import Path

import pytest

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
