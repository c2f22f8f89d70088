"""Yaml files of a user's folder that nothing reads."""

from pathlib import Path

import pytest

from alexcli.config.unread_files import unread_files


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("modle/mine.yaml", "modle is no group; did you mean model/mine.yaml?"),
        ("xyz/mine.yaml", "xyz is no group; groups: augment, "),
        ("ablatoin/mine.yaml", "did you mean ablation/mine.yaml?"),
        ("mine.yaml", "it is in no folder of a group: augment, "),
        ("model/mine.yml", "only files with the ending .yaml are read: model/mine.yaml"),
        ("model/my net.yaml", "its name has other characters than letters, digits, - and _"),
    ],
)
def test_a_file_that_nothing_reads_is_named_with_the_reason(name: str, reason: str) -> None:
    path = Path("conf", name).absolute()
    path.parent.mkdir(parents=True)
    path.touch()
    (file,) = unread_files()
    assert file.path == path
    assert reason in file.reason


def test_what_is_read_and_what_is_no_yaml_is_not_named() -> None:
    assert unread_files() == []
    for name in ("model/mine.yaml", "ablation/mine.yaml", "model/parts/a.yaml", "notes.txt"):
        path = Path("conf", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert unread_files() == []
