"""The tables of `alexcli claims`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alexcli.records.claim import Claim, Measurement
from alexcli.tables import Table

NOT_MEASURED = "not measured"


def claims_table(claims: Sequence[Claim], *, with_commands: bool = True) -> Table:
    """A row for each claim; several measurements of a claim share its cell.

    Args:
        claims: in order.
        with_commands: whether to show commands and full settings, which make the table wide.
    """
    rows = []
    for claim in claims:
        measurements = claim.measurements
        if not with_commands:
            measurements = [
                replace(measurement, setting=measurement.brief_setting)
                for measurement in measurements
            ]
        row: dict[str, Any] = {
            "name": claim.name,
            **({"section": claim.section} if with_commands else {}),
            "claim": claim.claim,
            "paper": claim.paper or "-",
            "lab notes": claim.notes or "-",
            "measured here": _measured_cell(measurements),
        }
        if with_commands:
            row["command"] = claim.command
        rows.append(row)
    return Table.from_records("claims", rows, counts(claims))


def measured_text(measurement: Measurement) -> str:
    """A measurement in a line: value, runs, verdict, setting, file."""
    parts = [measurement.value]
    if measurement.n is not None:
        parts.append(f"n = {measurement.n:,}")
    if measurement.verdict:
        parts.append(measurement.verdict)
    text = ", ".join(parts)
    if not measurement.in_paper_setting:
        text += f" [{measurement.setting}]"
    return text


def counts(claims: Sequence[Claim]) -> str:
    """The number of claims, and how many were measured in which setting."""
    in_paper_setting = sum(
        any(measurement.in_paper_setting for measurement in claim.measurements) for claim in claims
    )
    measured = sum(bool(claim.measurements) for claim in claims)
    return (
        f"{len(claims):,} claims: {in_paper_setting:,} measured in their own setting, "
        f"{measured - in_paper_setting:,} in a smaller one (in brackets), "
        f"{len(claims) - measured:,} not measured"
    )


def claim_table(claim: Claim) -> Table:
    """Everything about one claim, a line each."""
    lines = [
        ("section", claim.section),
        ("claim", claim.claim),
        ("paper", claim.paper),
        ("lab notes", claim.notes),
        ("remark", claim.remark),
        ("command", claim.command),
        ("cost", claim.cost),
    ]
    lines += [
        ("measured", f"{measured_text(measurement)} {measurement.file}".strip())
        for measurement in claim.measurements
    ]
    if not claim.measurements:
        lines.append(("measured", NOT_MEASURED))
    rows = [{"": name, claim.name: text} for name, text in lines if text]
    return Table.from_records(claim.name, rows, f"to run it: alexcli claims {claim.name} --run")


def _measured_cell(measurements: Sequence[Measurement]) -> str:
    """All measurements of a claim; successive ones that differ only in their values are merged."""
    merged: list[Measurement] = []
    for measurement in measurements:
        if merged and measurement == replace(
            merged[-1], value=measurement.value, file=measurement.file
        ):
            merged[-1] = replace(measurement, value=f"{merged[-1].value}, {measurement.value}")
        else:
            merged.append(measurement)
    return "; ".join(measured_text(measurement) for measurement in merged) or NOT_MEASURED
