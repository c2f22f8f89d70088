"""What `auto` means on this machine: device, precision, compilation."""

import torch

from alexcli.errors import UsageError
from alexcli.schema import Accelerator, PlacementKind, Precision, TrainSpec

MIN_COMPILED_UPDATES = 1000
"""Updates from which on half a minute of compiling pays off."""
AMPERE = (8, 0)
"""Compute capability of the first GPUs with bfloat16 products."""
COMPILE_WORDS = {"auto": "auto", "true": "true", "on": "true", "false": "false", "off": "false"}
"""The values of `trainer.compile`; a bare false in yaml arrives as "False"."""


def resolve_device(spec: TrainSpec) -> torch.device:
    """The device that `trainer.accelerator` names on this machine.

    Raises:
        UsageError: a GPU is named, but there is none.
    """
    accelerator = spec.trainer.accelerator
    available = torch.cuda.is_available()
    if accelerator is Accelerator.gpu and not available:
        raise UsageError(
            "trainer.accelerator=gpu, but torch finds no CUDA device",
            hint="trainer.accelerator=cpu",
        )
    use_gpu = available and accelerator is not Accelerator.cpu
    return torch.device("cuda" if use_gpu else "cpu")


def resolve_precision(spec: TrainSpec) -> Precision:
    """The arithmetic that `trainer.precision` names: auto is bf16 if the hardware has it."""
    precision = spec.trainer.precision
    if precision is not Precision.auto:
        return precision
    if resolve_device(spec).type == "cuda":
        has_bf16 = torch.cuda.get_device_capability() >= AMPERE
    else:
        has_bf16 = _cpu_has_bf16()
    return Precision.bf16 if has_bf16 else Precision.float32


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16 (AMX or AVX512-BF16).

    torch has no public function for this; if a version lacks the private ones, the answer is no.
    """
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    probes = [getattr(torch.cpu, name, None) for name in names]
    return any(probe() for probe in probes if probe is not None)


def uses_bf16(spec: TrainSpec) -> bool:
    """Whether products run in bfloat16 on this machine."""
    return resolve_precision(spec) is Precision.bf16


def resolve_compile(spec: TrainSpec, updates: int) -> str:
    """`compiled`, or the reason why a run of so many updates is not compiled.

    Raises:
        UsageError: `trainer.compile` is not one of auto, true, false.
    """
    compile_ = COMPILE_WORDS.get(spec.trainer.compile.lower())
    if compile_ is None:
        raise UsageError(
            f"trainer.compile={spec.trainer.compile} is not one of auto, true, false",
            hint="trainer.compile=auto",
        )
    if spec.placement.kind is not PlacementKind.single:
        return "not compiled (placement is not single)"
    # On a CPU, inductor's norms and pools over channels-last images were slower than eager ones.
    pays_off = resolve_device(spec).type == "cuda" and updates >= MIN_COMPILED_UPDATES
    if compile_ == "false" or (compile_ == "auto" and not pays_off):
        return "not compiled"
    return "compiled" if has_compiler() else "not compiled (there is no C++ compiler)"


def has_compiler() -> bool:
    """Whether inductor finds a C++ compiler; True if torch has no function that tells."""
    from torch._inductor import cpp_builder  # takes seconds

    find_compiler = getattr(cpp_builder, "get_cpp_compiler", None)
    if find_compiler is None:
        return True
    try:
        find_compiler()
    except RuntimeError:
        return False
    return True
