"""Composing and validating configurations; the only place that imports hydra."""

import dataclasses
import itertools
import math
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from alexcli.errors import UsageError, nearest
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)

ROOTS: dict[type, str] = {TrainSpec: "train", AnalyzeSpec: "analyze"}
# What may differ when a trained net is evaluated.
RUN_GROUPS = ("data", "eval", "placement", "trainer")
STUDIES = "ablation"
QUICKSTART = "experiment=quickstart"
WANTED = {"to Integer": "a whole number", "to Float": "a number", "bool": "true or false"}
WANTED |= {"'int'": "a whole number", "'float'": "a number", "ListConfig": "a list: [a,b]"}
"""What OmegaConf says of a value of another type, and what it wants."""


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
    chosen: list[Override] = []
    typed: list[Override] = []
    for override in parse(overrides):
        line = override.input_line or ""
        if override.is_sweep_override():
            raise UsageError.of("config.sweep", line=line, hint=quoting_hint(line))
        group, name = schema in ROOTS and override.key_or_group in groups(), override.key_or_group
        empty = override.value() is None and name != "experiment"
        if group and (empty or override.is_delete() or override.package):
            raise UsageError.of("config.no_group_value", line=line, name=name)
        (chosen if group else typed).append(override)
    words = [_choice(override) for override in chosen if override.value() is not None]
    names = {override.key_or_group for override in chosen}
    if schema is TrainSpec and not names & {"experiment", "data"}:
        words.insert(0, QUICKSTART)
    GlobalHydra.instance().clear()
    config = OmegaConf.structured(schema)
    try:
        if schema in ROOTS:
            with initialize_config_dir(str(conf_dir()), version_base="1.3"):
                config = OmegaConf.merge(config, hydra_compose(ROOTS[schema], overrides=words))
    except (HydraException, OmegaConfBaseException) as error:
        raise _explained(error) from error
    for override in typed:
        config = _set(config, override.key_or_group, _value(override))
    return cast(Spec, _to_spec(config))


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
    config = OmegaConf.structured(spec)
    for override in parse(overrides):
        line = override.input_line or ""
        if override.is_sweep_override():
            raise UsageError.of("config.sweep", line=line, hint=quoting_hint(line))
        if "${" in line:
            raise UsageError.of("config.interpolation", source="the command line")
        name, value = override.key_or_group, _value(override)
        group, allowed = name in groups(), [f"{group}.*" for group in RUN_GROUPS]
        if name.partition(".")[0] not in RUN_GROUPS:
            if not group:
                _set(config, name, value)  # which knows unknown keys
            raise UsageError.of("config.trained_already", override=override, groups=allowed)
        if override.is_delete() or (group and value is None):
            raise UsageError.of("config.nothing_left", override=override)
        if group:
            path = conf_dir() / _choice(override).replace("=", "/")
            text = path.with_suffix(".yaml").read_text(encoding="utf-8")
            value = to_mapping(TrainSpec())[name] | yaml.safe_load(text)
        config = _set(config, name, value)
    return cast(TrainSpec, _to_spec(config))


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


def _choice(override: Override) -> str:
    """GROUP=CHOICE; UsageError where there is no such choice."""
    name, value = override.key_or_group, str(override.value())
    if value not in choices(name):
        raise UsageError.of("config.no_choice", name=name, word=value, known=choices(name))
    return f"{name}={value}"


def _value(override: Override) -> Any:
    return None if override.is_delete() else override.value()


def _set(config: Any, key: str, value: Any) -> Any:
    """The configuration with a key set; UsageError where there is none, or for another type."""
    OmegaConf.set_struct(config, False)  # typed nodes still refuse unknown keys
    here: Any = config
    *parents, last = key.split(".")
    for depth, part in enumerate([*parents, last]):
        where = ".".join(parents[:depth])
        if not isinstance(here, DictConfig):
            raise UsageError.of("config.single_value", key=key, where=where)
        if part not in here:
            if dataclasses.is_dataclass(OmegaConf.get_type(here)):
                raise _unknown(OmegaConf.get_type(config), key, where, list(map(str, here)))
            break  # a new layer or group, which is checked when it is set
        if (here := here[part]) is None:
            break
    if value == "???":  # OmegaConf's own word for a missing value
        raise UsageError.of("config.missing", missing=key)
    change = OmegaConf.create()
    OmegaConf.update(change, key, value)
    try:
        if last == "steps":  # a typed schedule is the whole one, not added to the file's
            OmegaConf.update(config, key, {}, merge=False)
        return OmegaConf.merge(config, change)
    except OmegaConfBaseException as error:
        raise _explained(error, key=key) from error


def _unknown(schema: Any, key: str, where: str, known: list[str]) -> UsageError:
    """Why a key is none, with the nearest one of the same place or of any."""
    place, prefix = where or "the top level", f"{where}." if where else ""
    every = [*(prefix + name for name in known), *_keys(schema)]
    near = nearest(key, every[: len(known)]) or nearest(key, every)
    return UsageError.of(
        "config.unknown_key", key=key, where=place, names=known, word=near or "", known=every
    )


def _unwrapped(hint: Any) -> Any:
    """X for `X | None` and for `dict[str, X]`."""
    inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    through = typing.get_origin(hint) in (UnionType, typing.Union, dict)
    return _unwrapped(inner[-1]) if through else hint


def _keys(schema: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a schema, * for a free name."""
    for name, hint in typing.get_type_hints(schema).items():
        yield prefix + name
        inner, free = _unwrapped(hint), ".*" if typing.get_origin(hint) is dict else ""
        if dataclasses.is_dataclass(inner):
            yield from _keys(inner, f"{prefix}{name}{free}.")


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


def _explained(error: Exception, where: str = "", key: str = "") -> UsageError:
    """A UsageError with the full key, in place of Hydra's or OmegaConf's own."""
    cause: BaseException | None = error
    text, found = "", None
    while cause is not None and found is None:
        text, found = str(cause), re.search(r"full_key: (\S+)", str(cause))
        cause = cause.__cause__
    full = found.group(1) if found else key
    first = text.strip().splitlines()[0].rstrip(".")
    if re.search(r"Key '[^']+' (is )?not in ", text):
        parent, _, word = full.rpartition(".")
        known = [k.rpartition(".")[2] for k in _keys(TrainSpec)]
        names = {"where": where, "full": full, "parent": parent}
        return UsageError.of("config.unknown_inner_key", word=word, known=known, **names)
    said = f"{full}: {first}" if full else first
    wanted = next((words for part, words in WANTED.items() if part in first), "")
    if among := re.search(r"expected one of \[(.*)\]", first):
        wanted = f"one of {among.group(1)}"
    hint = f"{full} is {wanted}" if wanted else None
    return UsageError.of("config.other", where=where, said=said, hint=hint)
