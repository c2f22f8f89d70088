"""Groups of parameters: which one a parameter belongs to, and its learning rate and decay."""

from typing import Any

import pytest
import torch
from torch import nn

from alexcli.errors import UsageError
from alexcli.optim.groups import (
    USUAL_LR,
    apply_schedules,
    build_optimizer,
    parameter_groups,
    settings_warnings,
)
from alexcli.optim.paper_sgd import PaperSGD
from alexcli.optim.schedules import RunPosition
from alexcli.schema import (
    GroupSpec,
    OptimKind,
    OptimSpec,
    PlateauSpec,
    Schedule,
    ScheduleSpec,
    ScheduleUnit,
)
from tests.optim.test_paper_sgd import through_a_checkpoint

NAMES = ["conv1.weight", "conv1.bias", "fc8.weight", "fc8.bias"]


def named_parameters(prefixes: tuple[str, ...] = ("",)) -> list[tuple[str, nn.Parameter]]:
    return [(x + name, nn.Parameter(torch.ones(2))) for x in prefixes for name in NAMES]


def optim_spec(groups: dict[str, GroupSpec | None], **settings: Any) -> OptimSpec:
    return OptimSpec(groups=groups, **settings)


def two_groups() -> dict[str, GroupSpec | None]:
    """Weights divided on plateaus; biases with twice the learning rate and no weight decay."""
    weights = GroupSpec(
        pattern="*",
        lr=ScheduleSpec(kind=Schedule.plateau),
        weight_decay=ScheduleSpec(kind=Schedule.dexp, factor=4.0, parts=2),
    )
    biases = GroupSpec(
        pattern="*.bias",
        lr=ScheduleSpec(kind=Schedule.steps, base=2.0, steps={25: 0.2}),
        weight_decay=ScheduleSpec(base=0.0),
    )
    return {"weights": weights, "biases": biases}


def at_epoch(epoch: int, epochs: int, plateau_divisor: float = 1.0) -> RunPosition:
    """The first update of an epoch, in a run with one update per epoch."""
    return RunPosition(epoch - 1, 1, epochs, plateau_divisor)


def test_biases_have_their_own_learning_rate_and_no_decay() -> None:
    parameters = named_parameters(("tower0.", "tower1."))
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
    parameters = named_parameters(("tower3.",))
    name_of = {id(p): name for name, p in parameters}
    members = {
        group["name"]: [name_of[id(p)] for p in group["params"]]
        for group in parameter_groups(parameters, optim_spec(groups))
    }
    assert members == {
        "all": ["tower3.fc8.weight"],
        "all_biases": ["tower3.fc8.bias"],
        "again": ["tower3.conv1.weight", "tower3.conv1.bias"],
    }


def test_parameters_of_no_group_are_listed() -> None:
    parameters = named_parameters(("tower0.", "tower1."))
    spec = optim_spec({"b": GroupSpec(pattern="*.bias")})
    with pytest.raises(UsageError, match=r"conv1\.weight, fc8\.weight$") as caught:
        parameter_groups(parameters, spec)
    assert "pattern '*'" in (caught.value.hint or "")


@pytest.mark.parametrize("pattern", ["*.wieght", "tower0.*", "CONV1.*"])
def test_pattern_without_match_is_refused(pattern: str) -> None:
    groups: dict[str, GroupSpec | None] = {
        "all": GroupSpec(pattern="*"),
        "typo": GroupSpec(pattern=pattern),
    }
    with pytest.raises(UsageError, match=r"optim\.groups\.typo\.pattern") as caught:
        parameter_groups(named_parameters(("tower0.",)), optim_spec(groups))
    assert "conv1.weight, conv1.bias" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("kind", "optimizer_class"),
    [
        (OptimKind.paper_sgd, PaperSGD),
        (OptimKind.sgd, torch.optim.SGD),
        (OptimKind.adam, torch.optim.Adam),
    ],
)
def test_each_kind_has_the_learning_rates_of_its_groups_by_epoch(
    kind: OptimKind, optimizer_class: type
) -> None:
    spec = optim_spec(two_groups(), kind=kind, epochs=40, plateau=PlateauSpec(factor=5.0))
    optimizer = build_optimizer(iter(named_parameters()), spec)
    assert type(optimizer) is optimizer_class
    optimizer.load_state_dict(through_a_checkpoint(optimizer.state_dict()))
    decays = []
    for epoch in (20, 21, 25):
        apply_schedules(optimizer, spec, at_epoch(epoch, spec.epochs, plateau_divisor=5.0))
        decays.append(optimizer.param_groups[0]["weight_decay"])
    assert decays == [0.0005, 0.000125, 0.000125]
    weights, biases = optimizer.param_groups
    assert (weights["momentum"], weights["lr"]) == (0.9, pytest.approx(0.002))
    assert (biases["lr"], biases["weight_decay"]) == (pytest.approx(0.002), 0.0)
    optimizer.step()


def test_a_group_per_step_changes_within_the_epoch_and_one_per_epoch_does_not() -> None:
    per_step = ScheduleSpec(kind=Schedule.cosine, per=ScheduleUnit.step)
    per_epoch = ScheduleSpec(kind=Schedule.cosine)
    groups: dict[str, GroupSpec | None] = {
        "weights": GroupSpec(pattern="*", lr=per_step),
        "biases": GroupSpec(pattern="*.bias", lr=per_epoch),
    }
    spec = optim_spec(groups, epochs=2)
    optimizer = build_optimizer(named_parameters(), spec)
    weights, biases = optimizer.param_groups
    learning_rates = []
    for step in range(4):
        apply_schedules(optimizer, spec, RunPosition(step, steps_per_epoch=2, epochs=2))
        learning_rates.append((weights["lr"], biases["lr"]))
    assert [lr for _, lr in learning_rates] == pytest.approx([0.01, 0.01, 0.005, 0.005])
    assert [lr for lr, _ in learning_rates] == pytest.approx(
        [0.01, 0.00853553, 0.005, 0.00146447], rel=1e-5
    )


def test_group_that_the_config_lacks_is_refused() -> None:
    spec = optim_spec(two_groups())
    optimizer = build_optimizer(named_parameters(), spec)
    spec.groups["biases"] = None
    with pytest.raises(UsageError, match="'biases'") as caught:
        apply_schedules(optimizer, spec, at_epoch(1, spec.epochs))
    assert caught.value.hint == "optim.groups has weights"


def test_a_rate_far_above_the_rules_usual_one_is_remarked_upon_with_that() -> None:
    (remark,) = settings_warnings(OptimSpec(kind=OptimKind.adam))
    assert remark == (
        "optim.kind=adam with optim.lr=0.01: adam is usually given 0.001 (optim.lr=0.001)"
    )
    assert settings_warnings(OptimSpec(kind=OptimKind.adam, lr=0.001)) == []
    (remark,) = settings_warnings(OptimSpec(kind=OptimKind.sgd, lr=0.1))
    assert "usually given 0.01" in remark


def test_the_defaults_of_every_rule_with_its_usual_rate_need_no_remark() -> None:
    for kind in OptimKind:
        assert settings_warnings(OptimSpec(kind=kind, lr=USUAL_LR[kind])) == []


def test_a_momentum_that_adam_would_ignore_is_said() -> None:
    (remark,) = settings_warnings(OptimSpec(kind=OptimKind.adam, lr=0.001, momentum=0.5))
    assert remark == "optim.momentum=0.5 has no effect on optim.kind=adam"
    assert settings_warnings(OptimSpec(kind=OptimKind.sgd, momentum=0.5)) == []
