"""Composing and validating configurations; the only place that imports hydra."""

import dataclasses
import itertools
import math
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from alexcli.errors import UsageError, nearest
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)

ROOTS: dict[type, str] = {TrainSpec: "train", AnalyzeSpec: "analyze", PrepareSpec: "prepare"}
# What may differ when a trained net is evaluated.
RUN_GROUPS = ("data", "eval", "placement", "trainer")
STUDIES = "ablation"
QUICKSTART = "experiment=quickstart"


def conf_dir() -> Path:
    """The folder of yaml files: inside the installed package, or beside `src` in a checkout."""
    package = Path(__file__).resolve().parent
    inside, beside = package / "conf", package.parent.parent / "conf"
    return inside if inside.is_dir() else beside


def groups() -> list[str]:
    """The config groups, e.g. `model`; studies are composed by `ablate` alone."""
    found = {path.name for path in conf_dir().iterdir() if path.is_dir()}
    return sorted(found - {STUDIES})


def choices(group: str) -> list[str]:
    """The yaml files of a group, without their ending."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def describe(group: str, choice: str) -> str:
    """The first comment line of a yaml that is not a Hydra directive."""
    for line in (conf_dir() / group / f"{choice}.yaml").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and "@package" not in line:
            return line.removeprefix("#").strip()
    return ""


def compose(overrides: Sequence[str], schema: type[Spec]) -> Spec:
    """Compose, type-check and range-check a configuration.

    Args:
        overrides: KEY=VALUE words. With neither `experiment=` nor `data=`, training takes the
            quick-start experiment.
        schema: TrainSpec, AnalyzeSpec where only a model is needed, PrepareSpec for a store.

    Raises:
        UsageError: unknown key, group choice or type, missing value, value out of range.
    """
    parsed = parse(overrides)
    words, additions, replaced = [], OmegaConf.create(), []
    for override in parsed:
        line = override.input_line or ""
        if override.is_sweep_override():
            raise UsageError.of("config.sweep", line=line, hint=quoting_hint(line))
        if _checked(override, schema):  # A new layer or group, whose keys Hydra cannot type.
            OmegaConf.update(additions, override.key_or_group, override.value())
            if override.key_or_group.endswith(".steps"):
                replaced.append(override.key_or_group)
        elif override.key_or_group != "experiment" or override.value() is not None:
            words.append(line)
    names = {override.key_or_group for override in parsed}
    if schema is TrainSpec and not names & {"experiment", "data"}:
        words.insert(0, QUICKSTART)
    store = ConfigStore.instance()
    store.store(name="schema", node=TrainSpec)
    store.store(name="analyze_schema", node=AnalyzeSpec)
    store.store(name="prepare_schema", node=PrepareSpec)
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            composed = hydra_compose(ROOTS[schema], overrides=words)
        OmegaConf.set_struct(composed, False)  # Typed nodes still refuse unknown keys.
        for steps in replaced:  # A typed schedule is the whole one, not added to the file's.
            OmegaConf.update(composed, steps, {}, merge=False)
        return cast(Spec, _to_spec(OmegaConf.merge(composed, additions)))
    except (HydraException, OmegaConfBaseException) as error:
        raise _explained(error) from error


def from_mapping(mapping: Any, schema: type[Spec], *, source: Path) -> Spec:
    """A configuration from plain data, such as a run's config.yaml, which a stranger may have made.

    Raises:
        UsageError: not a mapping, an interpolation (it could read this machine's environment), or
            anything that `compose` refuses.
    """
    if not isinstance(mapping, dict):
        raise UsageError.of("config.no_mapping", source=source, kind=type(mapping).__name__)
    if "${" in yaml.safe_dump(mapping):
        raise UsageError.of("config.interpolation", source=source)
    try:
        return cast(Spec, _to_spec(OmegaConf.merge(OmegaConf.structured(schema), mapping)))
    except OmegaConfBaseException as error:
        raise _explained(error, where=f"{source}: ") from error


def override_run(spec: TrainSpec, overrides: Sequence[str]) -> TrainSpec:
    """A run's configuration with other data or another way to evaluate.

    Args:
        spec: as the run keeps it.
        overrides: `data.*`, `eval.*`, `placement.*`, `trainer.*`, or
            `data=CHOICE` for a whole other group.

    Raises:
        UsageError: any other key, which would change the net that was trained.
    """
    mapping = OmegaConf.create(to_mapping(spec))
    for override in parse(overrides):
        _checked(override, TrainSpec)
        name = override.key_or_group
        if name.partition(".")[0] not in RUN_GROUPS or override.is_sweep_override():
            raise UsageError.of(
                "config.trained_already", override=override, groups=[f"{g}.*" for g in RUN_GROUPS]
            )
        value = override.value()
        if override.is_delete() or (name in RUN_GROUPS and value is None):
            raise UsageError.of("config.nothing_left", override=override)
        if name in RUN_GROUPS:
            path = conf_dir() / name / f"{value}.yaml"
            chosen = yaml.safe_load(path.read_text(encoding="utf-8"))
            mapping[name] = to_mapping(TrainSpec())[name] | chosen
        else:
            OmegaConf.update(mapping, name, value)
    plain = OmegaConf.to_container(mapping)
    return from_mapping(plain, TrainSpec, source=Path("the command line"))


def changed(spec: TrainSpec, changes: dict[str, Any]) -> TrainSpec:
    """A configuration with other values, as the same KEY=VALUE words would compose it.

    Args:
        spec: to start from.
        changes: dotted key -> plain value; None removes a layer.

    Raises:
        UsageError: whatever `compose` refuses.
    """
    mapping = OmegaConf.create(to_mapping(spec))
    for key, value in changes.items():
        OmegaConf.update(mapping, key, value)
    plain = OmegaConf.to_container(mapping)
    return from_mapping(plain, TrainSpec, source=Path("the changes"))


def to_mapping(spec: TrainSpec | AnalyzeSpec | PrepareSpec) -> dict[str, Any]:
    """Plain data, enums by name: what `config show` prints and a run directory keeps."""
    container = OmegaConf.to_container(OmegaConf.structured(spec), enum_to_str=True)
    return cast(dict[str, Any], container)


def flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys and single values."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        inner = flat(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        found |= inner if inner is not None else {prefix + str(key): value}
    return found


def parse(overrides: Sequence[str]) -> list[Override]:
    """Parse KEY=VALUE words with Hydra's grammar.

    Raises:
        UsageError: a word that is not KEY=VALUE, or a value that needs quotes; says which.
    """
    parser = OverridesParser.create()
    parsed = []
    for word in overrides:
        if "=" not in word and not word.startswith("~"):
            raise UsageError.of("config.no_pair", word=word)
        try:
            parsed.append(parser.parse_override(word))
        except HydraException as error:
            raise UsageError.of(
                "config.unreadable_value", word=word, hint=quoting_hint(word)
            ) from error
    return parsed


def quoting_hint(word: str) -> str:
    """How to type a value with characters that Hydra's grammar uses, for a shell."""
    key, _, value = word.partition("=")
    quote = '"' if "'" in value or '"' not in value else "'"
    inner = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
    typed = f"{key}={quote}{inner}{quote}"
    shell = typed.replace("'", "'\\''")
    return f"put the value in quotes that reach alexcli: '{shell}'"


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """The jobs of a sweep: `seed=0,1 model=a,b` makes four; without lists, one."""
    values = []
    for override in parse(overrides):
        if override.is_sweep_override():
            if not override.is_choice_sweep() and not override.is_range_sweep():
                raise UsageError.of("config.unswept", override=override)
            found = [f"{override.get_key_element()}={v}" for v in override.sweep_string_iterator()]
            values.append(found)
        else:
            values.append([override.input_line or ""])
    return [list(job) for job in itertools.product(*values)]


def _checked(override: Override, schema: type) -> bool:
    """Check that the key or the choice exists; whether it sets a whole new layer or group."""
    name = override.key_or_group
    if name in groups() or (name == "experiment"):
        value, allowed = override.value(), choices(name)
        if value is not None and (not isinstance(value, str) or value not in allowed):
            raise UsageError.of("config.no_choice", name=name, word=str(value), known=allowed)
        return False
    return _type_of(name, schema)[1] and not override.is_delete()


def _type_of(key: str, schema: type) -> tuple[Any, bool]:
    """The type of a dotted key, and whether it lies in a mapping with free names.

    Raises:
        UsageError: there is no such key.
    """
    here: Any = schema
    through_dict, path = False, ""
    for part in key.split("."):
        where = path.rstrip(".")
        if dataclasses.is_dataclass(here) and isinstance(here, type):
            hints = typing.get_type_hints(here)
            if part not in hints:
                best = nearest(part, hints)
                near = f"{path}{best}" if best else nearest(key, sorted(_keys(schema)))
                place = where or "the top level"
                raise UsageError.of(
                    "config.unknown_key",
                    key=key,
                    where=place,
                    hints=hints,
                    word=near or "",
                    known=[near or ""],
                )
            here = _unwrapped(hints[part])
        elif typing.get_origin(here) is dict:
            through_dict, here = True, _unwrapped(typing.get_args(here)[1])
        else:
            raise UsageError.of("config.single_value", key=key, where=where)
        path += part + "."
    return here, through_dict


def _unwrapped(hint: Any) -> Any:
    """X for `X | None`."""
    if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union:
        return next(a for a in typing.get_args(hint) if a is not type(None))
    return hint


def _keys(schema: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a schema."""
    for name, hint in typing.get_type_hints(schema).items():
        yield prefix + name
        inner = _unwrapped(hint)
        if dataclasses.is_dataclass(inner):
            yield from _keys(inner, f"{prefix}{name}.")


def _to_spec(composed: Any) -> Any:
    missing = sorted(OmegaConf.missing_keys(cast(DictConfig, composed)))
    if missing:
        raise UsageError.of("config.missing", missing=missing[0])
    spec = OmegaConf.to_object(composed)
    _check_ranges(spec, "")
    return spec


_LIMITS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "low": ("at least", lambda x, limit: x >= limit),
    "high": ("at most", lambda x, limit: x <= limit),
    "above": ("above", lambda x, limit: x > limit),
    "below": ("below", lambda x, limit: x < limit),
}


def _check_ranges(value: Any, path: str) -> None:
    """Check every number of a configuration against the range beside its field."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_ranges(inner, f"{path}.{name}")
        return
    if not dataclasses.is_dataclass(value):
        return
    for field in dataclasses.fields(value):
        inner, where = getattr(value, field.name), f"{path}.{field.name}".lstrip(".")
        if isinstance(inner, float) and not math.isfinite(inner):
            raise UsageError.of("config.not_finite", where=where, inner=inner)
        limits = [(limit, *_LIMITS[name]) for name, limit in field.metadata.items()]
        if inner is not None and any(not holds(inner, limit) for limit, _, holds in limits):
            allowed = " and ".join(f"{words} {limit:g}" for limit, words, _ in limits)
            known = f"{field.default:g}" if isinstance(field.default, (int, float)) else ""
            hint = f"for instance {where}={known}" if known else ""
            raise UsageError.of(
                "config.out_of_range", where=where, inner=inner, allowed=allowed, hint=hint
            )
        _check_ranges(inner, where)


def _explained(error: Exception, where: str = "") -> UsageError:
    """A UsageError with the full key, in place of Hydra's or OmegaConf's own."""
    cause: BaseException | None = error
    text, key = "", None
    while cause is not None and key is None:
        text, key = str(cause), re.search(r"full_key: (\S+)", str(cause))
        cause = cause.__cause__
    full = key.group(1) if key else ""
    first = text.strip().splitlines()[0].rstrip(".")
    if re.search(r"Key '[^']+' (is )?not in ", text):
        parent, _, word = full.rpartition(".")
        known = [k.rpartition(".")[2] for k in _keys(TrainSpec)]
        names = {"where": where, "full": full, "parent": parent}
        return UsageError.of("config.unknown_inner_key", word=word, known=known, **names)
    said = f"{full}: {first}" if full else first
    return UsageError.of("config.other", where=where, said=said, hint=_type_hint(full))


def _type_hint(key: str) -> str | None:
    """What a key accepts, from its type."""
    try:
        here, _ = _type_of(key, TrainSpec)
    except UsageError:  # of another schema, or an element of a list
        return None
    if isinstance(here, type) and issubclass(here, Enum):
        return f"{key} is one of {', '.join(member.name for member in here)}"
    names = {int: "a whole number", float: "a number", bool: "true or false"}
    return f"{key} is {names[here]}" if here in names else None
