"""More epochs for a finished run: the shorter run from which a training can resume bit-exactly."""

from dataclasses import replace

from alexcli import run_files
from alexcli.errors import UsageError, plural
from alexcli.optim.schedules import spanning_run
from alexcli.run.directory import RunDirectory
from alexcli.run.start import RunStart, directory_for
from alexcli.schema import TrainSpec

FLAG = "--extend"


def shorter_run(spec: TrainSpec, start: RunStart, images: str) -> tuple[RunDirectory, int] | None:
    """The longest finished run that differs from a training in `optim.epochs` alone.

    Args:
        spec: the training's configuration, fitted to the data.
        start: its directory and initial weights.
        images: the data's own fingerprint.

    Returns:
        The run and its `optim.epochs`; None if there is no such run.
    """
    longest: tuple[RunDirectory, int] | None = None
    for result in start.run.path.parent.glob(f"s{spec.seed}-*/{run_files.RESULT}"):
        run = RunDirectory(result.parent)
        epochs = _epochs_of(run)
        if epochs >= spec.optim.epochs or not run.last.exists():
            continue
        shorter = replace(spec, optim=replace(spec.optim, epochs=epochs))
        is_same = directory_for(shorter, images, start.weights_digest).path == run.path
        if is_same and (longest is None or epochs > longest[1]):
            longest = run, epochs
    return longest


def _epochs_of(run: RunDirectory) -> int:
    """`optim.epochs` of a run; 0 if its configuration cannot be read."""
    try:
        return run.read_config().optim.epochs
    except UsageError:
        return 0


def obstacle(spec: TrainSpec) -> str | None:
    """Why this training cannot resume from a shorter run of it; None if it can."""
    spanning = spanning_run(spec.optim)
    if not spanning:
        return None
    verb = "follow" if len(spanning) > 1 else "follows"
    return f"{', '.join(spanning)} {verb} the length of the whole run"


def describe_shorter(spec: TrainSpec, run: RunDirectory, epochs: int) -> str:
    """What a finished shorter run means for a longer one, in one line."""
    text = f"{run.path} is the same training with {plural(epochs, 'epoch')}, and finished"
    why_not = obstacle(spec)
    if why_not:
        return f"{text}; this one starts anew, because {why_not}"
    return f"{text}: {FLAG} resumes from it"


def required_shorter_run(spec: TrainSpec, start: RunStart, images: str) -> RunDirectory:
    """The run that `--extend` resumes from.

    Raises:
        UsageError: there is none, or a schedule follows the length of the whole run.
    """
    why_not = obstacle(spec)
    if why_not:
        raise UsageError(
            f"{FLAG} cannot resume from a shorter run: {why_not}, so its learning rates would not "
            "be those of a run that is longer from the start",
            hint=f"leave {FLAG} out to train from the start; init_from=RUN takes its weights alone",
        )
    longest = shorter_run(spec, start, images)
    if longest is None:
        raise UsageError(
            f"{FLAG}: no finished run in {start.run.path.parent} differs from this one only in "
            f"having fewer optim.epochs (here {spec.optim.epochs:,})",
            hint=f"leave {FLAG} out to train from the start; `alexcli runs compare` shows what "
            "differs",
        )
    return longest[0]
