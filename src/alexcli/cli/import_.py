"""alexcli import."""

from pathlib import Path
from typing import Literal

from alexcli.cli.arguments import one_of, split_arguments
from alexcli.cli.output import emit, suggest
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter
from alexcli.run_files import DEFAULT_RUNS

SOURCE_NAMES = ("torchvision", "caffe", "onnx", "weights")


def import_(
    source: str,
    arguments: list[str] | None = None,
    *,
    weights: Path | None = None,
    classes: Path | None = None,
    pixels: Literal["caffe", "rgb", "torchvision"] | None = None,
    mean: str | None = None,
    runs: Path = DEFAULT_RUNS,
) -> None:
    """Import weights from elsewhere as a run, for eval, predict and analyze.

    Args:
        source (SOURCE): torchvision (its published alexnet), caffe (a .caffemodel), onnx (an ONNX
            file), or weights (a .pth or .safetensors of any AlexNet, recognised by its shapes, or
            a .safetensors of alexcli export).
        arguments (FILE|KEY=VALUE): The file with the weights, and overrides for what it does not
            say, such as model=caffenet or data.resize=shorter.
        weights (FILE): The file with the weights; default: torchvision's are downloaded.
        classes (FILE): Names of the classes in the order of the outputs, one per line; default:
            those of ILSVRC-2012.
        pixels: Input that the net expects. caffe: BGR from 0 to 255, mean subtracted, the whole
            image squeezed to 256; rgb: the same in RGB; torchvision: RGB from 0 to 1, mean
            subtracted and divided by the standard deviation, shorter side 256.
        mean (FILE|NUMBERS): The mean to subtract: a .binaryproto or .npy file, or three grey levels
            in the order of the channels, such as 104,117,123; default: ImageNet's channel means.
        runs: Directory of all runs.

    Examples:
        alexcli import torchvision && alexcli predict cat.jpg
        alexcli import caffe bvlc_reference_caffenet.caffemodel --mean imagenet_mean.binaryproto
        alexcli import onnx bvlcalexnet-12.onnx
        alexcli import weights alexnet.pth --pixels caffe model=caffenet
        alexcli import weights net.safetensors
    """
    one_of("source", source, SOURCE_NAMES, "alexcli import --help")
    names, overrides = split_arguments(arguments or [])
    files = [*names, *([str(weights)] if weights else [])]
    if len(files) > 1:
        raise UsageError(
            f"one file is imported at a time, not {', '.join(files)}",
            hint=f"alexcli import {source} {files[0]}",
        )
    if files and not Path(files[0]).expanduser().is_file():
        raise UsageError(f"{files[0]} is not a file", hint="name the file with the weights")
    from alexcli.run.import_weights import import_weights
    from alexcli.run.weight_sources import ImportRequest
    from alexcli.weights.pixels import Pixels

    reporter = make_reporter()
    request = ImportRequest(
        file=Path(files[0]) if files else None,
        pixels=None if pixels is None else Pixels(pixels),
        mean=mean,
        overrides=overrides,
    )
    run = import_weights(source, runs, reporter, request, classes=classes)
    emit(f"{run.path}\n")
    suggest(reporter, ["predict", "cat.jpg", "--run", str(run.path)])
