import os
from pathlib import Path

import pytest

from alexcli.data.file_names import holds_images, images_below, is_data, normal_form, subfolders
from alexcli.errors import UsageError


def _files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    "name",
    [".ipynb_checkpoints", "._0.jpg", ".DS_Store", "__MACOSX", "Thumbs.db", "@eaDir", "lost+found"],
)
def test_hidden_and_system_names_are_no_data(name: str) -> None:
    assert not is_data(name)
    assert is_data(f"a{name}")


def test_images_are_those_with_known_endings_in_order_of_name(tmp_path: Path) -> None:
    _files(tmp_path, "b.PNG", "a.jpg", "c/d.jpeg", "._a.jpg", ".c/e.jpg", "__MACOSX/f.jpg", "n.txt")
    assert images_below(tmp_path).names == ["a.jpg", "b.PNG", "c/d.jpeg"]
    assert subfolders(tmp_path) == ["c"]


def test_other_files_are_counted_by_ending_but_for_those_that_accompany_images(
    tmp_path: Path,
) -> None:
    _files(tmp_path, "a.jpg", "b.heic", "c/d.HEIC", "film.mp4", "plain", "boxes.txt", "a.json")
    found = images_below(tmp_path)
    assert found.described_unread() == "1 without an ending, 2 .heic, 1 .mp4"
    assert found.other_images == ["b.heic", "c/d.HEIC"]


def test_links_are_followed_under_their_own_name_and_never_in_a_circle(tmp_path: Path) -> None:
    _files(tmp_path / "there", "x.jpg")
    _files(tmp_path / "here", "a.jpg")
    (tmp_path / "here/typed").symlink_to(tmp_path / "there")
    (tmp_path / "there/back").symlink_to(tmp_path / "here")
    (tmp_path / "here/self.jpg").symlink_to("self.jpg")
    assert images_below(tmp_path / "here").names == ["a.jpg", "self.jpg", "typed/x.jpg"]


def test_a_name_of_any_bytes_is_an_image(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))).touch()
    assert [os.fsencode(name) for name in images_below(tmp_path).names] == [b"caf\xe9.jpg"]


def test_both_unicode_forms_are_one_name() -> None:
    assert normal_form("cafe\u0301") == normal_form("caf\u00e9") == "caf\u00e9"


def test_a_glance_finds_images_some_levels_below(tmp_path: Path) -> None:
    _files(tmp_path, "a/b/c.xml")
    assert not holds_images(tmp_path)
    _files(tmp_path, "a/b/d.jpg")
    assert holds_images(tmp_path)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone cannot be read"):
        subfolders(tmp_path / "gone")
