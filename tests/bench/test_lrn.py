"""The response norm beside torch's operator."""

from alexcli.bench import lrn
from alexcli.reporter import NullReporter


def test_norms_of_both_layers_are_compared_with_torchs() -> None:
    results = {result.name: result for result in lrn.run(1, 1, NullReporter())}
    assert {"lrn/conv1", "lrn/conv2", "lrn/conv1/bf16", "lrn/conv2/contiguous"} <= set(results)
    assert all(result.against == "torch" for result in results.values())
    assert all(result.ratio_median for result in results.values())
