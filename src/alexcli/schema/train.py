"""Keys of `placement`, `trainer`, `logger` and `launcher`; the whole configuration of a run."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.data import AugmentSpec, DataSpec, EvalSpec
from alexcli.schema.model import ModelSpec
from alexcli.schema.optim import OptimSpec
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


Accelerator = StrEnum("Accelerator", ["auto", "cpu", "gpu"])
"""Kind of device."""

Precision = StrEnum("Precision", ["auto", "float32", "bf16"])
"""Arithmetic of the step."""


@dataclass
class TrainerSpec:
    """How the run is carried out; only the resolved precision changes its result beyond
    rounding."""

    accelerator: Accelerator = Accelerator.auto
    """auto (a GPU where there is one), cpu or gpu."""
    precision: Precision = Precision.auto
    """bf16 runs products in bfloat16; auto does where the hardware has it (AMX or AVX512-BF16,
    Ampere and newer) and is float32 elsewhere.
    """
    compile: str = "auto"
    """auto, true or false: whether torch.compile fuses what lies between the products. auto does so
    on a GPU, in a run of a thousand updates or more.
    """
    threads: int | None = ranged(None, low=1)
    """CPU threads; null for all."""
    train_eval: bool = False
    """Also pass over the training set, clean of dropout and noise, after each epoch (Figure 1)."""
    stop_at_train_error: float | None = ranged(None, low=0, high=1)
    """End the run when the train_eval top-1 error is at or below this (Figure 1: 0.25)."""


LoggerKind = StrEnum("LoggerKind", ["none", "wandb"])
"""An additional logger; metrics.jsonl and train.log are always written."""


@dataclass
class LoggerSpec:
    """An additional logger."""

    kind: LoggerKind = LoggerKind.none
    """none or wandb."""
    offline: bool = True
    """wandb: write to the run directory, send nothing (`wandb sync` sends it later)."""
    project: str = "alexcli"
    """wandb: project."""
    entity: str | None = None
    """wandb: user or team; null for your default."""


@dataclass
class LauncherSpec:
    """Slurm, for `ablate --launch slurm`."""

    executor: str = "slurm"
    """submitit's: slurm, or local (processes of this machine)."""
    folder: str = "runs/.jobs"
    """Scripts and logs of the jobs; every node must see it."""
    partition: str | None = None
    """Slurm partition; null for the cluster's own."""
    gpus: int = ranged(1, low=0)
    """GPUs of a job."""
    cpus: int = ranged(8, low=1)
    """CPU cores of a job."""
    minutes: int = ranged(24 * 60, low=1)
    """Time limit of a job; one that is stopped resumes with the same command."""


@dataclass
class InitSpec:
    """What `init_from` gives."""

    layers: list[str] | None = None
    """Shell patterns over layers, e.g. [conv*]; null: every layer whose shapes match."""


@dataclass
class TrainSpec:
    """Everything that `alexcli train` needs to know."""

    seed: int = ranged(0, low=0, high=2**31 - 1)
    """Seed of weights, order, crops, noise and dropout."""
    label: str | None = None
    """Folder of the run under `runs`; null joins the names of model and data."""
    runs: str = "runs"
    """Folder that holds all runs."""
    init_from: str | None = None
    """A run or checkpoint whose weights the net starts from, layer by layer; momentum is zero."""
    init: InitSpec = field(default_factory=InitSpec)
    """Which of its layers."""
    model: ModelSpec = field(default_factory=ModelSpec)
    """The net."""
    data: DataSpec = field(default_factory=DataSpec)
    """The pictures."""
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    """From stored picture to net input."""
    optim: OptimSpec = field(default_factory=OptimSpec)
    """The learning rule."""
    eval: EvalSpec = field(default_factory=EvalSpec)
    """Evaluation."""
    placement: PlacementSpec = field(default_factory=PlacementSpec)
    """Where the towers live."""
    trainer: TrainerSpec = field(default_factory=TrainerSpec)
    """Execution."""
    logger: LoggerSpec = field(default_factory=LoggerSpec)
    """Additional logger."""
    launcher: LauncherSpec = field(default_factory=LauncherSpec)
    """Where `alexcli ablate --launch slurm` sends its trainings."""


LINKS = {"pcie2": 8.0, "nvlink": 450.0, "eth100": 12.5}


@dataclass
class TrafficSpec:
    """What `alexcli analyze traffic` compares."""

    batches: list[int] = field(default_factory=lambda: [128, 8192])
    """Pictures of a global batch: section 5's, and one that 4,096 devices can share."""
    devices: list[int] = field(default_factory=lambda: [2, 4, 8, 64, 512, 4096])
    """Numbers of devices, for the placements that take any."""
    links: dict[str, float] = field(default_factory=LINKS.copy)
    """Name of a link -> GB/s each way. The defaults are specifications: PCIe 2.0 x16 as in 2012,
    NVLink 4 of an H100 (900 GB/s over both directions), 100 Gb Ethernet; 70 to 90% is usual.
    """


@dataclass
class AnalyzeSpec:
    """What an analysis needs to know besides a run."""

    model: ModelSpec = field(default_factory=ModelSpec)
    """The net, for an analysis without a run."""
    traffic: TrafficSpec = field(default_factory=TrafficSpec)
    """What `traffic` compares."""
    batch: int = ranged(128, low=1)
    """params: pictures of a batch (section 5: 128)."""
    layer: str | None = None
    """filters, maps, neighbors, codes: which layer; null for the one of the paper's figure."""
    pictures: str | None = None
    """predictions, neighbors, saliency, maps: a picture, or a folder of them; null for held-out
    ones of the run's own data.
    """
    count: int = ranged(8, low=1)
    """predictions, neighbors, saliency, maps, init: pictures to look at."""
    nearest: int = ranged(6, low=1)
    """neighbors, codes: neighbours of a picture (Figure 4: 6)."""
    bits: list[int] = field(default_factory=lambda: [8, 16, 32, 64, 128])
    """codes: lengths of the binary codes."""
    sample: int = ranged(20_000, low=2)
    """codes: training pictures at most, for the auto-encoder and to search among."""
    split: str = "val"
    """curves: train, train_eval or val."""
    against: str = "epoch"
    """curves: epoch, step or time."""
    threshold: float = ranged(0.25, above=0, below=1)
    """curves: the error whose crossing is timed (Figure 1: 0.25)."""
