"""The ledger: every claim of claims.yaml with its measurements."""

from collections.abc import Sequence
from functools import cache

from alexcli.claims.measured import days_of_a_training, measurement
from alexcli.claims.names import LEDGER
from alexcli.config.saved import from_mapping
from alexcli.config.yaml_text import read_yaml_file
from alexcli.errors import UsageError, did_you_mean, plural
from alexcli.records.claim import Claim, Measurement
from alexcli.schema import ClaimSpec, EvidenceSpec, LedgerSpec


@cache
def read_ledger() -> LedgerSpec:
    """Read and check the file."""
    return from_mapping(read_yaml_file(LEDGER), LedgerSpec, source=LEDGER)


def claims() -> list[Claim]:
    """Every claim in the order of the file, with its measurements."""
    return [
        Claim(
            name=name,
            section=spec.section,
            claim=spec.claim,
            paper=spec.paper,
            notes=spec.notes,
            command=spec.command,
            cost=_cost(spec),
            remark=spec.remark,
            brief=spec.brief,
            measurements=_measurements(spec.evidence),
        )
        for name, spec in read_ledger().claims.items()
    ]


def _cost(spec: ClaimSpec) -> str:
    """How long the command takes, from the file or extrapolated from the time of a step."""
    if not spec.trainings:
        return spec.cost
    days, hardware = days_of_a_training()
    text = f"{spec.trainings * days:,.1f} days of {hardware}"
    if spec.trainings > 1:
        text += f" ({plural(spec.trainings, 'training')} of {days:.1f} days)"
    text += ", by alexcli bench step --extrapolate"
    return f"{text}; {spec.cost}" if spec.cost else text


def _measurements(evidence: Sequence[EvidenceSpec]) -> list[Measurement]:
    """The recorded measurements of the evidence."""
    measurements = [measurement(spec) for spec in evidence]
    return [recorded for recorded in measurements if recorded is not None]


def find_claim(name: str) -> Claim:
    """Find a claim by its name.

    Raises:
        UsageError: there is none; the hint lists the names that contain the word, or the nearest.
    """
    by_name = {claim.name: claim for claim in claims()}
    if name in by_name:
        return by_name[name]
    containing = [claim_name for claim_name in by_name if name in claim_name]
    if name and containing:
        hint = f"did you mean {' or '.join(containing)}?"
    else:
        hint = did_you_mean(name, by_name) or "alexcli claims lists all"
    raise UsageError(f"claim {name!r} does not exist", hint=hint)
