"""Figure 3: the first layer's kernels, tower by tower, and how selective each tower is.

Legend: n kernels of a tower, C channels, k side of a kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.analysis.subject import Subject
from alexcli.analysis.tiles import tile_rows
from alexcli.errors import UsageError, plural
from alexcli.model.activations import find_layer, with_layers
from alexcli.model.shapes import LayerShape
from alexcli.model.towers import Towers
from alexcli.records.analysis import Analysis, Panel, TilesPanel
from alexcli.schema import AnalyzeSpec, Kind
from alexcli.tables import Table

KEYS = ("layer",)
"""The keys of `AnalyzeSpec` that it reads."""
SPECTRUM_SIZE = 32
"""Side to which a kernel is zero-padded before its spectrum is computed."""
SHUFFLES = 9999
"""Shuffles of the permutation test."""
ACROSS = 16
"""Kernels in a row, as in Figure 3."""
ACROSS_FEW = 8
"""Kernels in a row if a tower has few."""
MANY = 32
"""From this number on, a tower's kernels are not few."""

LEAST_SHARE = 1e-12
"""Share of a kernel's energy below which a part of it is the rounding of float32."""

Floats = npt.NDArray[np.float64]


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Show the kernels, and measure how selective they are for colour, orientation, frequency.

    Args:
        spec: `layer`; null for the first, the only one whose kernels can be shown as images.
        subject: the net.

    Raises:
        UsageError: there is no such layer, or its kernels cannot be shown as images.
    """
    layer = image_kernels(subject, spec.layer)
    measures = [measure(kernels) for kernels in layer.towers]
    side = layer.towers[0].shape[-1]
    return Analysis(
        title=f"Figure 3: kernels of {layer.name}, {subject.name}",
        tables=[
            _selectivity_table(f"selectivity of {layer.name}, {subject.name}", measures),
            _kernel_table(measures),
        ],
        panels=layer.panels(),
        caption=f"The kernels of {layer.name}, {side} x {side} pixels, of run {subject.name}; all "
        f"on one scale, weights from {layer.low:.3g} (black) to {layer.high:.3g} (white).",
    )


@dataclass(frozen=True)
class ImageKernels:
    """The kernels of a layer that convolves the image."""

    name: str
    """Name of the layer."""
    towers: list[Floats]
    """(n, C, k, k) of each tower."""

    # One scale for all kernels, as in the 2012 shownet.py: the strong ones stand out.
    @property
    def low(self) -> float:
        """The smallest weight of all towers."""
        return float(min(kernels.min() for kernels in self.towers))

    @property
    def high(self) -> float:
        """The largest weight of all towers."""
        return float(max(kernels.max() for kernels in self.towers))

    def panels(self) -> list[Panel]:
        """The kernels of every tower."""
        return [self.panel(tower) for tower in range(len(self.towers))]

    def panel(self, tower: int) -> TilesPanel:
        """The kernels of a tower, black at `low` and white at `high`."""
        kernels = self.towers[tower]
        span = max(self.high - self.low, 1e-30)  # of an empty layer, all kernels are black
        scaled = ((kernels - self.low) / span).transpose(0, 2, 3, 1)
        across = ACROSS if len(kernels) >= MANY else ACROSS_FEW
        return TilesPanel(
            tile_rows(scaled, across), title=f"tower {tower}: {plural(len(kernels), 'kernel')}"
        )


def image_kernels(subject: Subject, layer: str | None) -> ImageKernels:
    """The kernels of a layer that can be shown as images.

    Args:
        subject: the net.
        layer: its name; None for the first.

    Raises:
        UsageError: there is no such layer, or it does not convolve the image.
    """
    net = with_layers(subject.net)
    shape = _image_layer(net, layer, subject.name)
    weights = [net.layer(tower, shape.name).weight for tower in net.local_towers]
    return ImageKernels(shape.name, [weight.detach().cpu().double().numpy() for weight in weights])


def measure(kernels: Floats) -> dict[str, Floats]:
    """Selectivity of each kernel, (n,), by the name of the measure.

    - colour, of RGB kernels: energy off the gray axis over energy on it, from 0;
    - orientation: 0 for a spectrum that is alike in all directions, 1 for a single direction;
    - frequency: 1 minus the spread of the spectrum over that of white noise, so 1 for a single
      frequency, 0 for noise, and negative for frequencies that lie further apart than noise's;
    - cycles per pixel: the mean frequency.

    NaN where there is nothing to measure: no energy at all for colour, none that varies from pixel
    to pixel in the mean over channels for the others.

    Args:
        kernels: (n, C, k, k).
    """
    measures = {}
    gray = kernels.mean(1)
    energy = (kernels**2).sum((1, 2, 3))
    least = LEAST_SHARE * energy
    if kernels.shape[1] == 3:
        achromatic = np.maximum(3 * (gray**2).sum((1, 2)), least)
        chromatic = ((kernels - gray[:, None]) ** 2).sum((1, 2, 3))
        measures["colour"] = chromatic / np.where(energy > 0, achromatic, np.nan)
    gray = gray - gray.mean((1, 2), keepdims=True)
    varies = kernels.shape[1] * (gray**2).sum((1, 2)) > least
    power = np.abs(np.fft.fft2(gray, s=(SPECTRUM_SIZE, SPECTRUM_SIZE))) ** 2
    share = power / np.where(varies, power.sum((1, 2)), np.nan)[:, None, None]
    u, v = np.meshgrid(np.fft.fftfreq(SPECTRUM_SIZE), np.fft.fftfreq(SPECTRUM_SIZE))
    frequency = np.hypot(u, v)
    # Angles are doubled, because directions half a turn apart are the same orientation.
    turns = np.exp(2j * np.arctan2(v, u))
    measures["orientation"] = np.abs((share * turns).sum((1, 2)))
    mean = (share * frequency).sum((1, 2))
    variance = (share * (frequency - mean[:, None, None]) ** 2).sum((1, 2))
    measures["frequency"] = 1 - np.sqrt(variance) / frequency.std()
    measures["cycles per pixel"] = mean
    return measures


def median(values: Floats) -> float | None:
    """The median of the values that are not NaN; None if all are."""
    measured = _measured(values)
    return float(np.median(measured)) if len(measured) else None


def permutation_p(samples: Sequence[Floats]) -> float | None:
    """How often medians differ this much if values are assigned to the samples at random.

    Args:
        samples: of each tower, (n,); NaN are left out.

    Returns:
        A probability; None for a single sample, or if one has fewer than two values.
    """
    from scipy.stats import permutation_test

    measured = [_measured(sample) for sample in samples]
    if len(measured) < 2 or any(len(values) < 2 for values in measured):
        return None

    def range_of_medians(*parts: Floats, axis: int) -> Floats:
        return np.asarray(np.ptp([np.median(part, axis=axis) for part in parts], axis=0))

    test = permutation_test(
        measured, range_of_medians, n_resamples=SHUFFLES, alternative="greater", random_state=0
    )
    return float(test.pvalue)


def _measured(values: Floats) -> Floats:
    """The values that are not NaN."""
    return values[~np.isnan(values)]


def _image_layer(net: Towers, name: str | None, run_name: str) -> LayerShape:
    """The layer to show.

    Args:
        net: the net.
        name: of the layer; None for the first.
        run_name: name of the net in messages.

    Raises:
        UsageError: there is no such layer, or it does not convolve the image.
    """
    first = net.shapes[0]
    shape = find_layer(net, name or first.name)
    if shape is first and shape.spec.kind is Kind.conv:
        return shape
    kind = "not a convolution of the image"
    if shape.spec.kind is Kind.fc:
        kind = "fully connected"
    hint = f"layer={first.name}" if first.spec.kind is Kind.conv else "--run another run"
    raise UsageError(
        f"layer {shape.name} of {run_name} is {kind}: its weights cannot be shown as images",
        hint=hint,
    )


def _selectivity_table(title: str, measures: Sequence[dict[str, Floats]]) -> Table:
    """The median of each measure in each tower, and whether towers differ by chance.

    Args:
        title: of the table.
        measures: of each tower, from `measure`.
    """
    rows = []
    for name in measures[0]:
        samples = [values[name] for values in measures]
        medians = {f"tower {tower}": median(sample) for tower, sample in enumerate(samples)}
        rows.append({"measure": name, **medians, "p": permutation_p(samples)})
    return Table.from_records(
        title,
        rows,
        "medians over kernels, without those that have nothing to measure; colour: chromatic over "
        "achromatic energy; orientation: from 0, alike in all directions, to 1, a single one; "
        "frequency: 1 for a single one, 0 for white noise, below 0 for a wider spectrum; p: how "
        "often the towers' medians would lie so far apart if kernels were dealt to towers by "
        f"chance (permutation test, {SHUFFLES:,} shuffles)",
    )


def _kernel_table(measures: Sequence[dict[str, Floats]]) -> Table:
    """Every measure of every kernel; None where there is nothing to measure."""
    rows: list[dict[str, Any]] = [
        {
            "tower": tower,
            "kernel": kernel,
            "measure": name,
            "value": None if np.isnan(value) else float(value),
        }
        for tower, values_of in enumerate(measures)
        for name, values in values_of.items()
        for kernel, value in enumerate(values)
    ]
    return Table.from_records("", rows, files_only=True)
