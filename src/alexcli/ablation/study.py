"""A study of conf/ablation in a setting, with its arms composed, compared and built.

A setting is what the user's overrides choose; an arm is that setting with the study's changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alexcli.ablation.changes import (
    ANOTHER_SETTING,
    FACTOR,
    OtherSettingError,
    format_value,
    keys_without_effect,
    resolve,
)
from alexcli.ablation.map_sizes import equal_maps_size
from alexcli.ablation.verdicts import check_claims
from alexcli.config.compose import compose
from alexcli.config.files import STUDIES, choice_file, choices, package_choices, user_choices
from alexcli.config.mapping import flat
from alexcli.config.overrides import hydra_value, parse
from alexcli.config.saved import from_mapping
from alexcli.config.sections import check_values
from alexcli.config.user_conf import check_name, read_user_file
from alexcli.config.yaml_text import read_yaml_file
from alexcli.errors import UsageError, did_you_mean
from alexcli.schema import ArmSpec, StudySpec, TrainSpec

BASELINE = "baseline"
INPUT_SIZE = "model.input.size"
SETTINGS = ("auto", "mechanism", "plain")
"""auto: the study's own setting on embedded images, unless an override chooses another or sets
one of its keys; mechanism: that setting; plain: that of the quick start with the overrides of the
command line.
"""
SETTING_GROUPS = ("experiment", "model", "data", "augment", "optim")
"""The config groups that choose a setting; the others say how it is carried out."""


@dataclass
class Setting:
    """A configuration that arms change."""

    spec: TrainSpec
    overrides: list[str]
    """The overrides with which `alexcli train` trains it, except the seed."""


@dataclass
class Arm(Setting):
    """A configuration that a study compares."""

    name: str
    differences: list[str]
    """`key: the baseline's value -> its own`."""
    definition: ArmSpec
    """The arm as defined in the study's file."""
    source: "Arm | None" = None
    """The arm whose trained net it starts from."""

    @property
    def reuses_baseline_nets(self) -> bool:
        """Whether it only evaluates the baseline's nets under another protocol."""
        return self.definition.ensemble > 0 or self.definition.views is not None

    @property
    def nets_per_value(self) -> int:
        """Number of nets behind one value of the arm: several for an ensemble."""
        return self.definition.ensemble or 1


@dataclass
class Study:
    """A study in a setting; `arms` begins with the baseline."""

    name: str
    definition: StudySpec
    arms: list[Arm]
    kind: str = "chosen"
    """plain or mechanism, the study's settings on embedded images; chosen by the user otherwise."""
    selector: str = ""
    """The study's name, followed by its arms if not all are taken: `depth/no_conv3,no_conv4`."""

    @property
    def baseline(self) -> Arm:
        """What the other arms are compared with."""
        return self.arms[0]

    @property
    def compared_arms(self) -> list[Arm]:
        """All arms but the baseline."""
        return self.arms[1:]


def read_study(name: str) -> StudySpec:
    """Read a file of conf/ablation.

    Raises:
        UsageError: there is no study of this name; the hint suggests the nearest name.
    """
    names = choices(STUDIES)
    if name not in names:
        raise UsageError(
            f"study {name!r} does not exist; there are {', '.join(names)}",
            hint=did_you_mean(name, names) or "alexcli ablate --list",
        )
    path = choice_file(STUDIES, name)
    user_path = user_choices(STUDIES).get(name)
    if user_path is not None and name in package_choices(STUDIES):
        check_name(path, user_path)
    mapping = read_yaml_file(path) if user_path is None else read_user_file(path)
    if user_path is not None:
        check_values(path, mapping, StudySpec)
        _check_arms(path, mapping)
    study = from_mapping(mapping, StudySpec, source=path)
    check_claims(name, study)
    return study


def _check_arms(path: Path, mapping: dict[Any, Any]) -> None:
    """Raise UsageError if an arm has a key of the configuration, which belongs under `change`."""
    for name, arm in (mapping.get("arms") or {}).items():
        for key, value in arm.items():
            if "." in str(key):
                raise UsageError(
                    f"{path}: arms.{name} has the key {key}, which belongs under its `change`",
                    hint=f"{name}: {{change: {{{key}: {value}}}}}",
                )


def trainings_per_seed(definition: StudySpec) -> int:
    """Number of trainings that a study takes for each seed, including the baseline's."""
    trained = [arm for arm in definition.arms.values() if not arm.ensemble and arm.views is None]
    return 1 + len(trained) + (1 if definition.source else 0)


def settings_of(definition: StudySpec) -> list[str]:
    """The settings in which a study can be measured, as shown in a list of studies."""
    settings = ["plain"]
    if definition.mechanism is not None:
        settings.insert(0, "mechanism")
    if definition.needs.get("data.source") != "synthetic":
        settings += ["CIFAR-10", "ILSVRC"]
    return settings


def open_study(selector: str, overrides: Sequence[str], setting_name: str = "auto") -> Study:
    """Open a study in the chosen setting; every arm is composed, compared and built.

    Args:
        selector: the name of a file of conf/ablation; a slash and names of arms, separated by
            commas, restrict it to these arms.
        overrides: the KEY=VALUE overrides that choose the setting.
        setting_name: one of SETTINGS.

    Raises:
        UsageError: there is no such study or arm, the setting lacks something that the study needs,
            an override sets a key that the study or an arm changes, or an arm changes nothing.
    """
    from alexcli.run.build import check_build  # imports torch, which a list of studies must not

    name, slash, arm_names = selector.partition("/")
    definition = read_study(name)
    if slash:
        definition = _with_arms(name, definition, arm_names.split(","))
    _check_overrides(overrides)
    setting = Setting(compose(overrides, TrainSpec), [*overrides])
    _check_needs(name, definition, setting.spec)
    kind = _kind(name, definition, overrides, setting_name)
    mechanism = definition.mechanism.keys if kind == "mechanism" and definition.mechanism else {}
    keys = {**definition.baseline, **mechanism}
    baseline = _make_arm(name, BASELINE, ArmSpec(keys), setting)
    if definition.same_map_sizes and baseline.spec.model.torchvision is None:
        change = _input_of_equal_maps(name, definition, baseline, overrides)
        if change:
            baseline = _make_arm(name, BASELINE, ArmSpec(keys | change), setting)
    source = None
    if definition.source:
        source = _make_arm(name, "source", ArmSpec(definition.source), baseline)
    arms = [baseline]
    for key, arm_definition in definition.arms.items():
        arm = _make_arm(name, key, arm_definition, baseline, typed=overrides)
        if source:
            arm.source = source
            changes = ", ".join(source.differences)
            arm.differences.append(f"init_from: null -> a net of {changes}")
        if arm.differences or arm.reuses_baseline_nets:
            check_build(arm.spec)
            arms.append(arm)
        elif not definition.alternatives:
            raise OtherSettingError(
                f"the arm {key} of {name} changes nothing: this setting already is that arm",
                hint=ANOTHER_SETTING,
            )
    return Study(name, definition, arms, kind, selector)


def check_study(name: str) -> str | None:
    """Read a study, and open it in its own setting.

    Returns:
        Why it could only be read: it needs another setting; None if it was opened.

    Raises:
        UsageError: as `open_study`.
    """
    try:
        open_study(name, [])
    except OtherSettingError as error:
        return error.message
    return None


def _input_of_equal_maps(
    name: str, definition: StudySpec, baseline: Arm, typed: Sequence[str]
) -> dict[str, Any]:
    """The change of the input that gives the arms' feature maps the baseline's sizes.

    Raises:
        UsageError: there is no such input, or the user set another one.
    """
    arms = [_make_arm(name, key, arm, baseline) for key, arm in definition.arms.items()]
    present = baseline.spec.model.input.size
    models = [arm.spec.model for arm in (baseline, *arms)]
    size = equal_maps_size(models, largest=baseline.spec.data.size)
    if size == present:
        return {}
    is_typed = any(override.key_or_group == INPUT_SIZE for override in parse(typed))
    if size is None or is_typed:
        raise OtherSettingError(
            f"{name} compares nets whose feature maps have the same sizes (section 3.4), but with "
            f"{INPUT_SIZE}={present} they differ",
            hint=f"{INPUT_SIZE}={size}" if size else ANOTHER_SETTING,
        )
    return {INPUT_SIZE: size}


def _with_arms(name: str, definition: StudySpec, arm_names: Sequence[str]) -> StudySpec:
    """A study with some of its arms, in the order of its file.

    Args:
        name: of the study, for messages.
        definition: with all arms.
        arm_names: the arms to keep.
    """
    for arm_name in arm_names:
        if arm_name not in definition.arms:
            raise UsageError(
                f"{name} has no arm {arm_name!r}; it has {', '.join(definition.arms)}",
                hint=did_you_mean(arm_name, definition.arms) or f"alexcli ablate {name}",
            )
    arms = {key: arm for key, arm in definition.arms.items() if key in arm_names}
    return replace(definition, arms=arms)


def _kind(name: str, definition: StudySpec, overrides: Sequence[str], setting_name: str) -> str:
    """The kind of setting: plain, mechanism or chosen; UsageError if the study lacks it."""
    mechanism = definition.mechanism
    if setting_name == "mechanism" and mechanism is None:
        raise UsageError(
            f"{name} has no setting of its own on embedded images", hint="--setting plain"
        )
    groups = [word for word in overrides if word.partition("=")[0] in SETTING_GROUPS]
    taken = groups or (_overridden(overrides, mechanism.keys) if mechanism else [])
    if setting_name == "mechanism" and taken:
        raise UsageError(
            f"{', '.join(taken)} conflicts with --setting mechanism",
            hint=f"leave out {taken[0]}, or use --setting plain",
        )
    if groups:
        return "chosen"
    if mechanism is None or setting_name == "plain" or taken:
        return "plain"
    return "mechanism"


def _overridden(overrides: Sequence[str], keys: Mapping[str, Any]) -> list[str]:
    """The overrides that set a key of a mechanism's setting."""
    parsed = parse(overrides)
    return [
        word
        for word, override in zip(overrides, parsed, strict=True)
        if any(_conflicts(override.key_or_group, key) for key in keys)
    ]


def _check_overrides(overrides: Sequence[str]) -> None:
    """Raise UsageError for a key that a study chooses itself."""
    keys = {override.key_or_group for override in parse(overrides)}
    if keys & {"seed", "label"}:
        raise UsageError(
            "a study chooses seeds and labels itself", hint="--seeds N takes the seeds 0 to N - 1"
        )


def _check_needs(name: str, definition: StudySpec, spec: TrainSpec) -> None:
    """Raise UsageError unless the setting has the values that the study needs."""
    values = flat(spec)
    for key, needed in definition.needs.items():
        choices = needed if isinstance(needed, list) else [needed]
        if values.get(key) not in choices:
            raise OtherSettingError(
                f"{name} needs {key}={' or '.join(map(hydra_value, choices))}, and this setting "
                f"has {hydra_value(values.get(key))}",
                hint=ANOTHER_SETTING,
            )


def _make_arm(
    study: str, name: str, definition: ArmSpec, base: Setting, typed: Sequence[str] = ()
) -> Arm:
    """Compose an arm: the base's overrides, then its own changes.

    Args:
        study: its study's name, for messages.
        name: of the arm.
        definition: what it changes.
        base: what it is compared with.
        typed: the user's overrides, which may not set what the arm changes.
    """
    full_name = f"{name} of {study}"
    before = flat(base.spec)
    changes = resolve(definition.change, before, full_name)
    _check_no_conflict(typed, changes, definition, full_name)
    changed = [f"{key}={hydra_value(value)}" for key, value in changes.items()]
    overrides = [*base.overrides, *changed]
    spec = compose(overrides, TrainSpec)
    differences = _differences(base.spec, before, flat(spec), changes)
    return Arm(spec, overrides, name, differences, definition)


def _check_no_conflict(
    typed: Sequence[str], changes: Mapping[str, Any], definition: ArmSpec, arm: str
) -> None:
    """Raise UsageError if the user overrides a key that the arm changes."""
    for override, parsed in zip(typed, parse(typed), strict=True):
        for key in changes:
            if FACTOR.match(str(definition.change.get(key))):  # multiplies the user's value
                continue
            if _conflicts(parsed.key_or_group, key):
                raise UsageError(
                    f"{override!r} sets what the arm {arm} changes ({key})",
                    hint=f"leave {override!r} out",
                )


def _conflicts(typed_key: str, key: str) -> bool:
    """Whether a typed key equals, contains or is part of a key that an arm changes.

    A whole group, such as model=vgg16, chooses the setting and conflicts with nothing.
    """
    holds = "." in typed_key and key.startswith(f"{typed_key}.")
    return key == typed_key or holds or typed_key.startswith(f"{key}.")


def _differences(
    base: TrainSpec, before: Mapping[str, Any], after: Mapping[str, Any], changes: Mapping[str, Any]
) -> list[str]:
    """Describe what an arm changes, leaving out keys that its net does not read."""
    removed = [key for key, value in changes.items() if value is None]
    ignored = (*keys_without_effect(base), *(f"{key}." for key in removed))
    differences = [
        f"{key}: {format_value(before.get(key))} -> {format_value(after.get(key))}"
        for key in {**before, **after}
        if before.get(key) != after.get(key) and not key.startswith(ignored)
    ]
    return differences + [f"{key}: removed" for key in removed]
