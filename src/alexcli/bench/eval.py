"""`alexcli bench eval`: the forward passes of ten crops against those of the centre crop."""

from functools import partial

import torch

from alexcli.bench.harness import compare, interleave, timed
from alexcli.data.transforms import CENTER_CROP, TEN_CROPS
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.predictor import Predictor
from alexcli.run.resolve import uses_bf16
from alexcli.schema import TrainSpec


def run(spec: TrainSpec, batch: int, rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Net inputs per second: `eval/ten`, which has ten times as many, against `center`.

    Args:
        spec: the net, the images' size and the views in one pass.
        batch: images.
        rounds: interleaved measurements.
        reporter: receives progress updates.
    """
    predictor = Predictor(
        build_net(spec).eval(),
        build_preprocess(spec, None),
        bf16=uses_bf16(spec),
        limit=spec.eval.max_batch,
        reporter=reporter,
    )
    size = spec.data.size
    images = torch.randint(256, (batch, size, size, 3), dtype=torch.uint8)
    arms = {
        "ten": timed(len(TEN_CROPS) * batch, partial(predictor, images, TEN_CROPS)),
        "center": timed(batch, partial(predictor, images, (CENTER_CROP,))),
    }
    speeds = interleave(arms, rounds, reporter, "evaluating")
    return [compare("eval/ten", "views/s", speeds["ten"], "center", speeds["center"])]
