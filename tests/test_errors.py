"""Errors that a user can act on."""

from pathlib import Path

import pytest

from alexcli.errors import (
    AlexcliError,
    InterruptedRunError,
    LostPeerError,
    RunFailedError,
    TerminatedRunError,
    UsageError,
    did_you_mean,
    nearest,
    plural,
    sibling_names,
)


def test_an_error_carries_its_message_and_its_hint() -> None:
    error = UsageError("model='alexnt' does not exist", hint="model=alexnet")
    assert str(error) == error.message == "model='alexnt' does not exist"
    assert error.hint == "model=alexnet"
    assert UsageError("bad").hint is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (RunFailedError, 1),
        (LostPeerError, 1),
        (InterruptedRunError, 130),
        (TerminatedRunError, 75),
        (AlexcliError, 1),
    ],
)
def test_the_kind_of_an_error_decides_the_exit_code(kind: type[AlexcliError], code: int) -> None:
    assert kind("bad").exit_code == code


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "class folder", "0 class folders"),
        (1, "class folder", "1 class folder"),
        (2, "class", "2 classes"),
        (1, "process", "1 process"),
        (1234, "image", "1,234 images"),
    ],
)
def test_a_count_is_written_with_its_noun(count: int, noun: str, text: str) -> None:
    assert plural(count, noun) == text


def test_the_nearest_choice_is_the_most_similar_one() -> None:
    assert nearest("alexnt", ["alexnet", "vgg16"]) == "alexnet"
    assert nearest("lenet", ["zf"]) is None
    assert nearest("lenet", []) is None


def test_a_hint_names_the_nearest_choice() -> None:
    assert did_you_mean("alexnt", iter(["alexnet", "vgg16"])) == "did you mean alexnet?"
    assert did_you_mean("lenet", ["zf"]) is None


def test_sibling_names_are_those_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "val.txt").touch()
    assert sorted(sibling_names(tmp_path / "trian")) == ["train", "val.txt"]
    assert sibling_names(tmp_path / "nowhere" / "x") == []
