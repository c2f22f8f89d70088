"""Making a run directory out of weights from elsewhere."""

from pathlib import Path

import torch

from alexcli.config import compose
from alexcli.data.dataset import Statistics
from alexcli.data.names import ilsvrc2012
from alexcli.errors import UsageError
from alexcli.model.convert import TORCHVISION_MEAN, download_torchvision, from_torchvision
from alexcli.results import Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_net, build_preprocess, resolve_precision
from alexcli.run.rundir import RunDirectory, directory_for, fingerprint
from alexcli.schema import TrainSpec

SOURCES = ("torchvision",)


def import_torchvision(
    runs: Path, reporter: Reporter, *, weights: Path | None = None, classes: Path | None = None
) -> RunDirectory:
    """torchvision's alexnet as a run; one that is there already is left alone.

    Args:
        runs: folder of all runs.
        reporter: told how it goes.
        weights: a state dict on disk; None downloads the published one.
        classes: a list of class names in the order of the outputs, one a line; None for the 1,000
            WNIDs of ILSVRC-2012.

    Raises:
        UsageError: no network, a file that is not torchvision's alexnet, a wrong number of names.
    """
    if weights is None:
        reporter.note("downloading torchvision's alexnet (244 MB), unless torch has it already")
        state = from_torchvision(download_torchvision())
    else:
        found = checkpoint.read_plain(weights)
        inner = next((found[k] for k in ("state_dict", "model") if k in found), found)
        state = from_torchvision(inner)
    names = _classes(classes, len(state["tower0.fc8.bias"]))
    words = ["model=owt", f"model.classes={len(names)}", "data=folder", "augment=torchvision"]
    spec = compose([*words, "label=torchvision"], TrainSpec)
    spec.runs = str(runs)
    digest = checkpoint.weights_digest(state)
    mark = fingerprint(spec, "\n".join(names), resolve_precision(spec), digest)
    run = directory_for(spec, mark)
    if run.result() is not None:
        reporter.note(f"{run.path} is there already")
        return run
    net = build_net(spec)
    checkpoint.load_weights(net, state, weights or Path("torchvision's alexnet"))
    size = spec.data.size
    mean = 255 * torch.tensor(TORCHVISION_MEAN, dtype=torch.float64)
    statistics = Statistics(mean.expand(size, size, 3).numpy(), torch.zeros(3, 3).numpy(), 1281167)
    module = torch.nn.ModuleDict({"net": net, "preprocess": build_preprocess(spec, statistics)})
    run.create(spec, names)
    kept = {"plateau": {}, "finished": True, "seconds": 0.0, "train_errors": []}
    ours = {"classes": names, **kept}
    whole = {"state_dict": dict(module.state_dict()), "global_step": 0, "alexcli": ours}
    temporary = run.last.with_suffix(".tmp")
    torch.save(whole, temporary)
    temporary.replace(run.last)
    run.finish(
        "import",
        {
            "model": spec.model.name,
            "source": "torchvision" if weights is None else str(weights),
            "classes": len(names),
            "parameters": sum(p.numel() for p in net.parameters()),
        },
    )
    return run


def _classes(listed: Path | None, count: int) -> list[str]:
    if listed is None:
        names, where = ilsvrc2012(), "ILSVRC-2012"
    else:
        try:
            lines = listed.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UsageError.of("labels.classes_unreadable", listed=listed, error=error) from None
        names, where = [line.strip() for line in lines if line.strip()], str(listed)
    if len(names) != count:
        raise UsageError.of("weights.class_count", count=count, where=where, names=names)
    return names
