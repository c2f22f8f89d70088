"""Peak memory of a pass, for metrics.jsonl."""

import sys
from collections.abc import Iterable

import torch


def reset_peak_memory(devices: Iterable[torch.device]) -> None:
    """Start a new pass on these devices; the peak of a process on the CPU cannot be reset."""
    for device in _gpus(devices):
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_bytes(devices: Iterable[torch.device]) -> int | None:
    """The peak number of bytes in use so far.

    Args:
        devices: where the net's parameters are.

    Returns:
        With a GPU among the devices, torch's peak allocation since `reset_peak_memory` on the
        fullest GPU. Otherwise the peak resident memory of this process since it started, or None
        if the operating system does not report it.
    """
    gpus = _gpus(devices)
    if gpus:
        return max(torch.cuda.max_memory_allocated(device) for device in gpus)
    return peak_resident_bytes()


def _gpus(devices: Iterable[torch.device]) -> list[torch.device]:
    """The CUDA devices among these."""
    return [device for device in devices if device.type == "cuda"]


def peak_resident_bytes() -> int | None:
    """The peak resident memory of this process since it started; None where it is not reported."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts KiB
