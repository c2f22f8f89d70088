"""AlexNet as others write it."""

import logging
import warnings

import pytest
import torch
from torch import nn

from alexcli.bench.baselines import (
    HalvesNorm,
    Setting,
    baseline_work,
    build_baseline,
    compile_now,
    eager_settings,
    our_work,
)
from tests.conftest import small
from tests.oracles import lrn_by_loop


@pytest.mark.parametrize("name", ["port", "grouped", "no_lrn"])
def test_a_port_is_as_large_as_the_papers_net(name: str) -> None:
    with torch.device("meta"):
        net = build_baseline(name)
        scores = net(torch.empty(2, 3, 227, 227))
    # The paper's net (2012 code); the ports hold as many.
    assert sum(parameter.numel() for parameter in net.parameters()) == 60_965_224
    assert scores.shape == (2, 1000)


def test_the_grouped_ports_norm_keeps_to_its_half() -> None:
    x = torch.randn(1, 8, 2, 2, dtype=torch.float64)
    expected = torch.cat([lrn_by_loop(half, 5, 1e-4, 0.75, 2.0) for half in x.chunk(2, 1)], 1)
    norm = HalvesNorm(nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0))
    assert (norm(x) - expected).abs().max() < 1e-12


def test_a_training_step_changes_weights_and_a_pass_does_not() -> None:
    work = our_work(small(), torch.randn(4, 3, 32, 32))
    labels = torch.arange(4)
    weight = next(work.net.parameters())
    before = weight.detach().clone()
    units, seconds = work.arm(labels, train=False)()
    assert (units, seconds > 0) == (4, True)
    assert torch.equal(weight, before)
    work.arm(labels, train=True)()
    assert not torch.equal(weight, before)


def test_a_setting_decides_the_order_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from alexcli.bench import baselines

    monkeypatch.setattr(baselines, "build_baseline", lambda _: nn.Conv2d(3, 4, 2))
    x = torch.randn(2, 3, 4, 4)
    last = torch.channels_last
    eager = baseline_work("port", Setting.eager, x)
    ordered = baseline_work("port", Setting.channels_last, x)
    assert not next(eager.net.parameters()).is_contiguous(memory_format=last)
    assert next(ordered.net.parameters()).is_contiguous(memory_format=last)
    assert baseline_work("port", Setting.bf16, x).bf16


def test_bfloat16_is_tried_where_ours_has_it() -> None:
    without = eager_settings(small("trainer.precision=float32"))
    assert without == [Setting.eager, Setting.channels_last]
    assert eager_settings(small("trainer.precision=bf16")) == [*without, Setting.bf16]


class Heard(logging.Handler):
    """Keeps what loggers say, whether or not torch lets it reach the root logger."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def test_the_compilers_warnings_and_no_others_are_dropped() -> None:
    loggers = [logging.getLogger(f"torch.utils.{name}") for name in ("cpp_extension", "data")]
    said = Heard()
    for logger in loggers:
        logger.addHandler(said)

    def compile_() -> tuple[float, float]:
        for module in ("torch._inductor.lowering", "torch._dynamo", "torch.functional"):
            warnings.warn_explicit(module, UserWarning, "file.py", 1, module=module)
        for logger, text in zip(loggers, ("No CUDA runtime is found", "another"), strict=True):
            logger.warning(text)
        return 1, 1.0

    with pytest.warns() as heard:
        assert compile_now(compile_)
    for logger in loggers:
        logger.removeHandler(said)
    assert [str(warning.message) for warning in heard] == ["torch.functional"]
    assert said.messages == ["another"]


def test_a_net_that_does_not_compile_is_no_baseline() -> None:
    def fail() -> tuple[float, float]:
        raise RuntimeError("no C++ compiler")

    assert not compile_now(fail)
