"""alexcli config."""

from typing import Any

from alexcli.cli.shell import FormatOption, Overrides, command, emit, group, one_of
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render
from alexcli.results import Table

ABSENT = "(absent)"

config = group(
    "Show, list, compare and check configurations.",
    "alexcli config diff model=alexnet model=alexnet_145",
    "alexcli config list",
)


@command(config)
def show(overrides: Overrides = None) -> None:
    """Print exactly what `train` would use, and the fingerprint of its choices.

    Examples:
        alexcli config show
        alexcli config show model=alexnet_145
    """
    import yaml

    from alexcli.config import compose, to_mapping
    from alexcli.run.rundir import settings_digest
    from alexcli.schema import TrainSpec

    spec = compose(overrides or [], TrainSpec)
    emit(f"# settings {settings_digest(spec)} (train --dry-run adds the data's own digest)\n")
    emit(yaml.safe_dump(to_mapping(spec), sort_keys=False))


@command(config)
def list_(group: str | None = None, *, format: FormatOption = Format.table) -> None:
    """Name every choice of every group, with its first comment line.

    Args:
        group: A group such as model; none: all.

    Examples:
        alexcli config list
        alexcli config list model
    """
    from alexcli.config import choices, describe, groups

    chosen = groups() if group is None else [one_of("group", group, groups())]
    rows = [{"choice": f"{g}={c}", "about": describe(g, c)} for g in chosen for c in choices(g)]
    emit(render(Table.of("choices", rows), format))


@command(config)
def diff(a: str, b: str, *, format: FormatOption = Format.table) -> None:
    """Print what differs between two choices or two runs.

    Args:
        a (A): GROUP=CHOICE, or a run directory.
        b (B): GROUP=CHOICE, or a run directory.

    Examples:
        alexcli config diff model=alexnet model=alexnet_145
        alexcli config diff optim=paper optim=code_145
        alexcli config diff experiment=cifar_26 experiment=cifar_18
    """
    left, right = _flat(_side(a)), _flat(_side(b))
    # A layer that one side lacks is one difference, not ten.
    lone = tuple(f"{key}." for key in left.keys() ^ right.keys() if key.startswith("model.trunk"))
    rows = [
        {"key": key, "a": left.get(key, ABSENT), "b": right.get(key, ABSENT)}
        for key in left | right
        if left.get(key) != right.get(key) and not key.startswith(lone)
    ]
    table = Table(f"{a} against {b}", ["key", a, b], [list(row.values()) for row in rows])
    emit(render(table, format, rows))


def _side(word: str) -> dict[str, Any]:
    """The configuration that a word means; a single group shows that group alone."""
    from pathlib import Path

    from alexcli.config import compose, groups, to_mapping
    from alexcli.run.rundir import RunDirectory
    from alexcli.schema import TrainSpec

    if Path(word).is_dir():
        return to_mapping(RunDirectory(Path(word)).read_config())
    group = word.partition("=")[0]
    if "=" not in word or group not in groups():
        raise UsageError.of("config.no_side", word=word, groups=groups())
    whole = to_mapping(compose(["experiment=null", word], TrainSpec))
    return whole if group == "experiment" else {group: whole[group]}


def _flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted keys and what they hold; a schedule, a list, and a layer or group is one line each.

    A layer or group has a line of its own besides, so that its absence shows; the name of a yaml
    is no difference.
    """
    found: dict[str, str] = {}
    for key, value in mapping.items():
        path, named = f"{prefix}{key}", prefix in ("model.trunk.", "optim.groups.")
        if isinstance(value, dict) and "steps" in value:
            found[path] = _schedule(value)
        elif isinstance(value, dict) and value:
            if named:
                found[path] = "present"
            found |= _flat(value, f"{path}.")
        elif key != "name" and not named:  # a removed layer or group is an absent one
            found[path] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return found


def _schedule(value: dict[str, Any]) -> str:
    """A schedule in words, in multiples of the rate or the decay."""
    later = {
        "constant": "",
        "steps": "".join(f", {new:g} from epoch {epoch}" for epoch, new in value["steps"].items()),
        "dexp": f" to 1/{value['factor']:g} of it in {value['parts']} steps",
        "plateau": ", divided on plateaus",
    }
    return f"{value['base']:g}{later[value['kind']]}"


@command(config)
def check(overrides: Overrides = None) -> None:
    """Compose, validate and build every yaml, or one composition.

    Examples:
        alexcli config check
        alexcli config check model=vgg16
    """
    from alexcli.config import choices, compose, groups
    from alexcli.errors import AlexcliError
    from alexcli.run.build import check_build
    from alexcli.schema import TrainSpec

    every = [f"{group}={choice}" for group in groups() for choice in choices(group)]
    words, bad = [overrides] if overrides else [[word] for word in every], 0
    for job in words:
        base = ["experiment=null"]
        if not overrides and job[0].startswith("data="):
            base.append("model=cifar_26")  # whose input is not larger than any data's pictures
        try:
            check_build(compose([*base, *job], TrainSpec))
            emit(f"ok  {' '.join(job)}\n")
        except AlexcliError as error:
            bad += 1
            emit(f"BAD {' '.join(job)}: {error.message}\n")
    if bad:
        raise UsageError.of("config.invalid", bad=bad, words=words)
