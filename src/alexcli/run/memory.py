"""Checking, before a run starts, that the memory that it certainly needs is available.

Only the least that a run needs is counted: a configuration that fits is never refused, and one
that nearly fits may still fail. Does not import torch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from alexcli.errors import UsageError, plural
from alexcli.model.shapes import trace
from alexcli.placement.environment import distributed_env
from alexcli.run.machine import available_bytes
from alexcli.schema import ModelSpec, OptimKind, PlacementKind, Source, TrainSpec

GIB = 1 << 30
FLOAT_BYTES = 4
BFLOAT16_BYTES = 2
LABEL_BYTES = 8
CHANNELS = 3
LEAST_COUNT = 10
"""Smallest `data.train_count` that is proposed."""
HALVINGS = 40
"""Bisection steps in the search for the largest width that fits: a precision of 10^-12."""


def check_images(spec: TrainSpec) -> None:
    """Check that the embedded images, which are held in memory, fit there.

    Raises:
        UsageError: they do not fit; names the memory needed and available, and a count that fits.
    """
    available = available_bytes()
    if spec.data.source is not Source.synthetic or available is None:
        return
    data = spec.data
    image = CHANNELS * data.size**2 + LABEL_BYTES
    test = data.test_count * (image if spec.eval.test_at_end else LABEL_BYTES)
    others = data.val_count * image + test
    needed = data.train_count * image + others
    if needed <= available:
        return
    fitting = _rounded((available - others) // image)
    hint = "lower data.train_count, data.val_count, data.test_count or data.size"
    if fitting >= LEAST_COUNT:
        hint = f"data.train_count={fitting} fits"
    images = f"{data.train_count:,} + {data.val_count:,} images of {data.size:,} pixels"
    raise _too_large(f"{images} (and {data.test_count:,} to test)", needed, available, hint)


@dataclass(frozen=True)
class TrainingMemory:
    """The least memory that a training needs on the device in question, bytes."""

    parameters: int
    """Weights, gradients and the state of the update rule."""
    image: int
    """Bytes of an image in a batch: stored, as the net reads it, and every layer's outputs."""
    batch: int
    """Images at a time."""

    @property
    def total(self) -> int:
        """The sum for weights and batch."""
        return self.parameters + self.batch * self.image


def check_training(
    spec: TrainSpec,
    images: int,
    *,
    bf16: bool,
    gpu_bytes: int | None,
    batch_option: str = "optim.batch_size=",
) -> None:
    """Check that weights, gradients, momentum and the outputs of a batch fit in memory.

    Args:
        spec: the configuration, fitted to the data.
        images: of the training set, which no batch exceeds.
        bf16: whether products run in bfloat16.
        gpu_bytes: memory of the GPU; None for a training on the CPU.
        batch_option: the option that sets the batch size, up to its value.

    Raises:
        UsageError: they do not fit; names the memory needed and available, and what fits.
    """
    available = available_bytes() if gpu_bytes is None else gpu_bytes
    if available is None:
        return
    on_gpu = gpu_bytes is not None
    memory = training_memory(spec, images, bf16=bf16, on_gpu=on_gpu)
    if memory.total <= available:
        return
    model = "" if spec.model.torchvision else f", model.width={spec.model.width:g}"
    content = (
        f"{spec.model.name} with batches of {plural(memory.batch, 'image')} of "
        f"{spec.data.size:,} pixels{model}: weights, gradients, momentum and activations"
    )

    def fits(width: float) -> bool:
        narrower = replace(spec, model=replace(spec.model, width=width))
        return training_memory(narrower, images, bf16=bf16, on_gpu=on_gpu).total <= available

    device = "this GPU" if on_gpu else "this machine"
    hint = _hint(spec, memory, available, fits, batch_option)
    raise _too_large(content, memory.total, available, hint, device)


def _hint(
    spec: TrainSpec,
    memory: TrainingMemory,
    available: int,
    fits: Callable[[float], bool],
    batch_option: str,
) -> str:
    """What would fit: a smaller batch or, if the weights alone do not fit, a narrower net."""
    batch = _rounded((available - memory.parameters) // memory.image)
    if batch >= 1:
        return f"{batch_option}{batch} fits"
    if spec.model.torchvision is None:
        low, high = 0.0, spec.model.width
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        width = float(f"{low * 0.95:.2g}")  # which may round up by a twentieth at most
        if width > 0 and fits(width):
            return f"model.width={width:g} fits"
    return "lower model.width, model.input.size, data.size or optim.batch_size"


def training_memory(spec: TrainSpec, images: int, *, bf16: bool, on_gpu: bool) -> TrainingMemory:
    """The least memory of a training, in one process or on one of several GPUs.

    Args:
        spec: the configuration, fitted to the data.
        images: of the training set.
        bf16: whether products run in bfloat16.
        on_gpu: whether each device of a placement has memory of its own.
    """
    share = _share(spec, on_gpu=on_gpu)
    parameters, outputs = _sizes(spec.model)
    if _has_frozen_layers(spec):
        outputs = 0  # those of frozen layers are freed on the way
    output_bytes = BFLOAT16_BYTES if bf16 else FLOAT_BYTES
    crop = FLOAT_BYTES * spec.model.input.channels * spec.model.input.size**2
    stored = CHANNELS * spec.data.size**2
    return TrainingMemory(
        parameters=int(share * FLOAT_BYTES * _copies(spec) * parameters),
        image=max(1, int(share * (stored + crop + output_bytes * outputs))),
        batch=min(spec.optim.batch_size, images),
    )


def check_evaluation(
    spec: TrainSpec, images: int, *, local_towers: int, bf16: bool, on_gpu: bool
) -> None:
    """Check that the weights and a forward pass of an evaluation fit in this machine's memory.

    A pass on a GPU is not checked: one that is too large for it is halved.

    Args:
        spec: the configuration, fitted to the data.
        images: of the split; 1 if it is not known yet.
        local_towers: towers of the net that this process holds.
        bf16: whether products run in bfloat16.
        on_gpu: whether passes are made on a GPU.

    Raises:
        UsageError: they do not fit; names the memory needed and available, and what fits.
    """
    available = available_bytes()
    if available is None:
        return
    share = local_towers / spec.model.towers
    weights = int(share * FLOAT_BYTES * _sizes(spec.model)[0])
    count = 0 if on_gpu else min(spec.eval.batch_size, images)
    inputs = min(spec.eval.max_batch, count)
    input_bytes = _forward_bytes(spec.model, share, bf16=bf16)
    stored = count * CHANNELS * spec.data.size**2
    needed = weights + stored + inputs * input_bytes
    if needed <= available:
        return
    fitting = _rounded((available - weights - stored) // input_bytes)
    if weights > available:
        hint = "use a machine with more memory; no key makes a trained net smaller"
    elif fitting >= 1:
        hint = f"eval.max_batch={fitting} fits"
    else:
        hint = "lower eval.batch_size and eval.max_batch"
    content = f"the weights of {spec.model.name} alone"
    if inputs:
        content = f"the weights of {spec.model.name} and a pass of {plural(inputs, 'input')}"
    raise _too_large(content, needed, available, hint)


def _forward_bytes(model: ModelSpec, share: float, *, bf16: bool) -> int:
    """The least memory of one input in a pass: itself, and the largest output of a layer."""
    largest = 0
    if model.torchvision is None:
        largest = max(shape.neurons for shape in trace(model))
    output_bytes = BFLOAT16_BYTES if bf16 else FLOAT_BYTES
    crop = FLOAT_BYTES * model.input.channels * model.input.size**2
    return crop + int(share * output_bytes * largest)


def _copies(spec: TrainSpec) -> int:
    """Numbers stored per parameter: itself, its gradient, and the state of the update rule."""
    if _has_frozen_layers(spec):
        return 1
    if spec.optim.kind is OptimKind.adam:
        return 4  # two moments
    return 3 if spec.optim.momentum > 0 else 2


def _has_frozen_layers(spec: TrainSpec) -> bool:
    """Whether some parameters are frozen, and so need neither gradient nor momentum."""
    return any(group is not None and group.lr.base == 0 for group in spec.optim.groups.values())


def _sizes(model: ModelSpec) -> tuple[int, int]:
    """Numbers of parameters and of product outputs per image; 0 if unknown (torchvision's nets)."""
    if model.torchvision is not None:
        return 0, 0
    shapes = trace(model)
    return sum(shape.params for shape in shapes), sum(shape.neurons for shape in shapes)


def _share(spec: TrainSpec, *, on_gpu: bool) -> float:
    """The least share of a training that must fit in the memory that is checked."""
    environment = distributed_env()
    kind = spec.placement.kind
    if environment is not None:
        local = 1 if on_gpu else environment.local_size
        return local / environment.size
    if not on_gpu or kind is PlacementKind.single:
        return 1.0
    return 1 / (spec.model.towers * (spec.placement.replicas or MOST_GPUS))


MOST_GPUS = 16
"""Largest number of GPUs, if the number of replicas follows from it."""


def _rounded(count: int) -> int:
    """A count with its first two digits, rounded down."""
    if count < 100:
        return max(0, count)
    unit = int(10 ** (len(str(count)) - 2))
    return count // unit * unit


def _too_large(
    content: str, needed: int, available: int, hint: str, place: str = "this machine"
) -> UsageError:
    return UsageError(
        f"{content} take {needed / GIB:,.1f} GiB of memory, and {place} has "
        f"{available / GIB:,.1f} GiB for it",
        hint=hint,
    )
