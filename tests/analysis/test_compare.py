"""The table's counts against arithmetic of our own."""

import pytest

from alexcli.analysis import compare
from alexcli.tables import Table
from tests.conftest import model


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    return compare.run(lambda name: model(f"model={name}")).tables


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
