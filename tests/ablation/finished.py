"""Runs as they stand when they are finished, without the training."""

import json

import torch

from alexcli.ablation.jobs import Job
from alexcli.run.build import build_net


def finish(job: Job, error: float) -> None:
    """Write what a finished run leaves on disk.

    Args:
        job: of any state.
        error: its validation and test top-1 error after two epochs, a fraction.
    """
    job.run.create(job.spec, [str(number) for number in range(10)])
    splits = ["train", "train_eval", "val"] if job.spec.trainer.train_eval else ["train", "val"]
    rows = [
        {"split": split, "epoch": epoch, "step": epoch, "top1_err": 0.9 - (0.9 - error) * epoch / 2}
        for epoch in (1, 2)
        for split in splits
    ]
    job.run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = {
        "classes": 10,
        "last": {"val": {**rows[-1], "top5_err": error / 2}},
        "test": {"top1_err": error, "top5_err": error / 2, "n": 50},
        "data": {"val": 60},
        "seconds": 1.0,
        "on": {},
        "arm": job.name,
    }
    job.run.finish("train", result)


def save_initial_weights(job: Job) -> None:
    """Write the weights that its net begins with as the run's last checkpoint."""
    weights = build_net(job.spec).state_dict()
    facts = {"classes": [], "plateau": {}, "finished": True, "seconds": 0.0, "train_errors": []}
    content = {
        "state_dict": {f"net.{name}": tensor for name, tensor in weights.items()},
        "global_step": 0,
        "alexcli": facts,
    }
    torch.save(content, job.run.last)
