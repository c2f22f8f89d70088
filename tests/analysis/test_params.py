"""Counts against numbers worked out by hand and against programs that count for themselves."""

from typing import Any

import pytest

from alexcli.analysis import params, read_yaml
from alexcli.config import compose
from alexcli.schema import AnalyzeSpec


def _data(*words: str, check: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = params.run(compose(list(words), AnalyzeSpec), check).data
    return found


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        (["model=alexnet"], (60_965_224, 724_406_816, 659_272)),
        (["model=caffenet"], (60_965_224, 724_406_816, 659_272)),
        (["model=merged"], (62_378_344, 1_135_256_096, 659_272)),
        (["model=owt"], (61_100_840, 714_188_480, 494_184)),
        (["model=one_gpu"], (59_798_312, 391_514_384, 355_864)),
    ],
)
def test_totals_are_those_worked_out_by_hand(words: list[str], sizes: tuple[int, ...]) -> None:
    totals = _data(*words)["totals"]
    assert tuple(totals[key] for key in ("params", "macs", "neurons")) == sizes
    assert totals["flops"] == 2 * totals["macs"]


def test_layers_and_totals_and_towers_agree() -> None:
    found = _data()
    for key in ("neurons", "params", "weights", "biases", "macs", "weight_bytes"):
        assert found["totals"][key] == sum(layer[key] for layer in found["layers"])
    for layer in found["layers"]:
        for key in ("neurons", "params", "macs"):
            assert layer[key] == sum(part[key] for part in layer["per_tower"])
    params_of = [layer["params"] for layer in found["layers"]]
    assert params_of == [34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000]
    alone = [layer["name"] for layer in found["layers"] if layer["sees"] == "all"]
    assert alone == ["conv3", "fc6", "fc7", "fc8"]


def test_conventions_count_what_their_names_say() -> None:
    found = _data("batch=2")
    counts = {one["name"]: (one["forward"], one["training"]) for one in found["conventions"]}
    macs, neurons = found["totals"]["macs"], found["totals"]["neurons"]
    assert counts["MACs"] == (macs, 3 * macs - 105_415_200)
    assert counts["2 x MACs, with biases"][0] == 2 * macs + neurons
    # (weights and biases) x positions, layer by layer; conv1 alone 105,705,600.
    positions = 105_705_600 + 307_456 * 729 + (885_120 + 663_936 + 442_624) * 169
    assert counts["parameters x positions"][0] == positions + 58_631_144
    # conv1: 290,400 ReLUs, as many norms of 11 operations, 27 x 27 x 96 pools of nine.
    assert found["layers"][0]["other_flops"] == 12 * 290_400 + 9 * 27 * 27 * 96
    assert found["layers"][0]["activation_bytes"] == 4 * 2 * (2 * 290_400 + 27 * 27 * 96)


def test_circulating_figures_differ_for_the_reason_given() -> None:
    ours = _data()["totals"] | {"conv1": 290_400}
    figures = read_yaml("published")["circulating"]
    assert all(ours[one["of"]] == one["ours"] for one in figures)
    says = [one["says"] for one in figures]
    assert says[0] == ours["params"] - 1000
    assert says[1] == _data("model=merged")["totals"]["params"]
    assert ours["neurons"] + 227 * 227 * 3 in says
    assert ours["neurons"] - 290_400 + 253_440 in says
    assert 55 * 48 * 96 in says
    tables = params.run(compose(["model=owt"], AnalyzeSpec)).tables
    assert not any("circulate" in table.title for table in tables)


@pytest.mark.filterwarnings("ignore")  # fvcore's own
def test_other_programs_count_the_same() -> None:
    for model in ("tiny", "cifar_18", "lenet5"):
        for row in _data(f"model={model}", check=True)["check"]:
            assert row[3] in (0, None) or "batch_norm" in row[4], row
