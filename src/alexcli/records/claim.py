"""A claim of the paper with its measurements."""

from dataclasses import dataclass


@dataclass
class Measurement:
    """A measurement of a claim, in words."""

    value: str
    """With its interval, if there is one."""
    n: int | None
    """Runs, or pairs of runs, behind it; None for a count."""
    setting: str
    """Net, data and length of the runs."""
    brief_setting: str
    """The same in a word or two."""
    in_paper_setting: bool
    """Whether it is the claim's own setting."""
    verdict: str
    """What it says about the claim; empty if that was not tested."""
    file: str
    """The file below results/ that contains it; empty for a count."""


@dataclass
class Claim:
    """A quantitative statement of the paper or the lab notes."""

    name: str
    section: str
    claim: str
    paper: str
    notes: str
    command: str
    cost: str
    remark: str
    brief: bool
    measurements: list[Measurement]
