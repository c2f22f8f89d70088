"""Figure 3: the first layer's kernels, tower by tower, and how selective each tower is."""

import numpy as np
import numpy.typing as npt

from alexcli.analysis import Subject, sheet, worded
from alexcli.errors import UsageError
from alexcli.model.towers import find_layer
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec, Kind

FIELD = 32  # side to which a kernel is padded with zeros before its spectrum is taken
SHUFFLES = 9999
Floats = npt.NDArray[np.float64]


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Show the kernels and measure each tower's selectivity for colour, orientation, frequency.

    Args:
        spec: `layer`; null for the first, the only one whose kernels are pictures.
        subject: the net.

    Raises:
        UsageError: no such layer, or one whose kernels are no pictures.
    """
    net, first = subject.net, subject.net.shapes[0]
    shape = find_layer(net, spec.layer or first.name)
    if shape is not first or shape.spec.kind is not Kind.conv:
        other = "fully connected" if shape.spec.kind is Kind.fc else "no convolution of the picture"
        hint = f"layer={first.name}" if first.spec.kind is Kind.conv else "--run another run"
        raise UsageError.of(
            "analyze.kernels_no_pictures", shape=shape, of=subject, is_=other, hint=hint
        )
    towers = [net.layer(t, shape.name).weight.detach().cpu().double().numpy() for t in net.mine]
    measured = [measure(kernels) for kernels in towers]
    samples = {name: [one[name] for one in measured] for name in measured[0]}
    rows = [
        [name, *(float(np.median(sample)) for sample in found), chance(found)]
        for name, found in samples.items()
    ]
    every = [
        [tower, kernel, name, float(value)]
        for tower, one in enumerate(measured)
        for name, values in one.items()
        for kernel, value in enumerate(values)
    ]
    # One scale for all kernels, as the 2012 shownet.py has it: the strong ones stand out.
    low, high = min(k.min() for k in towers), max(k.max() for k in towers)
    panels = []
    for tower, kernels in enumerate(towers):
        scaled = ((kernels - low) / (high - low)).transpose(0, 2, 3, 1)
        tiles = sheet(scaled, 16 if len(kernels) >= 32 else 8)  # Figure 3: sixteen
        panels.append(Panel("tiles", f"tower {tower}: {len(kernels)} kernels", tiles))
    heads = [*(f"tower {t}" for t in net.mine), "p"]
    known = {"subject": subject, "shape": shape, "low": low, "high": high, "shuffles": SHUFFLES}
    return worded("filters", [rows, every], known, panels, columns=heads)


def measure(kernels: Floats) -> dict[str, Floats]:
    """Selectivity of each kernel, (n,), from kernels (n, C, k, k).

    colour: energy off the gray axis over energy on it (not of gray nets); orientation: 0 for a
    spectrum alike in all directions, 1 for one direction; frequency: 1 less the spectrum's spread
    over that of white noise, so 0 for noise, 1 for one frequency; and its mean, cycles per pixel.
    """
    found, gray = {}, kernels.mean(1)
    if kernels.shape[1] == 3:
        achromatic = 3 * (gray**2).sum((1, 2))
        found["colour"] = (kernels**2).sum((1, 2, 3)) / achromatic.clip(1e-12) - 1
    gray = gray - gray.mean((1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(gray, s=(FIELD, FIELD))) ** 2
    share = power / power.sum((1, 2), keepdims=True).clip(1e-300)
    u, v = np.meshgrid(np.fft.fftfreq(FIELD), np.fft.fftfreq(FIELD))
    radius = np.hypot(u, v)
    # Directions half a turn apart are the same orientation.
    found["orientation"] = np.abs((share * np.exp(2j * np.arctan2(v, u))).sum((1, 2)))
    mean = (share * radius).sum((1, 2))
    variance = (share * (radius - mean[:, None, None]) ** 2).sum((1, 2))
    found["frequency"] = 1 - np.sqrt(variance) / radius.std()
    found["cycles per pixel"] = mean
    return found


def chance(samples: list[Floats]) -> float | None:
    """How often the towers' medians lie so far apart if kernels are dealt to them by chance."""
    from scipy.stats import permutation_test

    if len(samples) < 2:
        return None

    def apart(*parts: Floats, axis: int) -> Floats:
        return np.asarray(np.ptp([np.median(part, axis=axis) for part in parts], axis=0))

    found = permutation_test(
        samples, apart, n_resamples=SHUFFLES, alternative="greater", random_state=0
    )
    return float(found.pvalue)
