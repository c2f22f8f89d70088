"""One process of several."""

import json
from pathlib import Path

import pytest
import yaml

from alexcli.config.mapping import to_mapping
from alexcli.errors import UsageError
from alexcli.placement.environment import MEETING
from alexcli.run.worker import (
    CONFIG_FILE,
    WorkerError,
    error_file,
    handed_config,
    is_main_process,
    rank_prefix,
    send_error_to_parent,
)
from tests.conftest import small


@pytest.fixture
def _second_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is rank 1 of two that alexcli started."""
    for name, value in (("RANK", 1), ("WORLD_SIZE", 2), ("LOCAL_RANK", 1), ("LOCAL_WORLD_SIZE", 2)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv(MEETING, str(tmp_path / "meeting"))


def test_a_process_alone_speaks_and_has_nobody_to_tell() -> None:
    assert is_main_process()
    assert rank_prefix() == ""
    assert not send_error_to_parent(UsageError("wrong"))
    assert handed_config() is None


@pytest.mark.usefixtures("_second_of_two")
def test_a_later_rank_does_not_speak_but_says_who_it_is() -> None:
    assert not is_main_process()
    assert rank_prefix() == "rank 1 of 2: "


@pytest.mark.usefixtures("_second_of_two")
def test_an_error_reaches_the_starting_process_whole(tmp_path: Path) -> None:
    assert send_error_to_parent(UsageError("wrong value", hint="another one"))
    record = WorkerError(**json.loads(error_file(tmp_path, 1).read_text()))
    assert (record.rank, record.kind) == (1, "UsageError")
    assert (record.message, record.hint) == ("wrong value", "another one")


@pytest.mark.usefixtures("_second_of_two")
def test_an_unexpected_error_brings_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken") as caught:
        raise ValueError("broken")
    assert send_error_to_parent(caught.value)
    record = WorkerError(**json.loads(error_file(tmp_path, 1).read_text()))
    assert record.kind == "RunFailedError"
    assert record.message.startswith("ValueError: broken\nTraceback")


@pytest.mark.usefixtures("_second_of_two")
def test_the_configuration_is_handed_over_resolved(tmp_path: Path) -> None:
    spec = small("optim.lr=1e-05", "model.layers.conv4=null")
    (tmp_path / CONFIG_FILE).write_text(yaml.safe_dump(to_mapping(spec), sort_keys=False))
    assert handed_config() == spec


def test_a_wrong_environment_does_not_hide_the_error_about_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert rank_prefix() == ""
    assert not send_error_to_parent(UsageError("LOCAL_RANK is not set"))
