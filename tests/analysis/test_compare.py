"""The table's counts against arithmetic of our own."""

import dataclasses

import pytest

from alexcli.analysis import compare
from alexcli.analysis.published import published
from alexcli.config.files import choices, conf_dir
from alexcli.tables import Table
from tests.conftest import model
from tests.records.test_sweep import summary


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    return compare.run(lambda name: model(f"model={name}"), []).tables


def test_the_table_has_every_net_with_its_source(tables: list[Table]) -> None:
    nets, sources, _, _ = tables
    assert len(nets.rows) == len(sources.rows) == 12
    rows = {row["net"]: row for row in nets.records()}
    vgg16 = rows["VGG-16"]
    assert [vgg16[column] for column in ("layers", "conv", "kernels", "fc")] == [16, 13, "3", 3]
    assert rows["VGG-19"]["params M"] == pytest.approx(143.667240)
    alexnet = rows["AlexNet, two towers"]
    has = [alexnet[column] for column in ("drop", "LRN", "BN", "inc")]
    assert has == [True, True, False, False]
    assert rows["GoogLeNet"]["inc"] is True


def test_vgg_adds_up_to_other_sums_than_the_lecture_has(tables: list[Table]) -> None:
    lecture = tables[2]
    *layers, total = lecture.records()
    assert total == {"layer": "total", "output": "", "memory": 15_237_608, "weights": 138_344_128}
    assert (layers[1]["memory"], layers[1]["weights"]) == (3_211_264, 1_728)


def test_errors_of_course_notes_have_a_correction_and_its_source(tables: list[Table]) -> None:
    errors = tables[3].records()
    assert len(errors) >= 6
    assert all(row["says"] and row["right"] and row["source"] for row in errors)


def test_what_runs_of_reduced_nets_reached_stands_beside_the_published_errors() -> None:
    runs = [
        dataclasses.replace(summary(f"{name}_cifar10/s0-1", 0.2), model=name)
        for name in ("own_net", "cifar_resnet18", "cifar_alexnet")
    ]
    table = compare.run(lambda name: model(f"model={name}"), runs).tables[1]
    rows = table.records()
    assert [row["net"] for row in rows] == ["AlexNet, two towers", "ResNet-18", "own_net"]
    assert [row["top-5 on ImageNet"] for row in rows] == [0.182, 0.10922, None]
    assert rows[1]["run"] == "cifar_resnet18_cifar10/s0-1"
    assert rows[1]["val error"] == 0.2


def test_every_reduced_net_has_a_configuration_that_the_experiment_names() -> None:
    reduced = [net["reduced"] for net in published("nets") if "reduced" in net]
    command = conf_dir() / "experiment" / "cifar_successors.yaml"
    assert len(reduced) == 6
    for name in reduced:
        assert name in choices("model")
        assert name in command.read_text(encoding="utf-8")
