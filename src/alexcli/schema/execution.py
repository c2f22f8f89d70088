"""Keys of the groups `placement`, `trainer`, `logger` and `launcher`: how a run is carried out."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import ranged

PlacementKind = StrEnum("PlacementKind", ["single", "split", "distributed", "ddp"])
"""How towers are laid out over devices and processes."""


@dataclass
class PlacementSpec:
    """Where the towers live; not part of a run's fingerprint."""

    kind: PlacementKind = PlacementKind.single
    """single (all towers on one device), split (one process, a device per tower: section 3.5),
    distributed (a process per tower), ddp (every process holds the whole net).
    """
    devices: list[str] = field(default_factory=list)
    """For split: a device for each tower, such as [cuda:0,cuda:1]; empty takes the first GPUs."""
    replicas: int | None = ranged(None, low=1)
    """For distributed and ddp: number of copies of the net, which share each batch. null takes as
    many as torchrun or Slurm has started processes for; otherwise as many as this machine's GPUs
    hold, or one on the CPU.
    """


Accelerator = StrEnum("Accelerator", ["auto", "cpu", "gpu"])
"""Kind of device."""

Precision = StrEnum("Precision", ["auto", "float32", "bf16"])
"""Arithmetic of the step."""


@dataclass
class TrainerSpec:
    """How the run is carried out. Only the resolved precision changes its result beyond rounding,
    and only `stop_at_train_error` changes its length.
    """

    accelerator: Accelerator = Accelerator.auto
    """auto (a GPU if there is one), cpu or gpu. The first GPU that CUDA_VISIBLE_DEVICES shows is
    used: CUDA_VISIBLE_DEVICES=1 chooses the second.
    """
    precision: Precision = Precision.auto
    """float32; bf16 (matrix products and convolutions in bfloat16); auto (bf16 where the hardware
    supports it: AMX or AVX512-BF16, Ampere and newer; else float32).
    """
    compile: str = "auto"
    """auto, true or false: whether torch.compile fuses the operations between the products. auto
    does so on a GPU, in a run of a thousand updates or more.
    """
    threads: int | None = ranged(None, low=1)
    """CPU threads; null takes all."""
    train_eval: bool = False
    """Also evaluate on the training set after each epoch, without dropout and noise (Figure 1)."""
    stop_at_train_error: float | None = ranged(None, low=0, high=1)
    """End the run when the train_eval top-1 error is at or below this (Figure 1: 0.25)."""


@dataclass
class LoggerSpec:
    """Loggers besides metrics.jsonl and train.log, which are always written.

    The first four keys are named after loggers; several may be true.
    """

    csv: bool = False
    """Write RUN/metrics.csv: the lines of metrics.jsonl as a table."""
    tensorboard: bool = False
    """Write RUN/tensorboard, for `tensorboard --logdir runs`."""
    mlflow: bool = False
    """Record to MLflow, in a file beside the runs or on a server (`uri`)."""
    wandb: bool = False
    """Record to Weights & Biases."""
    offline: bool = True
    """For wandb: write to the run directory and send nothing (`wandb sync` sends it later)."""
    project: str = "alexcli"
    """For wandb and mlflow: name of the project, which MLflow calls an experiment."""
    entity: str | None = None
    """For wandb: user or team; null takes your default."""
    uri: str | None = None
    """For mlflow: a server, such as http://localhost:5000, or a database; null takes
    $MLFLOW_TRACKING_URI, else sqlite:///RUNS/mlflow.db.
    """


@dataclass
class LauncherSpec:
    """The jobs of `alexcli ablate --launch slurm`."""

    executor: str = "slurm"
    """Executor of submitit: slurm, or local (processes of this machine)."""
    folder: str = "runs/.jobs"
    """Folder for scripts and logs of the jobs; every node must be able to read it."""
    partition: str | None = None
    """Slurm partition; null takes the cluster's default."""
    gpus: int = ranged(1, low=0)
    """GPUs per job."""
    cpus: int = ranged(8, low=1)
    """CPU cores per job."""
    minutes: int = ranged(24 * 60, low=1)
    """Time limit of a job; a job whose time is up saves, is queued again and resumes."""
