"""alexcli features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alexcli.cli.arguments import split_arguments
from alexcli.cli.options import Runs
from alexcli.errors import UsageError
from alexcli.files import writing
from alexcli.render.progress import make_reporter
from alexcli.run_files import DEFAULT_RUNS

SUFFIXES = (".npz", ".npy", ".csv")


def features(
    arguments: list[str] | None = None,
    *,
    out: Path,
    layer: str | None = None,
    at: Literal["product", "activation", "output"] = "output",
    split: Literal["train", "val", "test"] | None = None,
    run: str | None = None,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Write the outputs of a layer for images, for your own classifiers and searches.

    Each image is resized as the net's own data was, and its centre crop passes through the net. The
    label of an image in a folder is the name of its class folder. A file that is not an image is
    left out and named at the end.

    Args:
        arguments (IMAGE|FOLDER|KEY=VALUE): Images, folders of them, and overrides of data.*,
            eval.* and trainer.*.
        out (FILE): FILE.npz holds features, files, labels, shape and layer; FILE.npy the features,
            with FILE.files.csv beside it; FILE.csv a row for each image.
        layer (NAME): Layer such as conv5 or fc7; default: the last hidden layer.
        at: Where in the layer: product (before the activation), activation (its output), or output
            (of the whole layer, after norm, pooling and dropout's factor).
        split: Use a split of the run's own data instead of images.
        run (RUN_OR_CKPT): Net to use; default: the newest finished run.

    Examples:
        alexcli features DIR --layer fc7 --out features.npz
        alexcli features cat.jpg --layer conv5 --at product --out conv5.npy
        alexcli features --split val --layer fc6 --out val.csv
    """
    names, overrides = split_arguments(arguments or [])
    _check_words(names, split, out)
    _check_net(run, runs, overrides)
    from alexcli.render.feature_files import write_features
    from alexcli.run.features import FeatureExtractor, find_labelled
    from alexcli.run.find import single_checkpoint
    from alexcli.run.predict import check_all_read
    from alexcli.run.trained import load
    from alexcli.schema import LayerPoint

    reporter = make_reporter()
    files = find_labelled([Path(name) for name in names])
    checkpoint = single_checkpoint([] if run is None else [run], runs, reporter=reporter)
    trained = load(checkpoint.run, checkpoint.path, overrides)
    extractor = FeatureExtractor(trained, layer, LayerPoint(at))
    unreadable: list[str] = []
    if split is None:
        batches = extractor.of_files(files, reporter, unreadable)
    else:
        batches = extractor.of_split(split, reporter)
    with writing(f"--out {out}", hint="choose another place"):
        out.parent.mkdir(parents=True, exist_ok=True)
        for path in write_features(batches, out, extractor.layer):
            reporter.note(f"wrote {path}")
    check_all_read(unreadable, len(files))


def _check_net(run: str | None, runs: Path, overrides: Sequence[str]) -> None:
    """UsageError for a run or a key that does not exist, before torch is imported."""
    from alexcli.run.early import check_evaluation
    from alexcli.run.find import single_checkpoint

    check_evaluation([single_checkpoint([] if run is None else [run], runs)], overrides)


def _check_words(names: Sequence[str], split: str | None, out: Path) -> None:
    """UsageError for words that do not fit together, and for paths that do not exist."""
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"the suffix of --out {out} is not one of {', '.join(SUFFIXES)}",
            hint=f"--out {out.parent / (out.stem or 'features')}.npz",
        )
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder", hint=f"--out {out / 'features.npz'}")
    if split is not None and names:
        raise UsageError(
            f"--split {split} uses the run's own data, but {names[0]} is named, too",
            hint="name images, or a split",
        )
    if split is None and not names:
        raise UsageError(
            "no images are named", hint="alexcli features DIR --out FILE, or --split val"
        )
    for name in names:
        if not Path(name).exists():
            raise UsageError(f"{name} does not exist", hint="name image files or folders of them")
