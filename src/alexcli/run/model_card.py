"""Collecting what a run's own records say about an exported net; nothing is measured here."""

from pathlib import Path
from typing import Any

from alexcli import __version__, run_files
from alexcli.data.open import TEST_AS_VAL, VAL_OF_THE_DATA
from alexcli.data.transforms import LUMA
from alexcli.records.model_card import MeasuredErrors, ModelCard, Pixels
from alexcli.run.directory import RunDirectory
from alexcli.run.environment import git_state
from alexcli.run.trained import TrainedModel
from alexcli.schema import DataSpec, Source, Split


def model_card(
    trained: TrainedModel, path: Path, format_name: str, *, preprocessing: bool
) -> ModelCard:
    """Collect what is known about a net.

    Args:
        trained: the net.
        path: the exported file.
        format_name: a key of export_formats.FORMATS.
        preprocessing: whether the file takes stored images.

    Raises:
        UsageError: result.json of the run cannot be read.
    """
    run = RunDirectory(trained.path.parent)
    result = run.result() or {}
    spec = trained.spec
    is_imported = result.get("kind") == "import"
    was_trained = bool(result) and not is_imported
    data = result.get("data") or {}
    row = _row(result, trained.path) if was_trained else None
    return ModelCard(
        file=path.name,
        format=format_name,
        takes_stored_images=preprocessing,
        model=spec.model.name,
        parameters=sum(parameter.numel() for parameter in trained.net.parameters()),
        classes=len(trained.classes),
        run=trained.name,
        source=Path(str(result.get("source"))).name if is_imported else None,
        import_notes=result.get("notes") or [],
        data=None if is_imported else _data_name(spec.data),
        data_fingerprint=data.get("fingerprint"),
        train_images=data.get("train"),
        val=None if is_imported else _val_images(spec.data),
        note=data.get("note"),
        seed=spec.seed,
        epochs=row["epoch"] if row else None,
        errors=_errors(result, row, is_last=trained.path == run.last) if row else [],
        pixels=_pixels(trained),
        trained_by=_program(result.get("on")),
        exported_by=_named(__version__, git_state()),
    )


def _row(result: dict[str, Any], checkpoint: Path) -> dict[str, Any] | None:
    """The validation row of the epoch after which a checkpoint was saved, if it is recorded."""
    rows = {
        run_files.LAST: (result.get("last") or {}).get("val"),
        run_files.BEST: result.get("best"),
    }
    return rows.get(checkpoint.name)


def _errors(result: dict[str, Any], row: dict[str, Any], *, is_last: bool) -> list[MeasuredErrors]:
    """The checkpoint's validation error, and the test error, which only `last` has."""
    count = (result.get("data") or {}).get("val")
    errors = [MeasuredErrors("val", count, row["top1_err"], row.get("top5_err"))]
    test = result.get("test")
    if test and is_last:
        errors.append(MeasuredErrors("test", test["n"], test["top1_err"], test.get("top5_err")))
    return errors


def _data_name(spec: DataSpec) -> str:
    """The kind of data, with the name of its folder but not the folder's path."""
    name = Path(spec.root.rstrip("/")).name if spec.root else ""
    return f"{spec.source.name} ({name})" if name else spec.source.name


def _val_images(spec: DataSpec) -> str:
    """Where the validation images come from, as the end of a sentence."""
    if spec.val == TEST_AS_VAL:
        return "are the test images (data.val=test): the data holds no others out"
    if spec.val == VAL_OF_THE_DATA:
        if spec.source is Source.synthetic:
            return "are drawn by alexcli like the training images, and are none of them"
        return "are those that the data holds out from training"
    part = "split off each class" if spec.split is Split.stratified else "split off at random"
    return f"are {spec.val} of the training images, {part} (seed {spec.split_seed})"


def _pixels(trained: TrainedModel) -> Pixels:
    data, augment = trained.spec.data, trained.spec.augment
    return Pixels(
        resize=data.resize.name,
        kernel=data.kernel.name,
        stored=data.size,
        crop=trained.spec.model.input.size,
        gray=LUMA if trained.spec.model.input.channels == 1 else None,
        mean=augment.mean.name,
        channel_means=trained.preprocess.mean_image.mean((0, 1)).tolist(),
        scale=augment.pixel_scale,
        deviations=augment.channel_std,
    )


def _program(environment: dict[str, Any] | None) -> str | None:
    """The version of alexcli that a result.json names, if it names one."""
    environment = environment or {}
    version = environment.get("packages", {}).get("alexcli")
    return None if version is None else _named(version, environment.get("git"))


def _named(version: str, git: dict[str, Any] | None) -> str:
    """For example `0.1.0, revision 1a2b3c4d5 with changes`."""
    if git is None:
        return version
    return f"{version}, revision {git['revision'][:9]}{' with changes' if git['dirty'] else ''}"
