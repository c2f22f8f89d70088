import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from alexcli.data.decode import ResizeSpec
from alexcli.data.images import FileImages, LocalImages
from alexcli.data.store_plan import (
    check_resumable,
    describe_changes,
    list_source,
    make_plan,
    read_earlier_plan,
)
from alexcli.errors import UsageError
from alexcli.schema import Encoding, PrepareSpec
from tests.data.random_data import array_dataset


def splits() -> dict[str, LocalImages]:
    dataset = array_dataset()
    return {"train": dataset.train, "val": dataset.val}  # type: ignore[dict-item]


def line(split: str, name: str, size: int) -> str:
    return json.dumps([split, name, size, 0])


def test_a_listing_has_a_line_for_each_image_with_split_name_and_label() -> None:
    rows = [json.loads(text) for text in list_source(splits())]
    assert len(rows) == 700
    assert [row[0] for row in rows] == ["train"] * 640 + ["val"] * 60
    split, name, size, _, label = rows[1]
    assert (split, name, size, label) == ("train", "1", 8 * 8 * 3, 1)


def test_a_plan_changes_with_whatever_changes_the_store_and_with_nothing_else() -> None:
    dataset = array_dataset()
    listing = list_source(splits())
    spec = PrepareSpec()
    plan = make_plan(dataset, spec, listing)
    assert make_plan(dataset, replace(spec, processes=3, quality=50), listing) == plan
    assert make_plan(dataset, replace(spec, encoding=Encoding.jpeg), listing) != plan
    assert make_plan(dataset, spec, listing[1:]) != plan
    assert make_plan(replace(dataset, size=9), spec, listing) != plan


def test_a_new_or_empty_folder_holds_no_plan(tmp_path: Path) -> None:
    assert read_earlier_plan(tmp_path / "new") is None
    (tmp_path / ".lock").touch()
    assert read_earlier_plan(tmp_path) is None


def test_the_plan_of_an_unfinished_store_is_read_back(tmp_path: Path) -> None:
    plan = make_plan(array_dataset(), PrepareSpec(), list_source(splits()))
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert read_earlier_plan(tmp_path) == plan


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chapter.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"holds something else \(chapter\.tex\)"):
        read_earlier_plan(tmp_path)


def test_other_settings_are_refused_with_both_values(tmp_path: Path) -> None:
    listing = list_source(splits())
    earlier = make_plan(array_dataset(), PrepareSpec(), listing)
    plan = earlier | {"size": 64}
    check_resumable(tmp_path, earlier, earlier, listing)
    with pytest.raises(UsageError, match="prepared with size 8, and now 64 is requested"):
        check_resumable(tmp_path, earlier, plan, listing)


def test_changes_are_counted_by_kind_with_an_example() -> None:
    before = [line("train", "a.png", 1), line("train", "b.png", 1), line("val", "c.png", 1)]
    now = [line("train", "a.png", 2), line("val", "c.png", 1), line("val", "d.png", 1)]
    assert describe_changes(before, now) == (
        "1 file added (such as val/d.png), 1 file removed (such as train/b.png), "
        "1 file changed (such as train/a.png)"
    )
    assert describe_changes(before, before[::-1]) == "the order of its files"


def test_a_limit_of_pixels_decides_only_which_files_are_stored(tmp_path: Path) -> None:
    spec = PrepareSpec()
    large = replace(spec, max_pixels=spec.max_pixels + 1)
    files = array_dataset()
    assert make_plan(files, large, []) == make_plan(files, spec, []), "arrays are not decoded"
    files = replace(files, train=FileImages(tmp_path, [], files.train.labels[:0], ResizeSpec(8)))
    assert make_plan(files, large, []) != make_plan(files, spec, [])


@pytest.mark.parametrize(
    ("before", "now", "skipped", "is_refused"),
    [
        (600, 600, 1, False),
        (600, 700, 0, False),
        (600, 700, 1, True),
        (600, 500, 0, True),
        (None, 700, 1, False),
    ],
    ids=["same", "larger", "larger and some left out", "smaller", "before it was recorded"],
)
def test_a_finished_store_stands_unless_another_limit_may_store_other_images(
    store: Path, before: int | None, now: int, skipped: int, is_refused: bool
) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    earlier = manifest | {"max_pixels": before, "skipped": skipped}
    if before is None:
        del earlier["max_pixels"]
    plan = {name: manifest[name] for name in make_plan(array_dataset(), PrepareSpec(), [])}
    message = f"prepared with max_pixels {before}, and now {now} is requested"
    with pytest.raises(UsageError, match=message) if is_refused else nullcontext():
        check_resumable(store, earlier, plan | {"max_pixels": now}, [])
