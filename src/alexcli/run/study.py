"""Studies of conf/ablation in a setting: the words of each arm, and what makes one impossible."""

import fnmatch
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from alexcli.config import STUDIES, choices, compose, conf_dir, flat, from_mapping, parse
from alexcli.errors import UsageError
from alexcli.model.shapes import layers
from alexcli.schema import ArmSpec, StudySpec, TrainSpec

BASELINE = "baseline"
FACTOR = re.compile(r"x\d")
"""How a value begins that multiplies the baseline's."""
READ_BY = {
    "norm": ("model.norm", "model.lrn."),
    "spatial_norm": ("model.second_norm",),
    "dropout": ("model.dropout.",),
    "act": ("model.activation",),
    "pool": ("model.pool.",),
}
"""Keys of the model that only layers with an op read."""


@dataclass
class Arm:
    """A configuration that a study compares."""

    name: str
    spec: TrainSpec
    words: list[str]
    """What `alexcli train` takes for it, but for the seed."""
    differences: list[str]
    """`key: baseline's -> its own`."""
    file: ArmSpec
    after: "Arm | None" = None
    """Whose net it starts from."""

    @property
    def evaluated(self) -> bool:
        """Whether it is the baseline's nets under another protocol: nothing is trained."""
        return self.file.ensemble or self.file.views is not None


@dataclass
class Study:
    """A study in a setting; `arms` begins with the baseline."""

    name: str
    file: StudySpec
    arms: list[Arm]


def read_study(name: str) -> StudySpec:
    """A file of conf/ablation; UsageError names the nearest where there is none."""
    names = choices(STUDIES)
    if name not in names:
        raise UsageError.of("ablate.no_study", word=name, known=names)
    path = conf_dir() / STUDIES / f"{name}.yaml"
    return from_mapping(yaml.safe_load(path.read_text("utf-8")), StudySpec, source=path)


def cost(file: StudySpec) -> int:
    """Trainings for each seed, the baseline's included."""
    trained = sum(not arm.ensemble and arm.views is None for arm in file.arms.values())
    return 1 + trained + bool(file.source)


def open_study(name: str, words: Sequence[str]) -> Study:
    """A study in the setting that `words` choose, every arm composed, compared and built.

    Raises:
        UsageError: the setting lacks what the study needs, a word sets what an arm changes, or an
            arm changes nothing.
    """
    from alexcli.run.build import check_build  # torch, which a list of studies does without

    file = read_study(name)
    if any(override.key_or_group in ("seed", "label") for override in parse(words)):
        raise UsageError.of("ablate.own_words")
    setting = Arm("setting", compose(words, TrainSpec), [*words], [], ArmSpec())
    known = flat(setting.spec)
    for key, value in file.needs.items():
        if known.get(key) != value:
            pair = {"wanted": _typed(value), "found": _typed(known.get(key))}
            raise UsageError.of("ablate.needs", name=name, key=key, **pair)
    base = _arm(name, BASELINE, ArmSpec(file.baseline), setting)
    arms = [base]
    source = _arm(name, "source", ArmSpec(file.source), base) if file.source else None
    for key, found in file.arms.items():
        arm = _arm(name, key, found, base, typed=words)
        if source:
            arm.after = source
            arm.differences.append(f"init_from: null -> a net of {', '.join(source.differences)}")
        if arm.differences or arm.evaluated:
            check_build(arm.spec)
            arms.append(arm)
        elif not file.alternatives:
            raise UsageError.of("ablate.no_change", arm=f"{key} of {name}")
    return Study(name, file, arms)


def _arm(study: str, name: str, file: ArmSpec, base: Arm, typed: Sequence[str] = ()) -> Arm:
    """Compose an arm: the base's words, then its own changes with patterns and factors resolved."""
    before, who = flat(base.spec), f"{name} of {study}"
    changes = _resolved(file.change, before, who)
    for word, override in zip(typed, parse(typed), strict=True):
        mine = override.key_or_group
        for key in changes:
            # A whole group, such as model=vgg16, is the setting; a key of the arm's is not.
            within = "." in mine and key.startswith(f"{mine}.")
            factor = FACTOR.match(str(file.change.get(key)))  # of what was typed
            if not factor and (key == mine or within or mine.startswith(f"{key}.")):
                raise UsageError.of("ablate.word_in_arm", word=word, arm=who, key=key)
    words = [*base.words, *(f"{key}={_typed(value)}" for key, value in changes.items())]
    spec = compose(words, TrainSpec)
    after, removed = flat(spec), [key for key, value in changes.items() if value is None]
    hidden = (*_without_effect(base.spec), *(f"{key}." for key in removed))
    differences = [
        f"{key}: {_shown(before.get(key))} -> {_shown(after.get(key))}"
        for key in before | after
        if before.get(key) != after.get(key) and not key.startswith(hidden)
    ]
    differences += [f"{key}: removed" for key in removed]
    return Arm(name, spec, words, differences, file)


def _without_effect(base: TrainSpec) -> list[str]:
    """How keys begin that the net of a setting does not read: these alone change nothing."""
    if base.model.torchvision is not None:
        return [f"model.{key}" for key in vars(base.model) if key not in ("torchvision", "input")]
    ops = {op.name for layer in layers(base.model).values() for op in layer.ops}
    return [key for op, keys in READ_BY.items() if op not in ops for key in keys]


def _resolved(change: dict[str, Any], before: dict[str, Any], who: str) -> dict[str, Any]:
    """Plain keys and values; UsageError for a key that fits nothing in the setting."""
    owners = ("model.trunk.", "optim.groups.")
    parts = {".".join(key.split(".")[:3]) for key in before if key.startswith(owners)}
    known = [key for key in (*before, *parts) if before.get(key, "") is not None]
    found: dict[str, Any] = {}
    for key, value in change.items():
        whole = isinstance(value, dict) and any(k.startswith(f"{key}.") for k in before)
        keys = [key] if whole or key in before else fnmatch.filter(known, key)
        if not keys and not (value is None and "*" in key):  # else nothing of that name to remove
            raise UsageError.of("ablate.no_key", who=f"the arm {who}", key=key)
        for each in keys:
            found[each] = _scaled(before[each], value) if FACTOR.match(str(value)) else value
    return found


def _scaled(value: Any, by: str) -> Any:
    """A number times a factor; whole numbers, of kernels or units, stay whole."""
    product = value * float(by[1:])
    return round(product) if isinstance(value, int) else float(f"{product:.6g}")


def _typed(value: Any) -> str:
    """A value in Hydra's grammar."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.split("\n")[0].replace(": ", ":").replace(", ", ",")


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else _typed(value)
