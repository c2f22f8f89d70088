"""`alexcli bench eval`: the forward passes of ten crops beside those of the centre crop."""

from functools import partial

import torch

from alexcli.bench.harness import alternate, compare, timed
from alexcli.data.transforms import CENTER, TEN_CROPS
from alexcli.results import Measured, Reporter
from alexcli.run.build import build_net, build_preprocess, resolve_precision
from alexcli.run.trained import Scorer
from alexcli.schema import Precision, TrainSpec


def run(spec: TrainSpec, batch: int, rounds: int, reporter: Reporter) -> list[Measured]:
    """Net inputs per second: `eval/ten`, ten times its pictures, against `center`.

    Args:
        spec: the net, the pictures' size and the views in one pass.
        batch: pictures.
        rounds: alternations.
        reporter: told how it goes.
    """
    scorer = Scorer(
        build_net(spec).eval(),
        build_preprocess(spec, None),
        bf16=resolve_precision(spec) is Precision.bf16,
        limit=spec.eval.max_batch,
        reporter=reporter,
    )
    images = torch.randint(256, (batch, spec.data.size, spec.data.size, 3), dtype=torch.uint8)
    arms = {
        name: timed(len(views) * batch, partial(scorer, images, views))
        for name, views in (("ten", TEN_CROPS), ("center", (CENTER,)))
    }
    rates = alternate(arms, rounds, reporter, "evaluating")
    return [compare("eval/ten", "views/s", rates["ten"], "center", rates["center"])]
