from pathlib import Path

import pytest

from alexcli.config.files import CONF_VARIABLE
from alexcli.config.set_in import set_values, studies_of


def test_the_files_that_set_a_key_are_named_with_their_values() -> None:
    values = dict(set_values("optim.lr"))
    assert values["optim=cifar"] == 0.001
    assert values["experiment=ilsvrc2012_modern"] == 0.1
    assert "optim=paper" not in values  # which has the default
    assert ("model=tiny", 0.05) in set_values("model.layers.conv1.std")
    assert set_values("model.lrn.nonsense") == []


def test_the_files_of_the_user_are_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own/optim").mkdir(parents=True)
    Path("own/optim/mine.yaml").write_text("lr: 0.3\n")
    Path("own/optim/broken.yaml").write_text("lr: [\n")
    monkeypatch.setenv(CONF_VARIABLE, "own")
    assert ("optim=mine", 0.3) in set_values("optim.lr")


def test_studies_of_a_key_name_it_in_full() -> None:
    assert "lrn" in studies_of("model.norm")
    assert "lrn" not in studies_of("model.nor")
    assert studies_of("seed") == []
