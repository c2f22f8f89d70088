"""The typed configuration: every key that an experiment may set, with its unit, range and source.

A docstring that cites a section ("section 3.3") means the paper of 2012; "2012 code" means the
source that its authors released: the net #145 and its parameter files. The dataclasses are not
frozen, because OmegaConf merges values into them.
"""

from alexcli.schema.ablation import ArmSpec, MechanismSpec, Metric, StudySpec
from alexcli.schema.analysis import AnalyzeSpec, Classifier, LayerPoint, RangeTestSpec, TrafficSpec
from alexcli.schema.augment import AugmentSpec, Crop, Mean, MeanCrop, PcaScale, PcaSpec
from alexcli.schema.claims import ClaimSpec, EvidenceSpec, LedgerSpec, Place
from alexcli.schema.data import DataSpec, Kernel, OnError, Resize, SceneSpec, Source, Split
from alexcli.schema.eval import EvalSpec
from alexcli.schema.execution import (
    Accelerator,
    LauncherSpec,
    LoggerSpec,
    PlacementKind,
    PlacementSpec,
    Precision,
    TrainerSpec,
)
from alexcli.schema.model import (
    Activation,
    DropoutKind,
    DropoutSpec,
    Init,
    InputSpec,
    Kind,
    LayerSpec,
    LrnConvention,
    LrnImpl,
    LrnSpec,
    ModelSpec,
    Norm,
    Op,
    PoolKind,
    PoolSpec,
    Reads,
    Rounding,
    SpatialLrnSpec,
    TailImpl,
    TowersImpl,
)
from alexcli.schema.optim import (
    GroupSpec,
    OptimKind,
    OptimSpec,
    PlateauSpec,
    Schedule,
    ScheduleSpec,
    ScheduleUnit,
)
from alexcli.schema.prepare import Encoding, PrepareSpec
from alexcli.schema.train import InitSpec, TrainSpec

__all__ = [
    "Accelerator",
    "Activation",
    "AnalyzeSpec",
    "ArmSpec",
    "AugmentSpec",
    "ClaimSpec",
    "Classifier",
    "Crop",
    "DataSpec",
    "DropoutKind",
    "DropoutSpec",
    "Encoding",
    "EvalSpec",
    "EvidenceSpec",
    "GroupSpec",
    "Init",
    "InitSpec",
    "InputSpec",
    "Kernel",
    "Kind",
    "LauncherSpec",
    "LayerPoint",
    "LayerSpec",
    "LedgerSpec",
    "LoggerSpec",
    "LrnConvention",
    "LrnImpl",
    "LrnSpec",
    "Mean",
    "MeanCrop",
    "MechanismSpec",
    "Metric",
    "ModelSpec",
    "Norm",
    "OnError",
    "Op",
    "OptimKind",
    "OptimSpec",
    "PcaScale",
    "PcaSpec",
    "Place",
    "PlacementKind",
    "PlacementSpec",
    "PlateauSpec",
    "PoolKind",
    "PoolSpec",
    "Precision",
    "PrepareSpec",
    "RangeTestSpec",
    "Reads",
    "Resize",
    "Rounding",
    "SceneSpec",
    "Schedule",
    "ScheduleSpec",
    "ScheduleUnit",
    "Source",
    "SpatialLrnSpec",
    "Split",
    "StudySpec",
    "TailImpl",
    "TowersImpl",
    "TrafficSpec",
    "TrainSpec",
    "TrainerSpec",
]
