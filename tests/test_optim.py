"""The learning rule: updates against a hand loop, groups, schedules, plateaus."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from alexcli.errors import UsageError
from alexcli.optim import (
    DivideOnPlateau,
    PaperSGD,
    build_optimizer,
    parameter_groups,
    schedule_value,
    set_epoch,
    uses_plateau,
)
from alexcli.schema import GroupSpec, OptimKind, OptimSpec, PlateauSpec, Schedule, ScheduleSpec

RATES = [0.1, 0.1, 0.1, 0.01, 0.01, 0.0, 0.02]
NAMES = ["conv1.weight", "conv1.bias", "fc8.weight", "fc8.bias"]


def weights(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(3, 2), (5,), (1,)]
    return [nn.Parameter(torch.randn(s, generator=generator, dtype=dtype)) for s in shapes]


def gradient(w: Any) -> Any:
    """Of sum(w**4 / 4 + w), so that it depends on the weights; for tensors, arrays and floats."""
    return w * w * w + 1.0


def run(optimizer: torch.optim.Optimizer, params: list[nn.Parameter], rates: list[float]) -> None:
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        for p in params:
            p.grad = gradient(p.detach())
        optimizer.step()


def named(prefixes: tuple[str, ...] = ("",)) -> list[tuple[str, nn.Parameter]]:
    return [(x + name, nn.Parameter(torch.ones(2))) for x in prefixes for name in NAMES]


def optim_spec(groups: dict[str, GroupSpec | None], **keys: Any) -> OptimSpec:
    return OptimSpec(groups=groups, **keys)


def two_groups() -> dict[str, GroupSpec | None]:
    no_decay = ScheduleSpec(base=0.0)
    bias_rate = ScheduleSpec(kind=Schedule.steps, base=2.0, steps={25: 0.2})
    bias = GroupSpec(pattern="*.bias", rate=bias_rate, decay=no_decay)
    plateau = ScheduleSpec(kind=Schedule.plateau)
    halves = ScheduleSpec(kind=Schedule.dexp, factor=4.0, parts=2)
    return {"weights": GroupSpec(pattern="*", rate=plateau, decay=halves), "biases": bias}


def value(spec: ScheduleSpec, epoch: int, drops: int = 0) -> float:
    return schedule_value(spec, epoch, epochs=95, drops=drops, factor=10.0)


def saved_and_loaded(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_paper_sgd_follows_the_formula_of_section_5_through_rate_changes() -> None:
    params = weights()
    hand = [[float(x) for x in p.detach().flatten()] for p in params]
    run(PaperSGD(params, lr=0.1, momentum=0.9, weight_decay=0.05), params, RATES)
    for p, start in zip(params, hand, strict=True):
        expected = []
        for w in start:
            v = 0.0
            for rate in RATES:
                if rate == 0.0:
                    continue
                v = 0.9 * v - 0.05 * rate * w - rate * gradient(w)
                w = w + v
            expected.append(w)
        np.testing.assert_allclose(p.detach().numpy().ravel(), expected, rtol=1e-12)


def test_equals_torch_sgd_while_the_rate_is_constant_and_differs_after_a_change() -> None:
    ours, theirs = weights(), weights()
    paper = PaperSGD(ours, lr=0.1, momentum=0.9, weight_decay=0.05)
    sgd = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=0.05)
    run(paper, ours, [0.1] * 4)
    run(sgd, theirs, [0.1] * 4)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
        scaled = -0.1 * sgd.state[b]["momentum_buffer"]
        torch.testing.assert_close(paper.state[a]["velocity"], scaled, rtol=1e-11, atol=1e-14)
    run(paper, ours, [0.01])
    run(sgd, theirs, [0.01])
    for a, b in zip(ours, theirs, strict=True):
        assert ((a - b).abs() > 1e-3).all()


def test_rate_0_leaves_weights_and_velocities_bit_identical() -> None:
    params = weights(torch.float32)
    optimizer = PaperSGD(params, lr=0.1, weight_decay=0.05)
    run(optimizer, params, [0.1, 0.1])
    before = [(p.detach().clone(), optimizer.state[p]["velocity"].clone()) for p in params]
    run(optimizer, params, [0.0, 0.0])
    for p, (weight, velocity) in zip(params, before, strict=True):
        assert velocity.abs().min() > 0
        assert torch.equal(p.detach(), weight)
        assert torch.equal(optimizer.state[p]["velocity"], velocity)


@pytest.mark.parametrize("decay", [0.0, 0.0005])
def test_fused_update_equals_the_plain_loop_across_changes_of_the_rate(decay: float) -> None:
    params, plain = weights(torch.float64), weights(torch.float64)
    run(PaperSGD(params, lr=0.1, weight_decay=decay), params, RATES)
    with torch.no_grad():
        for w in plain:
            v = torch.zeros_like(w)
            for rate in RATES:
                if rate != 0:
                    g = gradient(w)
                    v.mul_(0.9)
                    if decay:
                        v.add_(w, alpha=-decay * rate)
                    v.add_(g, alpha=-rate)
                    w.add_(v)
    for a, b in zip(params, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-14)


def test_closure_is_evaluated_with_gradients_and_its_loss_returned() -> None:
    w = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = PaperSGD([w], lr=0.1)

    def closure() -> float:
        loss = (w * w).sum()
        torch.autograd.backward(loss)
        return loss.item()

    assert optimizer.step(closure) == 4.0
    assert w.item() == pytest.approx(2.0 - 0.1 * 4.0, abs=1e-15)


def test_parameter_without_gradient_is_passed_over() -> None:
    params = weights()
    start = params[1].detach().clone()
    optimizer = PaperSGD(params, lr=0.1, weight_decay=0.5)
    params[0].grad = torch.ones_like(params[0])
    optimizer.step()
    assert torch.equal(params[1].detach(), start)
    assert list(optimizer.state) == [params[0]]


@pytest.mark.parametrize(
    "keys", [{"lr": -0.1}, {"lr": float("nan")}, {"momentum": 1.0}, {"weight_decay": -1.0}]
)
def test_impossible_constants_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(keys))):
        PaperSGD(weights(), **{"lr": 0.1, **keys})


def test_state_survives_a_weights_only_checkpoint_and_training_goes_on_bit_for_bit() -> None:
    params = weights(torch.float32)
    optimizer = PaperSGD(params, lr=0.1, weight_decay=0.05)
    run(optimizer, params, RATES[:4])
    state = saved_and_loaded(optimizer.state_dict())
    assert list(state["state"][0]) == ["velocity"]
    copies = [nn.Parameter(p.detach().clone()) for p in params]
    resumed = PaperSGD(copies, lr=0.5)
    resumed.load_state_dict(state)
    run(optimizer, params, RATES[4:])
    run(resumed, copies, RATES[4:])
    assert all(torch.equal(a, b) for a, b in zip(params, copies, strict=True))


def test_biases_have_their_own_rate_and_no_decay() -> None:
    parameters = named(("tower0.", "tower1."))
    groups = parameter_groups(parameters, optim_spec(two_groups()))
    by_name = {group["name"]: group for group in groups}
    assert list(by_name) == ["weights", "biases"]
    assert (by_name["weights"]["lr"], by_name["weights"]["weight_decay"]) == (0.01, 0.0005)
    assert (by_name["biases"]["lr"], by_name["biases"]["weight_decay"]) == (0.02, 0.0)
    assert [group["momentum"] for group in groups] == [0.9, 0.9]
    expected = [id(p) for name, p in parameters if name.endswith("bias")]
    assert [id(p) for p in by_name["biases"]["params"]] == expected


def test_last_matching_group_wins_and_an_overridden_or_null_group_is_absent() -> None:
    groups: dict[str, GroupSpec | None] = {
        "all": GroupSpec(pattern="*"),
        "first": GroupSpec(pattern="conv1.*"),
        "all_biases": GroupSpec(pattern="*.bias"),
        "again": GroupSpec(pattern="conv1.*"),
        "removed": None,
    }
    parameters = named(("tower3.",))
    ids = {id(p): name for name, p in parameters}
    found = {
        group["name"]: [ids[id(p)] for p in group["params"]]
        for group in parameter_groups(parameters, optim_spec(groups))
    }
    assert found == {
        "all": ["tower3.fc8.weight"],
        "all_biases": ["tower3.fc8.bias"],
        "again": ["tower3.conv1.weight", "tower3.conv1.bias"],
    }


def test_parameters_of_no_group_are_listed() -> None:
    with pytest.raises(UsageError, match=r"conv1\.weight, fc8\.weight$") as caught:
        parameter_groups(
            named(("tower0.", "tower1.")), optim_spec({"b": GroupSpec(pattern="*.bias")})
        )
    assert "pattern '*'" in (caught.value.hint or "")


@pytest.mark.parametrize("pattern", ["*.wieght", "tower0.*", "CONV1.*"])
def test_pattern_without_match_is_refused(pattern: str) -> None:
    groups: dict[str, GroupSpec | None] = {
        "all": GroupSpec(pattern="*"),
        "typo": GroupSpec(pattern=pattern),
    }
    with pytest.raises(UsageError, match=r"optim\.groups\.typo\.pattern") as caught:
        parameter_groups(named(("tower0.",)), optim_spec(groups))
    assert "conv1.weight, conv1.bias" in (caught.value.hint or "")


def test_dexp_gives_the_values_of_net_170_in_four_parts_of_95_epochs() -> None:
    spec = ScheduleSpec(kind=Schedule.dexp, factor=250.0, parts=4)
    values = [value(spec, epoch) for epoch in range(1, 96)]
    oracle = [1.0] * 24 + [0.15874] * 24 + [0.025198] * 24 + [0.004] * 23
    np.testing.assert_allclose(values, oracle, rtol=2e-5)
    assert value(spec, 200) == pytest.approx(0.004)


def test_steps_take_effect_in_their_epoch_in_any_order() -> None:
    spec = ScheduleSpec(kind=Schedule.steps, base=2.0, steps={51: 0.01, 25: 0.1})
    assert [value(spec, e) for e in (1, 24, 25, 50, 51, 95)] == [2.0, 2.0, 0.1, 0.1, 0.01, 0.01]


def test_constant_and_plateau_values() -> None:
    assert value(ScheduleSpec(base=3.0), 50, drops=2) == 3.0
    spec = ScheduleSpec(kind=Schedule.plateau, base=3.0)
    assert [value(spec, 50, drops=d) for d in range(3)] == [3.0, 0.3, 0.03]


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        (OptimKind.paper_sgd, PaperSGD),
        (OptimKind.sgd, torch.optim.SGD),
        (OptimKind.adam, torch.optim.Adam),
    ],
)
def test_each_kind_has_the_rates_of_its_groups_by_epoch(kind: OptimKind, cls: type) -> None:
    spec = optim_spec(two_groups(), kind=kind, epochs=40, plateau=PlateauSpec(factor=5.0))
    optimizer = build_optimizer(iter(named()), spec)
    assert type(optimizer) is cls
    optimizer.load_state_dict(saved_and_loaded(optimizer.state_dict()))
    decays = []
    for epoch in (20, 21, 25):
        set_epoch(optimizer, spec, epoch=epoch, drops=1)
        decays.append(optimizer.param_groups[0]["weight_decay"])
    assert decays == [0.0005, 0.000125, 0.000125]
    weights_group, biases = optimizer.param_groups
    assert (weights_group["momentum"], weights_group["lr"]) == (0.9, pytest.approx(0.002))
    assert (biases["lr"], biases["weight_decay"]) == (pytest.approx(0.002), 0.0)
    optimizer.step()


def test_group_that_the_config_lacks_is_refused() -> None:
    spec = optim_spec(two_groups())
    optimizer = build_optimizer(named(), spec)
    spec.groups["biases"] = None
    with pytest.raises(UsageError, match="'biases'"):
        set_epoch(optimizer, spec, epoch=1, drops=0)


def test_uses_plateau_looks_at_rate_and_decay_of_live_groups() -> None:
    plateau = ScheduleSpec(kind=Schedule.plateau)
    assert uses_plateau(optim_spec({"a": None, "b": GroupSpec(pattern="*", rate=plateau)}))
    assert uses_plateau(optim_spec({"b": GroupSpec(pattern="*", decay=plateau)}))
    assert not uses_plateau(optim_spec({"a": None, "b": GroupSpec(pattern="*")}))


ERRORS = [0.9, 0.8, 0.8, 0.81, 0.7, 0.695, 0.72, 0.75, 0.5, 0.5, 0.6, 0.5, 0.55, 0.4, float("nan")]


def test_plateau_divides_after_patience_epochs_then_finishes_after_the_last_division() -> None:
    plateau = DivideOnPlateau(PlateauSpec(times=2, patience=2, min_delta=0.01))
    seen = []
    for error in ERRORS:
        plateau.update(error)
        seen.append((plateau.drops, plateau.finished))
    assert [drops for drops, _ in seen] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert [finished for _, finished in seen] == [False] * 10 + [True] * 5


def test_best_is_kept_over_a_drop() -> None:
    plateau = DivideOnPlateau(PlateauSpec(times=3, patience=1))
    for error in (0.5, 0.6, 0.55, 0.51, 0.505):
        plateau.update(error)
    assert plateau.finished


@pytest.mark.parametrize("stop", range(len(ERRORS) + 1))
def test_plateau_resumed_at_any_epoch_has_the_same_future(stop: int) -> None:
    spec = PlateauSpec(times=2, patience=2, min_delta=0.01)
    whole, resumed = DivideOnPlateau(spec), DivideOnPlateau(spec)
    for error in ERRORS[:stop]:
        whole.update(error)
    resumed.load_state_dict(saved_and_loaded(whole.state_dict()))
    for error in ERRORS[stop:]:
        assert resumed.state_dict() == whole.state_dict()
        whole.update(error)
        resumed.update(error)
    assert (resumed.drops, resumed.finished) == (whole.drops, whole.finished)


def test_without_momentum_it_is_plain_gradient_descent() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    rule = PaperSGD([weight], lr=0.1, momentum=0.0, weight_decay=0.5)
    weight.grad = torch.tensor([0.3, 0.4])
    expected = weight.detach() * (1 - 0.1 * 0.5) - 0.1 * weight.grad
    rule.step()
    torch.testing.assert_close(weight.detach(), expected)
