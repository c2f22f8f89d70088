"""What analyses of nets compute, against plain arithmetic and made-up nets."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from alexcli.analysis import codes, curves, filters, init
from alexcli.analysis.neighbors import Nearest
from alexcli.errors import UsageError
from alexcli.model.towers import Towers, activations, find_layer
from alexcli.schema import AnalyzeSpec
from tests.conftest import model


def test_streamed_neighbours_are_those_of_all_distances_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(301, 17, generator=generator)
    base[7] = base[200] + 1e-4  # closer than products in float32 can tell
    queries = torch.cat([base[200:201], torch.randn(4, 17, generator=generator)])
    found = Nearest(queries, 5)
    for rows in torch.arange(301).split(23):
        found.add(base[rows], rows)
        assert found.indices.shape[1] <= 5
    exact = (queries.double()[:, None] - base.double()[None]).norm(dim=2).topk(5, largest=False)
    assert torch.equal(found.indices, exact.indices)
    torch.testing.assert_close(found.distances, exact.values.float())


def test_activations_are_what_the_next_layer_reads() -> None:
    net = Towers(model("model=tiny")).eval()
    x = torch.randn(3, 3, 32, 32)
    found = activations(net, x, ["conv1", "fc7", "fc8"])
    assert found["conv1"].shape == (3, 32, 7, 7)
    halves = found["fc7"].chunk(2, dim=1)
    scores: Any = sum(net.layer(t, "fc8")(half) for t, half in enumerate(halves))
    torch.testing.assert_close(scores, net(x))
    with pytest.raises(UsageError, match="conv9"):
        find_layer(net, "conv9")


def _gratings(n: int, colour: bool) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[:11, :11]
    turned = [np.cos(0.8 * (x * np.cos(t) + y * np.sin(t))) for t in np.linspace(0, 3, n)]
    gray = np.stack(turned)[:, None].repeat(3, axis=1)
    return gray * np.array([1.0, -1.0, 0.1])[:, None, None] if colour else gray


def test_selectivity_tells_gratings_from_noise_and_colour_from_gray() -> None:
    noise = filters.measure(np.random.default_rng(0).normal(size=(40, 3, 11, 11)))
    gray, colour = (filters.measure(_gratings(40, c)) for c in (False, True))
    assert np.allclose(gray["colour"], 0)
    assert colour["colour"].min() > 10
    assert np.median(noise["colour"]) == pytest.approx(2, abs=0.3)  # two axes to one
    assert gray["orientation"].min() > 0.65
    assert np.median(noise["orientation"]) < 0.4
    assert gray["frequency"].min() > 0.4
    assert abs(np.median(noise["frequency"])) < 0.2
    assert gray["cycles per pixel"].mean() == pytest.approx(0.8 / 2 / np.pi, rel=0.25)


def test_the_permutation_test_sees_a_difference_only_where_there_is_one() -> None:
    drawn = np.random.default_rng(1).normal(size=(3, 48))
    same, apart = filters.chance([drawn[0], drawn[1]]), filters.chance([drawn[0], drawn[2] + 2])
    assert same is not None
    assert same > 0.05
    assert apart is not None
    assert apart < 0.001
    assert filters.chance([drawn[0]]) is None


def _history(seed: int, act: str, errors: list[float]) -> curves.History:
    rows = [
        {"split": "val", "epoch": i, "step": 10 * i, "time": i / 2, "top1_err": error}
        for i, error in enumerate(errors, start=1)
    ]
    return "run", {"seed": seed, "model.activation": act, "runs": str(seed)}, rows


def test_seeds_make_a_band_and_crossings_a_ratio() -> None:
    histories = [
        _history(0, "relu", [0.5, 0.3, 0.2]),
        _history(1, "relu", [0.7, 0.1, 0.2]),
        _history(0, "tanh", [0.9, 0.8, 0.7, 0.3, 0.1]),
        _history(0, "elu", [0.9, 0.8]),
    ]
    found = curves.run(AnalyzeSpec(), histories)
    relu, tanh, elu = found.tables[0].rows
    assert relu[:3] == ["run model.activation=relu", 2, pytest.approx(0.2)]
    assert relu[5] == pytest.approx((2.5 + 1.75) / 2)
    assert tanh[5:7] == [pytest.approx(4.25), pytest.approx(4.25 / 2.125)]
    assert elu[5:] == [None, None, "0 of 1"]
    band = found.panels[0].data["run model.activation=relu"]
    assert band["low"].tolist() == [0.5, 0.1, 0.2]
    with pytest.raises(UsageError, match="train_eval"):
        curves.run(AnalyzeSpec(split="train_eval"), histories)
    with pytest.raises(UsageError, match="against=week"):
        curves.run(AnalyzeSpec(against="week"), histories)


def test_a_port_starts_far_weaker_and_the_net_is_left_alone() -> None:
    net = Towers(model("model=alexnet_145", "model.width=0.125", "model.classes=10")).eval()
    before = {name: value.clone() for name, value in net.named_parameters()}
    size = net.spec.input.size
    x = 60 * torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(0))
    rows = init._starts(net, x)
    assert rows[0][2] == pytest.approx(init.spread(net(x).detach()))
    assert rows[0][2] / rows[3][2] > 100
    assert all(torch.equal(before[name], value) for name, value in net.named_parameters())


def test_learned_codes_find_their_own_cluster() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 4 * torch.randn(20, 32, generator=generator)
    x = centres.repeat(20, 1) + torch.randn(400, 32, generator=generator)
    encode = codes.encoder((x - x.mean(0)) / x.std(0), 16)
    bits: Tensor = encode((x - x.mean(0)) / x.std(0)) > 0
    distance = (bits[:, None] != bits[None]).sum(dim=2).float()
    same = torch.arange(400)[:, None] % 20 == torch.arange(400)[None] % 20
    assert distance[same].mean() < 0.5 * distance[~same].mean()
    packed = np.packbits(bits.numpy(), axis=1)
    itself = np.arange(400)[:, None]
    _, among, _ = codes._recall(packed, packed, itself)
    assert among == 1
