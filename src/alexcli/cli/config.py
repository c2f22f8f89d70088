"""alexcli config."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alexcli.cli.arguments import one_of
from alexcli.cli.command import command, group
from alexcli.cli.options import ConfOption, FormatOption, Overrides
from alexcli.cli.output import emit
from alexcli.errors import AlexcliError, UsageError, plural
from alexcli.render.escape import printable
from alexcli.render.tables import Format, render
from alexcli.run_files import DEFAULT_RUNS
from alexcli.tables import Table

if TYPE_CHECKING:  # the schema would slow down every --help
    from alexcli.config.keys import Key

STUDIES_HINT = "alexcli config list shows all groups, alexcli ablate --list all studies"

config = group(
    "Show, list, explain, compare and check configurations.",
    "alexcli config diff model=alexnet model=alexnet_145",
    "alexcli config list",
    "alexcli config explain optim.lr",
)


@command(config)
def show(overrides: Overrides = None, *, conf: ConfOption = None) -> None:
    """Print exactly what `train` would use, and the fingerprint of its choices.

    Examples:
        alexcli config show
        alexcli config show model=alexnet_145
    """
    import yaml

    from alexcli.config.compose import compose
    from alexcli.config.mapping import to_mapping
    from alexcli.config.user_conf import use_conf_dir
    from alexcli.run.fingerprint import settings_digest
    from alexcli.schema import TrainSpec

    use_conf_dir(conf)
    spec = compose(overrides or [], TrainSpec)
    emit(f"# settings {settings_digest(spec)} (train --dry-run adds the data's own digest)\n")
    emit(yaml.safe_dump(to_mapping(spec), sort_keys=False))


@command(config)
def list_(
    group: str | None = None, *, conf: ConfOption = None, format: FormatOption = Format.table
) -> None:
    """List every choice of every group, with the first comment line of its file.

    Args:
        group (GROUP): A group such as model; default: all groups.

    Examples:
        alexcli config list
        alexcli config list model
    """
    from alexcli.config.files import choices, describe, groups, user_choices
    from alexcli.config.user_conf import use_conf_dir

    use_conf_dir(conf)
    group_names = groups() if group is None else [one_of("group", group, groups(), STUDIES_HINT)]
    rows = [
        {"choice": f"{name}={choice}", "about": describe(name, choice)}
        for name in group_names
        for choice in choices(name)
    ]
    user_paths = {
        f"{name}={choice}": str(file)
        for name in group_names
        for choice, file in user_choices(name).items()
    }
    if user_paths:
        rows = [{**row, "file": user_paths.get(row["choice"], "")} for row in rows]
    emit(render(Table.from_records("choices", rows), format))


@command(config)
def explain(
    key: str | None = None, *, conf: ConfOption = None, format: FormatOption = Format.table
) -> None:
    """Explain a key: its meaning, allowed values, default, and the yaml files that set it.

    Args:
        key (KEY): A key such as optim.lr, or a section such as model or model.lrn; default: the top
            level. analyze and prepare stand for the keys of `analyze` and `data prepare`.

    Examples:
        alexcli config explain
        alexcli config explain model.lrn
        alexcli config explain optim.lr
        alexcli config explain analyze
    """
    from alexcli.config.files import groups
    from alexcli.config.keys import SCHEMAS, below, keys, named
    from alexcli.config.user_conf import use_conf_dir
    from alexcli.render.keys import command_table, keys_table, sections_table

    use_conf_dir(conf)
    if key in groups() and key not in keys():  # experiments, which have no keys of their own
        list_(key, conf=conf, format=format)
        return
    if key is None:
        table = sections_table([entry for entry in keys().values() if "." not in entry.name])
    elif key in SCHEMAS and key != "train":
        command_keys = [entry for entry in below("", key) if not entry.name.startswith("model.")]
        table = command_table(key, command_keys)
    else:
        name, meant = named(key)
        if not meant.is_section:
            _explain_one(name, meant, format)
            return
        note = f"alexcli config list {name} shows its choices" if name in groups() else None
        table = keys_table(f"{name}: {meant.meaning()}", below(meant.name), note)
    emit(render(table, format))


def _explain_one(name: str, key: "Key", format: Format) -> None:
    """Print all about one key."""
    from alexcli.config.set_in import set_values, studies_of
    from alexcli.render.keys import key_record, key_table

    about = (name, key, set_values(name), studies_of(name))
    emit(render(key_table(*about), format, key_record(*about)))


@command(config)
def diff(
    a: str,
    b: str,
    *,
    runs: Path = DEFAULT_RUNS,
    conf: ConfOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Print what differs between two choices or two runs.

    Args:
        a (A): GROUP=CHOICE, or a run.
        b (B): GROUP=CHOICE, or a run.
        runs (DIR): The directory of all runs.

    Examples:
        alexcli config diff model=alexnet model=alexnet_145
        alexcli config diff optim=paper optim=code_145
        alexcli config diff experiment=cifar_26 experiment=cifar_18
    """
    from alexcli.config.diff import differences
    from alexcli.config.user_conf import use_conf_dir

    use_conf_dir(conf)
    rows = differences(_described(a, runs), _described(b, runs))
    table = Table.from_records(
        f"{a} against {b}",
        [{"key": row.key, a: row.left, b: row.right} for row in rows],
        columns=["key", a, b],
    )
    records = [{"key": row.key, "a": row.left, "b": row.right} for row in rows]
    emit(render(table, format, records))


def _described(side: str, runs: Path) -> dict[str, str]:
    """The values of a run or of GROUP=CHOICE, by key."""
    from alexcli.config.diff import describe_choice, describe_values
    from alexcli.run.find import find_run, matching_runs

    if matching_runs(side, runs):
        return describe_values(find_run(side, runs).read_config())
    return describe_choice(side)


@command(config)
def check(overrides: Overrides = None, *, conf: ConfOption = None) -> None:
    """Compose, validate and build every yaml file, or one composition.

    Files of your own folder that nothing reads, such as modle/mine.yaml, are named, too.

    Examples:
        alexcli config check
        alexcli config check model=vgg16
    """
    from alexcli.config.files import STUDIES, choices, every_choice
    from alexcli.config.unread_files import unread_files
    from alexcli.config.user_conf import use_conf_dir

    use_conf_dir(conf)
    if overrides:
        problems = [_problem(" ".join(overrides), lambda: _check_composition(overrides))]
    else:
        problems = [_problem(choice, partial(_check_choice, choice)) for choice in every_choice()]
        problems += [
            _problem(f"ablate {study}", partial(_check_study, study)) for study in choices(STUDIES)
        ]
        for file in unread_files():
            _emit_line(f"BAD {file.path} is not read: {file.reason}")
            problems.append(True)
    invalid = sum(problems)
    if invalid:
        verb = "is" if invalid == 1 else "are"
        kind = "composition" if overrides else "file"
        raise UsageError(
            f"{invalid} of {plural(len(problems), kind)} {verb} not valid",
            hint="the lines that begin with BAD say why",
        )


def _problem(name: str, check: Callable[[], str | None]) -> bool:
    """Whether a check fails; a line says it either way, with what the check remarks."""
    try:
        remark = check()
    except AlexcliError as error:
        _emit_line(f"BAD {name}: {error.message}")
        return True
    _emit_line(f"ok  {name} ({remark})" if remark else f"ok  {name}")
    return False


def _emit_line(text: str) -> None:
    """Print a line in which names of files and keys, which are untrusted, do no harm."""
    emit(f"{printable(text)}\n")


def _check_composition(overrides: Sequence[str]) -> None:
    """Compose and build what overrides choose."""
    from alexcli.config.compose import compose
    from alexcli.run.build import check_build
    from alexcli.schema import TrainSpec

    check_build(compose(["experiment=null", *overrides], TrainSpec))


def _check_choice(choice: str) -> None:
    """Compose and build what GROUP=CHOICE makes of the defaults."""
    # A net whose input is not larger than any data's images.
    net = ["model=cifar_26"] if choice.startswith("data=") else []
    _check_composition([*net, choice])


def _check_study(name: str) -> str | None:
    """Open a study; the remark is why it could only be read."""
    from alexcli.ablation.study import check_study

    needed = check_study(name)
    return needed and f"only read: {needed}"
