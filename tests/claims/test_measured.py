"""What was measured of a claim."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from alexcli.claims import measured
from alexcli.claims.measured import measurement
from alexcli.errors import UsageError
from alexcli.records.study import ArmResult, Difference, StudyResult
from alexcli.schema import EvidenceSpec, Place


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measured, "results_dir", lambda: tmp_path)
    content = {"last": {"err": 0.2405}, "rows": [{"name": "a"}, {"name": "b", "n": 7}]}
    content["means"] = {"err": 0.2, "spread": 0.01}
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "net.json").write_text(json.dumps(content))
    return tmp_path


def test_a_net_is_counted() -> None:
    found = measurement(EvidenceSpec(count="alexnet/params", place=Place.paper))
    assert found is not None
    assert (found.value, found.n, found.in_paper_setting) == ("60,965,224", None, True)
    layer = measurement(EvidenceSpec(count="alexnet/conv3/share", form="{:.2%}"))
    assert layer is not None
    assert layer.value == "1.45%"


@pytest.mark.usefixtures("results")
def test_a_number_is_found_in_a_file() -> None:
    found = measurement(
        EvidenceSpec(value="training/net.json/last/err", form="{:.2%}", n=1, setting="CIFAR-10")
    )
    assert found is not None
    assert (found.value, found.n, found.setting) == ("24.05%", 1, "CIFAR-10")
    assert found.file == "training/net.json"
    assert not found.in_paper_setting
    entry = measurement(EvidenceSpec(value="training/net.json/rows/name=b/n"))
    assert entry is not None
    assert entry.value == "7"
    assert measurement(EvidenceSpec(value="training/net.json/rows/1/n")) == entry


@pytest.mark.usefixtures("results")
def test_a_mean_of_runs_has_an_interval() -> None:
    form = "{:.2%} ({:.2%} to {:.2%})"
    mean = EvidenceSpec(value="training/net.json/means/err", spread="spread", form=form, n=4)
    found = measurement(mean)
    assert found is not None
    # Student's t with 3 degrees of freedom: 3.1824 times a standard error of 0.5 points.
    assert found.value == "20.00% (18.41% to 21.59%)"
    with pytest.raises(UsageError, match="two runs or more, and n=1"):
        measurement(replace(mean, n=1))


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize(
    "path",
    [
        "training/net.json/last/nothing",
        "training/net.json/rows/name=c/n",
        "training/net.json/rows/9/n",
        "training/net.json/last",
        "training/other.json/last",
    ],
)
def test_a_number_that_is_not_there_is_an_error(path: str) -> None:
    with pytest.raises(UsageError, match=r"there is no|is not a number|cannot be read"):
        measurement(EvidenceSpec(value=path))


def test_a_study_that_is_not_recorded_is_no_measurement() -> None:
    assert measurement(EvidenceSpec(study="nothing-plain/without")) is None


def test_a_study_gives_the_metric_that_is_asked_for() -> None:
    top1 = measurement(EvidenceSpec(study="lrn-plain/without"))
    top5 = measurement(EvidenceSpec(study="lrn-plain/without", metric="top5_err"))
    assert top1 is not None
    assert top5 is not None
    assert top1.verdict
    assert top5.verdict == ""  # a study judges the metric that it is about
    assert top5.value != top1.value
    assert top5.file == top1.file
    with pytest.raises(UsageError, match="has no arm without with loss"):
        measurement(EvidenceSpec(study="lrn-plain/without", metric="loss"))


def test_a_setting_of_the_evidence_follows_that_of_the_study() -> None:
    plain = measurement(EvidenceSpec(study="lrn-plain/without"))
    named = measurement(EvidenceSpec(study="lrn-plain/without", setting="without norms"))
    assert plain is not None
    assert named is not None
    assert named.setting == f"{plain.setting}, without norms"


def test_what_ranks_decided_is_said_behind_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = [0.004, 0.007, 0.008, 0.009, 0.01, 0.012, 0.013, 0.02, 0.7]
    led = Difference("top1_err", 0.09, -0.01, 0.19, 9, "higher", None, "agrees", by_seed=seeds)
    arms = [ArmResult("none", [], "", {}, [led], [])]
    study = StudyResult("dropout", "", "", "top1_err", None, "tiny", 100, arms, 0)
    monkeypatch.setattr(measured, "recorded_studies", lambda: [study])
    found = measurement(EvidenceSpec(study="dropout-chosen/none"))
    assert found is not None
    assert found.value == (
        "+9.00 (-1.00 to +19.00) points, higher in 9 of 9 seeds, median +1.00 (+0.70 to +2.00)"
    )


@pytest.mark.parametrize(
    ("bound", "value"),
    [
        ("above", "more than 3.21 (2.51 or more) times"),
        ("below", "less than 3.21 (4.10 or less) times"),
    ],
)
def test_the_interval_of_a_bound_has_one_end(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: str
) -> None:
    ratio = Difference("epochs", 3.21, 2.51, 4.10, 20, 0.5, None, "opposite", bound=bound)
    arms = [ArmResult("none", [], "", {}, [ratio], [])]
    study = StudyResult("dropout", "", "", "epochs", 0.1, "tiny", 100, arms, 0)
    monkeypatch.setattr(measured, "recorded_studies", lambda: [study])
    recorded = measurement(EvidenceSpec(study="dropout-chosen/none"))
    assert recorded is not None
    assert recorded.value == value


def test_evidence_of_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="without count, study or value"):
        measurement(EvidenceSpec())


def test_an_equivalence_names_its_margin() -> None:
    found = measurement(EvidenceSpec(study="relu-mechanism/tanh_faster"))
    assert found is not None
    assert found.verdict == "equivalent (within 2.45 times)"
    assert found.brief_setting == "embedded images, mechanism"
    in_points = measurement(EvidenceSpec(study="depth-mechanism/no_conv4"))
    assert in_points is not None
    assert in_points.verdict == "equivalent (within 1 point)"
