from pathlib import Path

from alexcli.data.names import human_names, ilsvrc2012_wnids


def test_wnids_get_names_for_people() -> None:
    assert human_names(["n01440764", "n03888257"]) == ["tench", "parachute"]


def test_other_classes_keep_their_names() -> None:
    assert human_names(["cat", "dog"]) == ["cat", "dog"]


def test_a_file_of_names_in_the_data_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("n00004475\torganism, being\nn01440764\ttinca\n")
    assert human_names(["n00004475", "n01440764"], tmp_path) == ["organism, being", "tinca"]


def test_the_wnids_of_ilsvrc2012_are_a_thousand_and_sorted() -> None:
    wnids = ilsvrc2012_wnids()
    assert len(wnids) == len(set(wnids)) == 1000
    assert wnids == sorted(wnids)
