"""Counts against numbers worked out by hand; tests/placement measures real bytes."""

from typing import Any

import pytest

from alexcli.analysis import traffic
from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render
from alexcli.schema import AnalyzeSpec

PARAMETERS = 60_965_224


def _rows(*overrides: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = traffic.run(compose(list(overrides), AnalyzeSpec)).data["rows"]
    return rows


def _row(placement: str, devices: int, batch: int) -> dict[str, Any]:
    """The row of the default net."""
    key = (placement, devices, batch)
    (row,) = (row for row in _rows() if (row["placement"], row["devices"], row["batch"]) == key)
    return row


def test_two_towers_send_what_section_3_5_says() -> None:
    """pool2 256 x 13 x 13, pool5 256 x 6 x 6, fc6 4096, and 1000 scores each way."""
    row = _row("2 towers", 2, 128)
    layers = {layer["name"]: layer for layer in row["layers"]}
    assert layers["conv3"]["forward"] == 4 * 128 * 256 * 13 * 13
    assert layers["fc6"]["backward"] == 4 * 128 * 256 * 6 * 6
    assert layers["fc7"]["forward"] == 4 * 128 * 4096
    assert (layers["fc8"]["forward"], layers["fc8"]["backward"]) == (4 * 128 * 2000, 0)
    assert sum(layer["forward"] + layer["backward"] for layer in layers.values()) == (
        row["forward"] + row["backward"]
    )
    assert row["seconds"]["pcie2"] == pytest.approx((row["forward"] + row["backward"]) / 2 / 8e9)


@pytest.mark.parametrize("devices", [2, 4096])
def test_data_parallelism_sends_every_gradient_around_a_ring(devices: int) -> None:
    row = _row("data parallel", devices, 8192)
    assert row["forward"] == 0
    assert row["backward"] == 2 * (devices - 1) * 4 * PARAMETERS
    assert row["per_device"] == pytest.approx(row["backward"] / devices)


def test_replicas_of_towers_send_each_towers_gradient_around_its_own_ring() -> None:
    single = _row("2 towers", 2, 8192)
    replicated = _row("2 towers x R", 64, 8192)
    assert replicated["forward"] == single["forward"]
    assert replicated["backward"] - single["backward"] == 2 * 31 * 4 * PARAMETERS


def test_the_hybrid_reduces_convolutions_only() -> None:
    row = _row("hybrid 2014", 8, 128)
    layers = {layer["name"]: layer for layer in row["layers"]}
    conv1 = 96 * (11 * 11 * 3 + 1)
    assert layers["conv1"] == {"name": "conv1", "forward": 0, "backward": 2 * 7 * 4 * conv1}
    assert layers["fc6"]["forward"] == layers["fc6"]["backward"] == 7 * 4 * 128 * 256 * 36
    assert row["per_device"] < _row("data parallel", 8, 128)["per_device"] / 5


def test_more_devices_than_images_have_no_row() -> None:
    rows = _rows("traffic.batches=[128]")
    assert max(row["replicas"] for row in rows) <= 128
    assert {row["batch"] for row in rows} == {128}


def test_no_row_of_the_table_wraps_where_there_is_no_terminal() -> None:
    (table,) = traffic.run(compose([], AnalyzeSpec)).tables
    frame = {
        "top": "\u250f",
        "header": "\u2503",
        "rule": "\u2521",
        "row": "\u2502",
        "end": "\u2514",
    }
    marks = [line[0] for line in render(table, Format.table).splitlines()]
    lines = {name: marks.count(mark) for name, mark in frame.items()}
    assert lines == {"top": 1, "header": 1, "rule": 1, "row": len(table.rows), "end": 1}


def test_a_net_that_towers_do_not_divide_has_the_other_rows() -> None:
    placements = {row["placement"] for row in _rows("model=lenet5")}
    assert placements <= {"2 towers", "2 towers x R", "data parallel", "hybrid 2014"}


@pytest.mark.parametrize(
    "override", ["traffic.devices=[0]", "traffic.batches=[]", "traffic.links.slow=0"]
)
def test_impossible_numbers_are_refused(override: str) -> None:
    with pytest.raises(UsageError, match="traffic"):
        _rows(override)
