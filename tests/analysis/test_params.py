from alexcli.analysis import params
from alexcli.config import compose
from alexcli.schema import AnalyzeSpec


def test_layers_and_totals_agree() -> None:
    found = params.run(compose([], AnalyzeSpec))
    for key in ("neurons", "params", "weights", "biases", "macs"):
        assert found["totals"][key] == sum(layer[key] for layer in found["layers"])
    assert [layer["name"] for layer in found["layers"] if layer["sees"] == "all"] == [
        *("conv3", "fc6", "fc7", "fc8")
    ]
    assert found["model"] == "alexnet"
