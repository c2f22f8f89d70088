"""Composing and validating configurations; the only place that imports hydra."""

import contextlib
import dataclasses
import itertools
import math
import operator
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)

ROOTS: dict[type, str] = {TrainSpec: "train", AnalyzeSpec: "analyze"}
# What may differ when a trained net is evaluated.
RUN_GROUPS = ("data", "eval", "placement", "trainer")
STUDIES = "ablation"
WANTED = {"to Integer": "a whole number", "to Float": "a number", "bool": "true or false"}
WANTED |= {"'int'": "a whole number", "'float'": "a number", "not a ListConfig": "a list: [a,b]"}
"""What OmegaConf says of a value of another type, and what it wants."""
LIMITS = {"low": ("at least", operator.ge), "high": ("at most", operator.le)}
LIMITS |= {"above": ("above", operator.gt), "below": ("below", operator.lt)}
"""Those of schema.ranged in words, and whether a number keeps them."""


def conf_dir() -> Path:
    """The folder of yaml files: inside the installed package, or beside `src` in a checkout."""
    package = Path(__file__).resolve().parent
    inside, beside = package / "conf", package.parent.parent / "conf"
    return inside if inside.is_dir() else beside


def groups() -> list[str]:
    """The config groups, e.g. `model`; studies are composed by `ablate` alone."""
    return sorted({path.name for path in conf_dir().iterdir() if path.is_dir()} - {STUDIES})


def choices(group: str) -> list[str]:
    """The yaml files of a group, without their ending."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def describe(group: str, choice: str) -> str:
    """The first comment line of a yaml that is not a Hydra directive."""
    text = (conf_dir() / group / f"{choice}.yaml").read_text(encoding="utf-8")
    return next(iter(re.findall(r"^#(?!.*@package)(.*)", text, re.M)), "").strip()


def compose(overrides: Sequence[str], schema: type[Spec]) -> Spec:
    """Compose, type-check and range-check a configuration.

    Args:
        overrides: KEY=VALUE words. With neither `experiment=` nor `data=`, training takes the
            quick-start experiment.
        schema: TrainSpec, AnalyzeSpec where only a model is needed, PrepareSpec for a store.

    Raises:
        UsageError: unknown key, group choice or type, missing value, value out of range.
    """
    typed, chosen = [], {}
    known = groups() if schema in ROOTS else []
    for override in parse(overrides):
        name, value = override.key_or_group, override.value()
        if name not in known:
            typed.append(override)
            continue
        if override.is_delete() or override.package or (value is None and name != "experiment"):
            raise UsageError.of("config.no_group_value", line=override.input_line, name=name)
        chosen[name] = word = None if value is None else str(value)
        if word is not None and word not in choices(name):
            raise UsageError.of("config.no_choice", name=name, word=word, known=choices(name))
    if schema is TrainSpec and not chosen.keys() & {"experiment", "data"}:
        chosen["experiment"] = "quickstart"
    config = OmegaConf.structured(schema)
    if schema in ROOTS:
        GlobalHydra.instance().clear()
        words = [f"{name}={word}" for name, word in chosen.items() if word is not None]
        with _explained(config), initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = OmegaConf.merge(config, hydra_compose(ROOTS[schema], overrides=words))
        OmegaConf.set_struct(config, None)  # typed nodes refuse unknown keys, others take new ones
    for override in typed:
        config = _set(config, override)
    return cast(Spec, _checked(config))


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
    config = OmegaConf.structured(schema)
    with _explained(config, where=f"{source}: "):
        return cast(Spec, _checked(OmegaConf.merge(config, mapping)))


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
        name, line = override.key_or_group, override.input_line or ""
        if "${" in line:
            raise UsageError.of("config.interpolation", source="the command line")
        if name.partition(".")[0] not in RUN_GROUPS:
            if name not in groups():
                _set(config, override)  # which knows unknown keys
            allowed = [f"{group}.*" for group in RUN_GROUPS]
            raise UsageError.of("config.trained_already", line=line, groups=allowed)
        if override.is_delete():
            raise UsageError.of("config.nothing_left", line=line)
        if name in groups():
            config[name] = getattr(compose(["experiment=null", line], TrainSpec), name)
        else:
            config = _set(config, override)
    return cast(TrainSpec, _checked(config))


def to_mapping(spec: TrainSpec | AnalyzeSpec | PrepareSpec) -> dict[str, Any]:
    """Plain data, enums by name: what `config show` prints and a run directory keeps."""
    return cast(
        dict[str, Any], OmegaConf.to_container(OmegaConf.structured(spec), enum_to_str=True)
    )


def flat(whole: TrainSpec | dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys and single values."""
    found: dict[str, Any] = {}
    for key, value in (whole if isinstance(whole, dict) else to_mapping(whole)).items():
        path = f"{prefix}{key}"
        found |= flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found


def parse(overrides: Sequence[str], *, sweep: bool = False) -> list[Override]:
    """Parse KEY=VALUE words with Hydra's grammar.

    Raises:
        UsageError: a word that is not KEY=VALUE, a value that needs quotes, or, but for a `sweep`,
            several values; says which.
    """
    parser = OverridesParser.create()
    parsed = []
    for word in overrides:
        if "=" not in word and not word.startswith("~"):
            raise UsageError.of("config.no_pair", word=word)
        hint = _quoting_hint(word)
        try:
            override = parser.parse_override(word)
        except HydraException as error:
            raise UsageError.of("config.unreadable_value", word=word, hint=hint) from error
        if override.is_sweep_override() and not sweep:
            raise UsageError.of("config.sweep", line=word, hint=hint)
        parsed.append(override)
    return parsed


def _quoting_hint(word: str) -> str:
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
    for override in parse(overrides, sweep=True):
        if not override.is_sweep_override():
            values.append([override.input_line or ""])
        elif override.is_choice_sweep() or override.is_range_sweep():
            key = override.get_key_element()
            values.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            raise UsageError.of("config.unswept", line=override.input_line)
    return [list(job) for job in itertools.product(*values)]


def _set(config: Any, override: Override) -> Any:
    """The configuration with a key set; UsageError where there is none, or for another type."""
    key, value = override.key_or_group, None if override.is_delete() else override.value()
    if value == "???":  # OmegaConf's own word for a missing value
        raise UsageError.of("config.missing", missing=key)
    change = OmegaConf.create()
    OmegaConf.update(change, key, value)
    with _explained(config, key=key):
        if key.endswith(".steps"):  # a typed schedule is the whole one, not added to the file's
            found = OmegaConf.select(config, key, throw_on_resolution_failure=False)
            (found or {}).clear()
        return OmegaConf.merge(config, change)


def _checked(config: Any) -> Any:
    """The configuration as dataclasses; UsageError where a value is missing or out of range."""
    with _explained(config):
        for missing in sorted(OmegaConf.missing_keys(config)):
            raise UsageError.of("config.missing", missing=missing)
        spec = OmegaConf.to_object(config)
    _check_ranges(spec)
    return spec


def _check_ranges(value: Any, where: str = "", field: Any = None) -> None:
    """Check every number of a configuration against the range beside its field."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _check_ranges(getattr(value, field.name), f"{where}.{field.name}".lstrip("."), field)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(name, int) and name < 1:
                raise UsageError.of("config.epoch", where=where, first=name)
            _check_ranges(inner, f"{where}.{name}", field)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError.of("config.not_finite", where=where, value=value)
    elif value is not None:
        limits = [(limit, *LIMITS[name]) for name, limit in field.metadata.items()]
        if not all(keeps(value, limit) for limit, _, keeps in limits):
            allowed = " and ".join(f"{words} {limit:g}" for limit, words, _ in limits)
            example = isinstance(field.default, (int, float))
            hint = f"for instance {where}={field.default:g}" if example else ""
            names = {"where": where, "value": value}
            raise UsageError.of("config.out_of_range", allowed=allowed, hint=hint, **names)


@contextlib.contextmanager
def _explained(config: Any, *, where: str = "", key: str = "") -> Iterator[None]:
    """UsageError with the full key, in place of Hydra's or OmegaConf's own, where the block fails.

    Args:
        config: what the block changes.
        where: `FILE: `, for values from a file.
        key: the one that is set, for a typed value.
    """
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        full = getattr(error, "full_key", None) or key
        if isinstance(error, ConfigKeyError):
            prefix, word = full[: full.rfind(".") + 1], max(full, key, key=len)
            names = list(map(str, error.parent_node or ()))
            known = [*(prefix + name for name in names), *flat(config)]
            place = prefix.rstrip(".") or "the top level"
            raise UsageError.of(
                "config.unknown_key", where=where, place=place, names=names, word=word, known=known
            ) from error
        parents = itertools.accumulate(key.split(".")[:-1], "{}.{}".format)
        lists = (path for path in parents if OmegaConf.is_list(OmegaConf.select(config, path)))
        place = next(lists, full)
        if key.startswith(f"{place}."):
            raise UsageError.of("config.single_value", key=key, place=place) from error
        first = str(error).strip().splitlines()[0].rstrip(".")
        wanted = next((words for part, words in WANTED.items() if part in first), "")
        if among := re.search(r"expected one of \[(.*)\]", first):
            wanted = f"one of {among.group(1)}"
        first = f"{full}: {first}" if full else first
        hint = f"{full} is {wanted}" if wanted and full else None
        raise UsageError.of("config.other", where=where, first=first, hint=hint) from error
