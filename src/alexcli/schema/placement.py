"""Keys of the group `placement`: where the towers live. They never change a result."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import ranged

PlacementKind = StrEnum("PlacementKind", ["single", "split", "ranks", "ddp"])
"""How towers are laid out over devices and processes."""


@dataclass
class PlacementSpec:
    """Where the towers live; not part of a run's fingerprint."""

    kind: PlacementKind = PlacementKind.single
    """single (all towers on one device), split (one process, a device per tower: section 3.5),
    ranks (a process per tower), ddp (every process holds the whole net).
    """
    devices: list[str] = field(default_factory=list)
    """split: a device for each tower, such as [cuda:0,cuda:1]; empty takes the first GPUs."""
    replicas: int | None = ranged(None, low=1)
    """ranks, ddp: copies of the net, among which each batch is divided; null: as many as started
    by torchrun or Slurm, else as this machine's GPUs hold, or one on the CPU.
    """
