"""Reading recorded studies from the files that `ablate --out` wrote."""

from pathlib import Path
from typing import Any

from alexcli.ablation.verdicts import SIGNS, SIGNS_OF_BOUNDS, judge_table
from alexcli.config.files import CHOICE_NAME
from alexcli.errors import UsageError
from alexcli.files import read_limited
from alexcli.json_text import MOST_BYTES, parse_json
from alexcli.records.conforms import conforms
from alexcli.records.study import ArmResult, Difference, Precision, ReusedRecord, StudyResult
from alexcli.schema import Metric

KINDS = ("plain", "mechanism", "chosen")
"""See records.study.StudyResult."""
ADDED = ("command", "on")
"""Entries of a file besides the study, which say how it was made."""


def file_name(study: StudyResult) -> str:
    """The name of a study's files without extension: the study's name, then its setting's."""
    return f"{study.name}-{study.setting_name}"


def read_studies(folder: Path) -> list[StudyResult]:
    """All studies in a folder, with verdicts corrected for all of their comparisons together.

    Args:
        folder: where --out wrote them.

    Raises:
        UsageError: there are none, or a file holds something else.
    """
    studies = [read_study_result(path) for path in study_files(folder, str(folder))]
    judge_table(studies)
    return studies


def study_files(folder: Path, name: str) -> list[Path]:
    """The files of recorded studies.

    Args:
        folder: where --out wrote them.
        name: of the folder, for the message.

    Raises:
        UsageError: there are none.
    """
    writes = "alexcli ablate STUDY --out DIR writes"
    if folder.is_file():
        raise UsageError(f"{name} is a file, not a folder of studies", hint=f"{writes} one")
    if not folder.is_dir():
        raise UsageError(f"there is no folder {name}", hint=f"{writes} one")
    paths = sorted(folder.glob("*.json"))
    if not paths:
        below = folder / "ablations"
        hint = f"did you mean {below}?" if below.is_dir() else f"{writes} them"
        raise UsageError(f"{name} has no studies", hint=hint)
    return paths


def read_study_result(path: Path) -> StudyResult:
    """Read a study from a file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    return read_study_file(path)[0]


def read_study_file(path: Path) -> tuple[StudyResult, dict[str, Any]]:
    """Read a study and the other entries of its file (see ADDED).

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        content = parse_json(read_limited(path, MOST_BYTES), allow_nan=True)
        study = _study({key: value for key, value in content.items() if key not in ADDED})
        _check(study)
        return study, {key: content[key] for key in ADDED if key in content}
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    except (TypeError, KeyError, AttributeError) as error:  # a field of the wrong type
        raise _unreadable(path, "its fields are not those of a study") from error


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"{path} is not what `ablate --out` writes: {reason}",
        hint="alexcli ablate STUDY --out DIR writes it again; finished runs stay finished",
    )


def _study(content: dict[str, Any]) -> StudyResult:
    precision = content["precision"]
    return StudyResult(
        **{
            **content,
            "arms": [_arm(arm) for arm in content["arms"]],
            "precision": None if precision is None else Precision(**precision),
            "reused": [ReusedRecord(**record) for record in content.get("reused", [])],
        }
    )


def _check(study: StudyResult) -> None:
    """Raise ValueError for a study that `ablate` cannot have written."""
    if not conforms(study, StudyResult):
        raise ValueError("a value is of another type than its field")
    if not CHOICE_NAME.fullmatch(study.name) or study.kind not in KINDS or not study.arms:
        raise ValueError("name, kind or arms are not those of a study")
    if Path(study.label).name != study.label:
        raise ValueError("its label is not the name of a folder")
    _check_metric(study.metric)
    for arm in study.arms:
        for name in arm.values:
            _check_metric(name)
        for difference in arm.differences:
            _check_difference(difference)


def _check_difference(difference: Difference) -> None:
    """Raise ValueError for a difference that no comparison can give; its types are right."""
    _check_metric(difference.metric)
    if difference.bound not in (None, *SIGNS_OF_BOUNDS):
        raise ValueError(f"{str(difference.bound)[:80]!r} is not a bound")
    is_ratio = difference.metric == Metric.epochs.name
    if is_ratio and not all(ratio > 0 for ratio in difference.by_seed):
        raise ValueError("a ratio of epochs is not above 0")
    for claim in (difference.paper, difference.notes):
        is_direction = isinstance(claim, str) and claim in SIGNS
        if not is_direction and not conforms(claim, float | None):
            raise ValueError("a claim is neither a number nor a direction")


def _check_metric(name: str) -> None:
    names = [metric.name for metric in Metric]
    if name not in names:
        raise ValueError(f"{name[:80]!r} is none of {', '.join(names)}")


def _arm(content: dict[str, Any]) -> ArmResult:
    """Read an arm; json stores the seeds as strings."""
    values = {
        metric: {int(seed): value for seed, value in column.items()}
        for metric, column in content["values"].items()
    }
    differences = [Difference(**difference) for difference in content["differences"]]
    return ArmResult(**{**content, "values": values, "differences": differences})
