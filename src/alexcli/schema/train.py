"""The whole configuration of a training run."""

from dataclasses import dataclass, field

from alexcli.schema.augment import AugmentSpec
from alexcli.schema.data import DataSpec
from alexcli.schema.eval import EvalSpec
from alexcli.schema.execution import LauncherSpec, LoggerSpec, PlacementSpec, TrainerSpec
from alexcli.schema.model import ModelSpec
from alexcli.schema.optim import OptimSpec
from alexcli.schema.ranges import ranged


@dataclass
class InitSpec:
    """What is copied from the net that `init_from` names."""

    layers: list[str] | None = None
    """Shell patterns over the names of layers, such as [conv*]; null copies every layer whose
    shapes match.
    """


@dataclass
class TrainSpec:
    """Everything that `alexcli train` needs to know."""

    seed: int = ranged(0, low=0, high=2**31 - 1)
    """Seed of the initial weights, the order of images, crops, colour noise and dropout."""
    label: str | None = None
    """Name of the run's folder under `runs`; null joins the names of the model and the data."""
    runs: str = "runs"
    """Folder that holds all runs."""
    init_from: str | None = None
    """A run or a checkpoint whose weights are copied layer by layer; momentum starts at zero. null
    starts from random weights.
    """
    init: InitSpec = field(default_factory=InitSpec)
    """Which layers `init_from` copies."""
    model: ModelSpec = field(default_factory=ModelSpec)
    """The net."""
    data: DataSpec = field(default_factory=DataSpec)
    """The images."""
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    """From a stored image to the net's input."""
    optim: OptimSpec = field(default_factory=OptimSpec)
    """The learning rule."""
    eval: EvalSpec = field(default_factory=EvalSpec)
    """How a net is evaluated."""
    placement: PlacementSpec = field(default_factory=PlacementSpec)
    """The devices and processes that hold the towers."""
    trainer: TrainerSpec = field(default_factory=TrainerSpec)
    """How the run is carried out."""
    logger: LoggerSpec = field(default_factory=LoggerSpec)
    """Loggers besides metrics.jsonl and train.log."""
    launcher: LauncherSpec = field(default_factory=LauncherSpec)
    """Where `alexcli ablate --launch slurm` sends its trainings."""
