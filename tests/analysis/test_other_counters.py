import pytest

from alexcli.analysis.other_counters import count_with_others
from alexcli.model.shapes import trace
from tests.conftest import model


@pytest.mark.filterwarnings("ignore")  # fvcore's own
@pytest.mark.parametrize("name", ["tiny", "cifar_18", "lenet5"])
def test_other_programs_count_the_same(name: str) -> None:
    net = model(f"model={name}")
    macs = sum(shape.macs for shape in trace(net))
    torch_row, fvcore_row = count_with_others(net, macs)
    assert torch_row["ours"] == 2 * macs
    assert torch_row["difference"] == 0
    assert fvcore_row["difference"] in (0, None) or "batch_norm" in fvcore_row["what it counts"]
