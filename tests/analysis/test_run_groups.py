"""Grouping runs, and naming the groups."""

from typing import Any

from alexcli.analysis.run_groups import RunGroups, group_runs
from alexcli.records.history import RunHistory


def grouped(*settings: dict[str, Any], label: str = "run") -> RunGroups:
    """The groups of runs with some settings."""
    return group_runs([RunHistory(label, each, []) for each in settings])


def names(groups: RunGroups) -> list[str]:
    return list(groups.groups)


def test_runs_that_differ_in_their_seeds_are_one_group() -> None:
    groups = grouped({"seed": 0, "runs": "a"}, {"seed": 1, "runs": "b"})
    assert [len(members) for members in groups.groups.values()] == [2]
    assert names(groups) == ["run"]


def test_a_name_has_the_settings_that_tell_it_apart_by_the_last_parts_of_their_keys() -> None:
    groups = grouped(
        {"optim.lr": 0.1, "optim.epochs": 3, "model.act": "relu"},
        {"optim.lr": 0.2, "optim.epochs": 4, "model.act": "relu"},
    )
    assert names(groups) == ["lr=0.1", "lr=0.2"]
    assert groups.not_named == ["optim.epochs"]


def test_settings_that_later_ones_make_needless_are_left_out() -> None:
    groups = grouped({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 3})
    assert names(groups) == ["b=1", "b=2", "b=3"]


def test_a_key_is_named_in_full_where_its_last_part_is_not_clear() -> None:
    groups = grouped(
        {"layers.conv1.std": 1, "layers.conv2.std": 1},
        {"layers.conv1.std": 1, "layers.conv2.std": 2},
        {"layers.conv1.std": 2, "layers.conv2.std": 1},
    )
    assert names(groups)[1] == "layers.conv1.std=1 layers.conv2.std=2"


def test_runs_that_differ_in_many_settings_and_alike_in_the_first_are_told_apart() -> None:
    """Six settings, every pair of runs differing in one or two."""
    keys = "abcdef"
    runs = [dict.fromkeys(keys, 0), *({**dict.fromkeys(keys, 0), key: 1} for key in keys)]
    assert len(grouped(*runs).groups) == len(runs)


def test_labels_alone_name_groups_where_they_suffice() -> None:
    histories = [
        RunHistory("quickstart", {"model.name": "tiny", "optim.lr": 0.1}, []),
        RunHistory("cifar", {"model.name": "owt", "optim.lr": 0.2}, []),
    ]
    assert names(group_runs(histories)) == ["quickstart", "cifar"]
