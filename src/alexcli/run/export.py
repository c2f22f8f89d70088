"""Exporting a trained net as a file for other programs, which is compared with the net.

Legend: N images, S stored side, K classes.
"""

import contextlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from alexcli.data.transforms import Preprocess
from alexcli.errors import RunFailedError, UsageError
from alexcli.files import writing
from alexcli.model.exportable import exportable_copy
from alexcli.records.analysis import Analysis
from alexcli.run.export_formats import FORMATS, ExportedFile, ExportInput, write_file
from alexcli.run.trained import TrainedModel
from alexcli.tables import Table

TOLERANCE = 1e-4
"""Allowed difference of the scores, as a fraction of the largest one: other programs sum in another
order."""
EXAMPLE_BATCH = 2
"""Images of the batch with which a net is traced."""
COMPARED_BATCHES = (1, 3)
"""Images of the batches on which the file is compared: not the example's, to test the dynamic
dimension."""


class NetWithPreprocessing(nn.Module):
    """Preprocessing and net in one module."""

    def __init__(self, preprocess: Preprocess, net: nn.Module) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Class scores, (N, K) float, of stored images, (N, S, S, 3) uint8."""
        return self.net(self.preprocess.export_center_crop(x))  # type: ignore[no-any-return]


def default_path(trained: TrainedModel, format_name: str) -> Path:
    """The default path of an exported net: the model's name, in the working folder."""
    return Path(trained.spec.model.name + FORMATS[format_name].suffix)


def card_path(path: Path) -> Path:
    """The path of an exported file's model card, beside it."""
    return path.with_name(f"{path.name}.md")


def export(
    trained: TrainedModel,
    format_name: str,
    path: Path,
    *,
    decompose_lrn: bool = False,
    preprocessing: bool = False,
    opset: int | None = None,
) -> Analysis:
    """Write a net, and compare the file with it.

    Args:
        trained: the net, on the CPU.
        format_name: a key of FORMATS.
        path: the new file.
        decompose_lrn: whether plain arithmetic replaces ONNX's LRN operator.
        preprocessing: whether the file takes stored uint8 images, (N, S, S, 3), instead of net
            inputs.
        opset: version of ONNX's operators; None for the exporter's own.

    Returns:
        A row, and its data: `{path, format, bytes, difference, opset, operators}`, the last two for
        ONNX only; `difference` is the largest between scores, as a fraction of the largest score.

    Raises:
        UsageError: the path exists, a package is missing, or the format lacks an option.
        RunFailedError: the file does not agree with the net; it is removed.
    """
    export_format = FORMATS[format_name]
    _check_suffix(path, format_name)
    _check_path(path)
    _check_path(card_path(path))
    _check_packages(format_name)
    _check_options(
        format_name, decompose_lrn=decompose_lrn, preprocessing=preprocessing, opset=opset
    )
    net = exportable_copy(trained.net, operator=export_format.lrn_operator and not decompose_lrn)
    module = NetWithPreprocessing(trained.preprocess, net) if preprocessing else net
    export_input = ExportInput(
        trained, module.eval(), _inputs(trained, EXAMPLE_BATCH, preprocessing), opset
    )
    # Formats read the suffix and store the name: the same net must give the same file.
    temporary = path.with_name(f".{path.name}.tmp{export_format.suffix}")
    try:
        with writing(path, hint="--out PATH"):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()  # not every format's own error says that it cannot write
            exported = write_file(export_format, export_input, temporary)
            difference = max(
                _difference(trained, exported.run, count, preprocessing)
                for count in COMPARED_BATCHES
            )
            _check_difference(difference, path, hint=export_format.retry_hint)
            temporary.rename(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return _analysis(path, format_name, exported, difference)


def _check_suffix(path: Path, format_name: str) -> None:
    """Raise UsageError for the suffix of another format, by which programs know a file."""
    others = {
        export_format.suffix: name for name, export_format in FORMATS.items() if name != format_name
    }
    suffix = FORMATS[format_name].suffix
    if path.suffix != suffix and path.suffix in others:
        raise UsageError(
            f"--out {path} has the suffix of --format {others[path.suffix]}, and the format is "
            f"{format_name}",
            hint=f"--out {path.with_suffix(suffix)}",
        )


def _check_path(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already", hint="remove it, or choose another: --out PATH")


def _check_packages(format_name: str) -> None:
    packages = FORMATS[format_name].packages
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--format {format_name} needs {', '.join(missing)}, not installed here",
            hint="pip install 'alexcli[export]'",
        )


def _check_options(format_name: str, **options: object) -> None:
    for name, value in options.items():
        if value and name not in FORMATS[format_name].options:
            raise UsageError(
                f"--format {format_name} has no --{name.replace('_', '-')}",
                hint="that is for --format onnx",
            )


def _check_difference(difference: float, path: Path, *, hint: str | None) -> None:
    """Raise RunFailedError unless the file agrees with the net; NaN counts as a disagreement."""
    if not difference <= TOLERANCE:
        raise RunFailedError(
            f"{path.name} differs from the net by {difference:.2g} of the largest score, more than "
            f"{TOLERANCE:g}; it was not kept",
            hint=hint,
        )


def _inputs(trained: TrainedModel, count: int, preprocessing: bool) -> Tensor:
    """Random stored images, or the net inputs made from them.

    Args:
        trained: the net.
        count: number of images, and the seed.
        preprocessing: whether the file takes stored images.
    """
    size = trained.spec.data.size
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=generator)
    return images if preprocessing else trained.preprocess.crop(images).contiguous()


@torch.inference_mode()
def _difference(
    trained: TrainedModel, run_file: Callable[[Tensor], Tensor], count: int, preprocessing: bool
) -> float:
    """Largest difference of a file's scores from the net's, as a fraction of the largest score."""
    expected = trained.net(_inputs(trained, count, preprocessing=False))
    scores = run_file(_inputs(trained, count, preprocessing))
    return float((scores - expected).abs().max() / expected.abs().max())


def _analysis(path: Path, format_name: str, exported: ExportedFile, difference: float) -> Analysis:
    """The result that is shown for the new file."""
    size = path.stat().st_size
    row = {
        "file": str(path),
        "bytes": size,
        "opset": exported.opset,
        "difference": f"{difference:.1e}",
    }
    note = "difference: from the net, as a part of the largest score, after reading the file back"
    if exported.operators is not None:
        note += f"; operators: {', '.join(exported.operators)}"
    data = {
        "path": str(path),
        "format": format_name,
        "bytes": size,
        "difference": difference,
        "opset": exported.opset,
        "operators": exported.operators,
    }
    return Analysis("export", [Table.from_records("export", [row], note)], data=data)
