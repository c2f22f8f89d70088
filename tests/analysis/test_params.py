"""Counts against numbers worked out by hand."""

from typing import Any

import pytest

from alexcli.analysis import params
from alexcli.analysis.published import published
from alexcli.config.compose import compose
from alexcli.schema import AnalyzeSpec


def _data(*overrides: str) -> dict[str, Any]:
    data: dict[str, Any] = params.run(compose(list(overrides), AnalyzeSpec)).data
    return data


@pytest.mark.parametrize(
    ("name", "totals"),
    [
        ("alexnet", (60_965_224, 724_406_816, 659_272)),
        ("caffenet", (60_965_224, 724_406_816, 659_272)),
        ("merged", (62_378_344, 1_135_256_096, 659_272)),
        ("owt", (61_100_840, 714_188_480, 494_184)),
        ("one_gpu", (59_798_312, 391_514_384, 355_864)),
    ],
)
def test_totals_are_those_worked_out_by_hand(name: str, totals: tuple[int, ...]) -> None:
    counts = _data(f"model={name}")["totals"]
    assert tuple(counts[key] for key in ("params", "macs", "neurons")) == totals
    assert counts["flops"] == 2 * counts["macs"]


def test_layers_and_totals_and_towers_agree() -> None:
    data = _data()
    for key in ("neurons", "params", "weights", "biases", "macs", "weight_bytes"):
        assert data["totals"][key] == sum(layer[key] for layer in data["layers"])
    for layer in data["layers"]:
        for key in ("neurons", "params", "macs"):
            assert layer[key] == sum(part[key] for part in layer["per_tower"])
    params_of = [layer["params"] for layer in data["layers"]]
    assert params_of == [34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000]
    reads_all = [layer["name"] for layer in data["layers"] if layer["reads"] == "all_towers"]
    assert reads_all == ["conv3", "fc6", "fc7", "fc8"]
    assert data["layers"][0]["reads"] == "own_tower"


def test_tables_sum_what_the_data_has() -> None:
    analysis = params.run(compose([], AnalyzeSpec))
    main, memory, _, towers, *_ = analysis.tables
    totals = analysis.data["totals"]
    assert main.records()[-1]["parameters"] == totals["params"]
    assert memory.records()[-1]["training"] == totals["training_bytes"] / 1e6
    first_tower = towers.records()[-1]
    assert first_tower["parameters"] + first_tower["of another"] == totals["params"]


def test_receptive_fields_stand_beside_the_activations_of_one_image() -> None:
    data = _data("model=alexnet")
    fields = [layer["receptive_field"] for layer in data["layers"]]
    assert fields[:5] == [11, 51, 99, 131, 163]
    strides = [layer["effective_stride"] for layer in data["layers"]]
    assert strides == [4, 8, 16, 16, 16, None, None, None]
    table = params.run(compose(["model=alexnet"], AnalyzeSpec)).tables[2]
    conv5 = table.records()[4]
    assert conv5["of the image"] == 163 / 227
    assert conv5["kB of activations"] == pytest.approx(4 * (13 * 13 + 6 * 6) * 256 / 1e3, abs=0.1)


def test_a_net_of_one_tower_has_no_table_of_towers() -> None:
    titles = [table.title for table in params.run(compose(["model=merged"], AnalyzeSpec)).tables]
    assert not any("the first of" in title for title in titles)


def test_quoted_counts_differ_for_the_reason_given() -> None:
    ours = _data()["totals"] | {"conv1": 290_400}
    quoted = published("quoted_counts")
    assert all(ours[row["of"]] == row["ours"] for row in quoted)
    says = [row["says"] for row in quoted]
    assert says[0] == ours["params"] - 1000
    assert says[1] == _data("model=merged")["totals"]["params"]
    assert ours["neurons"] + 227 * 227 * 3 in says
    assert ours["neurons"] - 290_400 + 253_440 in says
    assert 55 * 48 * 96 in says


def test_quoted_counts_stand_beside_the_net_that_they_are_of() -> None:
    def titles(name: str) -> list[str]:
        analysis = params.run(compose([f"model={name}"], AnalyzeSpec))
        return [table.title for table in analysis.tables]

    assert "commonly quoted counts" in titles("alexnet"), "the paper's rounded ones are not wrong"
    assert not any("quoted" in title for title in titles("owt"))
