"""Studies that were measured earlier, read back from the files that `ablate --out` wrote."""

import json
from pathlib import Path
from typing import Any

from alexcli.ablation.verdicts import judge_table
from alexcli.errors import UsageError
from alexcli.records.study import ArmResult, Difference, Precision, StudyResult

ADDED = ("command", "on")
"""What a file holds besides the study: how it was made."""


def file_name(study: StudyResult) -> str:
    """The name of a study's files without their ending: its setting's follows the study's own."""
    return study.name if study.kind == "chosen" else f"{study.name}-{study.kind}"


def read_studies(folder: Path) -> list[StudyResult]:
    """All studies in a folder, with verdicts that allow for all of their comparisons together.

    Args:
        folder: where --out wrote them.

    Raises:
        UsageError: there are none, or a file holds something else.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UsageError(
            f"{folder} has no studies", hint="alexcli ablate STUDY --out DIR writes them"
        )
    studies = [read_study_result(path) for path in paths]
    judge_table(studies)
    return studies


def read_study_result(path: Path) -> StudyResult:
    """A study from a file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _study({key: value for key, value in content.items() if key not in ADDED})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"{path} is not what `ablate --out` writes: {error}",
            hint="alexcli ablate STUDY --out DIR writes it anew; finished runs stay finished",
        ) from error


def _study(content: dict[str, Any]) -> StudyResult:
    precision = content["precision"]
    return StudyResult(
        **{
            **content,
            "arms": [_arm(arm) for arm in content["arms"]],
            "precision": None if precision is None else Precision(**precision),
        }
    )


def _arm(content: dict[str, Any]) -> ArmResult:
    """An arm; json has texts for the seeds."""
    values = {
        metric: {int(seed): value for seed, value in column.items()}
        for metric, column in content["values"].items()
    }
    differences = [Difference(**difference) for difference in content["differences"]]
    return ArmResult(**{**content, "values": values, "differences": differences})
