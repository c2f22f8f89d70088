"""Everything else that a run, a study or an analysis needs to know, and each as a whole."""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from omegaconf import MISSING

from alexcli.schema.net import ModelSpec, OptimSpec, ranged

Source = StrEnum("Source", ["toy", "cifar10", "imagenette", "folder", "store"])
"""Where pictures come from."""

OnError = StrEnum("OnError", ["fail", "skip"])
"""What a picture that cannot be decoded does: stop the run, or be counted and left out."""

Resize = StrEnum("Resize", ["shorter", "warp"])
"""How a photograph becomes a square: `shorter` side to the size, then the centre (section 2),
or `warp`, which squashes the whole picture (Caffe's way).
"""

Kernel = StrEnum("Kernel", ["bilinear", "bicubic", "lanczos", "box"])
"""Filter of the resizing, antialiased; neither paper nor 2012 code names one."""

Encoding = StrEnum("Encoding", ["raw", "jpeg"])
"""How a store keeps a picture: `raw` bytes, or `jpeg` as the authors' batches did."""


@dataclass
class DataSpec:
    """The pictures."""

    source: Source = MISSING
    """toy (drawn, embedded), cifar10, imagenette, folder (train/CLASS/* and val/CLASS/*), or store,
    which `alexcli data prepare` makes and all but toy take.
    """
    root: str | None = None
    """Folder of the pictures, or URL of a store; not part of a run's fingerprint."""
    size: int = ranged(256, low=1)
    """Side of the square that a picture becomes, pixels (section 2: 256); a store knows it."""
    resize: Resize = Resize.shorter
    """Shorter side to `size` and the centre square, or warp."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    val_labels: str | None = None
    """Labels of a flat folder `val`; null finds the devkit's, Kaggle's or Caffe's list."""
    val: str = "folder"
    """`folder` (the held-out set that the data comes with) or a fraction of the training set, split
    by seed.
    """
    split_seed: int = 0
    """Seed of that split."""
    download: bool = False
    """Whether torchvision may download (cifar10, imagenette)."""
    window: int = ranged(16, low=1)
    """Remote store: chunks whose pictures are mixed; a local one is shuffled whole."""
    on_error: OnError = OnError.fail
    """A picture that cannot be decoded: fail (stop, naming it) or skip (count and report)."""
    workers: int = ranged(0, low=0)
    """Loader processes; the pixels do not depend on it."""
    train_count: int = ranged(5000, low=10)
    """toy: number of training pictures."""
    val_count: int = ranged(1000, low=10)
    """toy: number of validation pictures, and again of test pictures."""
    seed: int = 0
    """toy: seed of the drawing."""


Crop = StrEnum("Crop", ["random", "center", "random_resized"])
"""Which part of the stored picture the net sees in training: a random place (section 4.1), the
centre, or a random size and place (torchvision's RandomResizedCrop, for comparison).
"""

Mean = StrEnum("Mean", ["image", "channel", "none"])
"""What is subtracted: the training set's mean image, its channel means, or nothing."""

MeanCrop = StrEnum("MeanCrop", ["same", "center"])
"""Part of the mean image under a random crop: the `same` place (paper) or the `center` (2012
code).
"""

PcaScale = StrEnum("PcaScale", ["stdev", "eigenvalue"])
"""Length of the colour noise along each component: `stdev` (2012 code), `eigenvalue` (section
4.1, literal).
"""


@dataclass
class PcaSpec:
    """Colour noise along the principal components of RGB, one draw per picture and presentation
    (section 4.1).
    """

    sigma: float = ranged(0.1, low=0)
    """Standard deviation of the random factor (section 4.1: 0.1); 0 turns the noise off."""
    scale: PcaScale = PcaScale.stdev
    """What the factor multiplies. On 0-255 pixels `eigenvalue` means hundreds of grey levels."""
    divide: bool = False
    """Divide the noisy picture by 1 + sigma, as the 2012 code does while the noise is on."""
    last_epoch: int | None = ranged(None, low=0)
    """Last epoch with noise (2012 code #145: 66); null for all."""


@dataclass
class AugmentSpec:
    """From a stored uint8 picture to the net's input (sections 2 and 4.1)."""

    crop: Crop = Crop.random
    """Training crop; validation always takes the centre."""
    mirror: bool = True
    """Horizontal reflection with probability one half, in training."""
    shared: int = ranged(1, low=1)
    """Consecutive pictures that share one crop and reflection (section 4.1: 1; 2012 code: 32)."""
    mean: Mean = Mean.image
    """What is subtracted (section 2: the mean activity of each pixel)."""
    mean_crop: MeanCrop = MeanCrop.same
    """Part of the mean image that a random crop subtracts."""
    pixel_scale: float = ranged(1.0, above=0)
    """Multiplies the centred pixels; 1 keeps the 0-255 scale of paper and code."""
    channel_std: list[float] | None = None
    """Divides each channel, grey levels (torchvision: 255 times its constants); null: nothing."""
    pca: PcaSpec = field(default_factory=PcaSpec)
    """Colour noise."""


@dataclass
class EvalSpec:
    """How a net is evaluated."""

    batch_size: int = ranged(128, low=1)
    """Pictures decoded together; ten-crop makes ten views of each."""
    max_batch: int = ranged(128, low=1)
    """Views per forward pass at most, which bounds the memory; halved where a GPU's runs out."""


@dataclass
class PrepareSpec:
    """What `alexcli data prepare` makes of a source."""

    size: int = ranged(256, low=1)
    """Side of the stored square, pixels (section 2: 256)."""
    resize: Resize = Resize.shorter
    """Shorter side to `size` and the centre square, or warp."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    encoding: Encoding = Encoding.raw
    """raw (fastest; 197 kB a picture of 256 px) or jpeg (about a seventh of that)."""
    quality: int = ranged(95, low=1, high=100)
    """jpeg: Pillow's quality."""
    val_labels: str | None = None
    """Labels of a flat folder `val`; null finds the devkit's, Kaggle's or Caffe's list."""
    root: str | None = None
    """SOURCE given as a name: where torchvision's files are, or go."""
    download: bool = False
    """SOURCE given as a name: whether torchvision may download."""
    on_error: OnError = OnError.fail
    """A picture that cannot be decoded: fail (after reporting all) or skip."""
    processes: int | None = ranged(None, low=1)
    """Processes that decode; null for one a core."""


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


class Metric(Enum):
    """What a study compares, besides validation errors."""

    top1_err = "top1_err"
    top5_err = "top5_err"
    train_err = "train_err"
    """Running top-1 error over the last training epoch, as the 2012 code measured it."""
    epochs = "epochs"
    """Epochs until that error falls to `threshold`; compared as a ratio (Figure 1)."""


@dataclass
class ArmSpec:
    """What an arm changes, and the difference to the baseline that is claimed for it."""

    change: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value; `x0.5` multiplies the baseline's, and [1-4] or * stand for layers."""
    views: int | None = None
    """1 or 10: the baseline's own nets under another protocol; nothing is trained."""
    ensemble: bool = False
    """The baseline's nets of all seeds, averaged; nothing is trained."""
    paper: dict[Metric, Any] = field(default_factory=dict)
    """Arm minus baseline (a fraction), their ratio (epochs), or `higher`, `lower`."""
    notes: dict[Metric, Any] = field(default_factory=dict)
    """The same from the authors' lab notes."""


@dataclass
class StudySpec:
    """A study."""

    claim: str = MISSING
    """Where paper and notes say so, and what a reader of the comparison must know."""
    metric: Metric = Metric.top1_err
    """What the verdict is about."""
    threshold: float = ranged(0.25, above=0, below=1)
    """For `epochs`."""
    needs: dict[str, Any] = field(default_factory=dict)
    """Values that the baseline must have."""
    alternatives: bool = False
    """Whether an arm that is the baseline itself is left out, not refused."""
    baseline: dict[str, Any] = field(default_factory=dict)
    """What the study changes for all its runs."""
    source: dict[str, Any] = field(default_factory=dict)
    """Changes of a run that is trained first and whose weights the arms start from."""
    arms: dict[str, ArmSpec] = field(default_factory=dict)
    """By name."""
