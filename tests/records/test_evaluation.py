import json

from alexcli.records.evaluation import EvalResult, Interval


def _result() -> EvalResult:
    return EvalResult(
        name="quickstart/s0",
        split="val",
        protocol={"resize": "shorter side", "crop": 32, "views": 1},
        n=60,
        top1_err=0.5,
        top5_err=None,
        loss=1.25,
        interval={"top1_err": Interval(0.95, 0.4, 0.6), "top5_err": None},
    )


def test_json_holds_every_field_by_its_name() -> None:
    data = json.loads(json.dumps(_result().as_json()))
    assert list(data) == [
        *("name", "split", "protocol", "n", "top1_err", "top5_err", "loss", "interval"),
        *("checkpoint", "data", "seconds", "note", "calibration_error", "members", "per_class"),
    ]
    assert data["interval"]["top1_err"] == {"level": 0.95, "low": 0.4, "high": 0.6}


def test_an_extra_number_is_a_field_of_json() -> None:
    result = _result()
    result.extras["macs"] = 724_406_816
    data = result.as_json()
    assert data["macs"] == 724_406_816
    assert "extras" not in data
