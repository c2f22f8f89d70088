"""What a benchmark measured."""

from dataclasses import asdict

from alexcli.records.benchmark import BenchResult


def test_the_fields_are_the_promised_json() -> None:
    result = BenchResult("lrn/conv1", None, 1.0, "images/s", None, None, None, 5)
    assert list(asdict(result)) == [
        *("name", "against", "value", "unit", "ratio_median", "ratio_min", "ratio_max", "n")
    ]
