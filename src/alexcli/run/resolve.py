"""What `auto` means on this machine: device, precision, compilation."""

import torch

from alexcli.errors import UsageError
from alexcli.schema import Accelerator, PlacementKind, Precision, TrainSpec

MIN_COMPILED_UPDATES = 1000
"""Updates among which half a minute of compiling is little."""
AMPERE = (8, 0)
"""Compute capability of the first GPUs with bfloat16 products."""
COMPILE_WORDS = {"auto": "auto", "true": "true", "on": "true", "false": "false", "off": "false"}
"""What `trainer.compile` may be; a bare false in yaml arrives as "False"."""


def resolve_device(spec: TrainSpec) -> torch.device:
    """The device that `trainer.accelerator` names on this machine.

    Raises:
        UsageError: a GPU where there is none.
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
    """The arithmetic that `trainer.precision` names: auto is bf16 where the hardware has it."""
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

    torch has no public function that tells; a version without these private ones means no.
    """
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    probes = [getattr(torch.cpu, name, None) for name in names]
    return any(probe() for probe in probes if probe is not None)


def uses_bf16(spec: TrainSpec) -> bool:
    """Whether products run in bfloat16 on this machine."""
    return resolve_precision(spec) is Precision.bf16


def resolve_compile(spec: TrainSpec, updates: int) -> str:
    """`compiled`, or else why a run of so many updates is not.

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
    """Whether inductor finds a C++ compiler; where torch has no such check, compiling is tried."""
    from torch._inductor import cpp_builder  # takes seconds

    find_compiler = getattr(cpp_builder, "get_cpp_compiler", None)
    if find_compiler is None:
        return True
    try:
        find_compiler()
    except RuntimeError:
        return False
    return True
