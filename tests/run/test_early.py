"""What is refused before torch is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.early import (
    LOGGER_PACKAGES,
    check_images,
    check_images_key,
    check_root,
    open_early,
)
from tests.conftest import small

REFUSALS = (
    "train data=folder",
    "train data=folder data.root=/nowhere",
    "train data=folder data.root=.",
    "train data.val=9",
    "train init_from=/nowhere",
    "train --resume /nowhere",
    "train nosuch=1",
    "eval /nowhere",
    "predict /nowhere.jpg",
    "predict . --run /nowhere",
    "predict . --labels /nowhere",
    "features /nowhere.jpg --out f.npz",
    "features . --run /nowhere --out f.npz",
    "export /nowhere --format onnx",
    "report /nowhere",
    "analyze filters --run /nowhere",
    "analyze maps images=/nowhere",
    "analyze nosuch",
    "ablate nosuch",
    "ablate lrn data=folder data.root=/nowhere",
    "data stats /nowhere",
    "data prepare /nowhere store",
    "data verify /nowhere",
)

IN_ONE_PROCESS = """
import sys
from typer.testing import CliRunner
from alexcli.cli.main import app
for line in sys.stdin.read().splitlines():
    result = CliRunner().invoke(app, line.split())
    heavy = [name for name in ("torch", "lightning", "scipy", "numba") if name in sys.modules]
    print(result.exit_code, bool(result.stderr), heavy, line)
"""


def test_words_and_paths_are_refused_before_heavy_imports() -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS],
        input="\n".join(REFUSALS),
        capture_output=True,
        text=True,
    )
    assert outcome.stdout.splitlines() == [f"2 True [] {line}" for line in REFUSALS], outcome.stderr


def test_images_in_quotes_are_left_to_the_analysis() -> None:
    check_images_key(["images='a,b.png'", "images=null", "count=3"])
    with pytest.raises(UsageError, match=r"a\.png does not exist"):
        check_images_key(["images=a.png"])


def test_the_data_of_a_training_of_several_processes_is_left_to_them() -> None:
    spec = small("placement=distributed")
    assert open_early(spec, NullReporter(), resume="auto", overrides=[]) is None
    opened = open_early(small(), NullReporter(), resume="auto", overrides=[])
    assert opened is not None
    assert opened[0] == small()


def test_only_what_is_missing_is_refused(tmp_path: Path) -> None:
    check_images([tmp_path])
    with pytest.raises(UsageError, match=r"nothing\.jpg does not exist"):
        check_images([tmp_path / "nothing.jpg"])
    check_root(small(f"data.root={tmp_path}", "data=folder"), NullReporter())
    check_root(small("data.root=s3://bucket/store", "data=store"), NullReporter())
    with pytest.raises(UsageError, match=r"data\.root=/nowhere does not exist"):
        check_root(small("data.root=/nowhere", "data=folder"), NullReporter())


@pytest.mark.parametrize("name", LOGGER_PACKAGES)
def test_a_logger_without_its_package_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    spec = small(f"logger=[csv,{name}]")
    with pytest.raises(UsageError, match=f"logger={name} needs the package {name}") as caught:
        open_early(spec, NullReporter(), resume="auto", overrides=())
    assert caught.value.hint == f"pip install 'alexcli[{name}]'"
