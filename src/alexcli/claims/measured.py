"""Finding the measurements of a claim: counts, recorded studies, numbers in result files."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from alexcli.ablation.estimate import Estimate
from alexcli.ablation.recorded import file_name, read_studies
from alexcli.ablation.verdicts import (
    EQUIVALENT,
    NO_VERDICT,
    decided_by_ranks,
    median_beside_mean,
    seeds_above,
)
from alexcli.analysis import params
from alexcli.config.compose import compose
from alexcli.config.files import results_dir
from alexcli.errors import UsageError
from alexcli.records.claim import Measurement
from alexcli.records.study import Difference, StudyResult
from alexcli.schema import AnalyzeSpec, EvidenceSpec, Place

POINTS = 100
"""Points of error in a fraction of 1."""


def measurement(evidence: EvidenceSpec) -> Measurement | None:
    """The measurement of one piece of evidence; None if its study is not recorded yet.

    Args:
        evidence: of a claim.

    Raises:
        UsageError: there is no such net, arm or number.
    """
    if evidence.count is not None:
        return _count(evidence.count, evidence)
    if evidence.study is not None:
        return _of_study(evidence.study, evidence)
    if evidence.value is not None:
        return _of_file(evidence.value, evidence)
    raise UsageError("evidence without count, study or value")


def _count(path: str, evidence: EvidenceSpec) -> Measurement:
    model, *layer, quantity = path.split("/")
    counts = _counts_of(model)
    totals = counts["totals"]
    where = totals
    if layer:
        where = _entry(counts["layers"], f"name={layer[0]}", path)
    if quantity == "share":
        number = where["params"] / totals["params"]
    elif quantity == "inputs":
        number = math.prod(counts["input"])
    else:
        number = where[quantity]
    return Measurement(
        value=evidence.form.format(number),
        n=None,
        setting=evidence.setting or f"counted from model={model}",
        brief_setting="counted",
        in_paper_setting=evidence.place is Place.paper,
        verdict="",
        file="",
    )


@cache
def _counts_of(model: str) -> dict[str, Any]:
    """The counts of `analyze params` for a net."""
    analysis = params.run(compose([f"model={model}"], AnalyzeSpec))
    return dict(analysis.data)


def _of_study(path: str, evidence: EvidenceSpec) -> Measurement | None:
    """A comparison of a recorded study, with its interval.

    Args:
        path: the study's file without its ending, and the arm.
        evidence: names the metric of the comparison, None for the study's own; its `setting` is
            appended to the study's.
    """
    name, _, arm_name = path.partition("/")
    studies = {file_name(study): study for study in recorded_studies()}
    if name not in studies:
        return None
    study = studies[name]
    for arm in study.arms:
        for difference in arm.differences:
            if arm.name == arm_name and difference.metric == (evidence.metric or study.metric):
                return _of_difference(study, difference, evidence.setting)
    of_metric = f" with {evidence.metric}" if evidence.metric else ""
    raise UsageError(f"{name}.json has no arm {arm_name}{of_metric}")


@cache
def recorded_studies() -> Sequence[StudyResult]:
    """The studies of results/ablations, judged as one table; empty if there are no files."""
    folder = results_dir() / "ablations"
    return read_studies(folder) if any(folder.glob("*.json")) else []


def _of_difference(study: StudyResult, difference: Difference, addition: str) -> Measurement:
    is_ratio = study.metric == "epochs"

    def form(gap: float) -> str:
        return f"{gap:.2f}" if is_ratio else f"{POINTS * gap:+.2f}"

    value = "-" if difference.mean is None else form(difference.mean)
    if difference.bound:
        value = f"{'more' if difference.bound == 'above' else 'less'} than {value}"
    if difference.low is not None and difference.high is not None:
        ends = {
            None: f"{form(difference.low)} to {form(difference.high)}",
            "above": f"{form(difference.low)} or more",
            "below": f"{form(difference.high)} or less",
        }
        value += f" ({ends[difference.bound]})"
    value += " times" if is_ratio else " points"
    if decided_by_ranks(difference):
        value += f", higher in {seeds_above(difference):,} of {difference.seeds:,} seeds"
    median = median_beside_mean(difference)
    if median is not None:
        value += f", median {form(median.value)}"
        if median.low is not None and median.high is not None:
            value += f" ({form(median.low)} to {form(median.high)})"
    verdict = difference.verdict
    if verdict == EQUIVALENT and difference.margin is not None:
        verdict += f" (within {_format_margin(difference.margin, is_ratio=is_ratio)})"
    images = {"plain": "embedded images", "mechanism": "embedded images, mechanism"}
    setting = images.get(study.kind, "")
    return Measurement(
        value=value,
        n=difference.seeds,
        setting=", ".join(filter(None, [setting, study.setting, addition])),
        brief_setting=", ".join(filter(None, [setting or study.label, addition])),
        in_paper_setting=False,
        verdict="" if difference.verdict == NO_VERDICT else verdict,
        file=f"ablations/{file_name(study)}.json",
    )


def _format_margin(margin: float, *, is_ratio: bool) -> str:
    if is_ratio:
        return f"{margin:.3g} times"
    points = POINTS * margin
    return f"{points:.3g} point{'' if points == 1 else 's'}"


def days_of_a_training() -> tuple[float, str]:
    """How long a training on ILSVRC takes (90 epochs), and on what hardware.

    Returns:
        Days, extrapolated from the time of a step, and the hardware on which that was measured.
    """
    content = _read(results_dir() / "speed" / "step.json")
    result = _entry(content["results"], "name=ilsvrc2012/90_epochs", "speed/step.json")
    machine = content["on"]
    return float(result["value"]), f"{machine['cores']:,} cores of {machine['devices'][0]}"


def _of_file(path: str, evidence: EvidenceSpec) -> Measurement:
    """The measurement in a file of results."""
    name = path.partition(".json/")[0]
    numbers = [_number(path)]
    if evidence.spread is not None:
        if evidence.n is None or evidence.n < 2:
            raise UsageError(f"{path}: a spread is that of two runs or more, and n={evidence.n}")
        spread = _number(f"{path.rpartition('/')[0]}/{evidence.spread}")
        mean = Estimate(numbers[0], spread / math.sqrt(evidence.n), evidence.n - 1)
        numbers += mean.interval
    return Measurement(
        value=evidence.form.format(*numbers),
        n=evidence.n,
        setting=evidence.setting,
        brief_setting=evidence.setting.partition(", ")[0],
        in_paper_setting=evidence.place is Place.paper,
        verdict="",
        file=f"{name}.json",
    )


def _number(path: str) -> float:
    """A number in a file of results.

    Args:
        path: the file and the path in it, as in EvidenceSpec.value.
    """
    name, _, way = path.partition(".json/")
    number: Any = _read(results_dir() / f"{name}.json")
    for step in way.split("/"):
        number = _entry(number, step, path)
    if not isinstance(number, int | float):
        raise UsageError(f"{path} is not a number")
    return number


@cache
def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def _entry(values: Any, step: str, path: str) -> Any:
    """One step of the path to a number: a key, a position, or NAME=VALUE in a list.

    Args:
        values: a mapping or a list.
        step: the key.
        path: the whole path, for messages.
    """
    key, chooses, value = step.partition("=")
    if chooses and isinstance(values, list):
        for entry in values:
            if str(entry.get(key)) == value:
                return entry
    elif isinstance(values, Mapping) and step in values:
        return values[step]
    elif isinstance(values, list) and step.isdecimal() and int(step) < len(values):
        return values[int(step)]
    raise UsageError(f"{path}: there is no {step}")
