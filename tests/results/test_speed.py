"""Speeds: what docs/speed.md says, against the files that benchmarks wrote."""

import json

from tests.results.pages import RESULTS, page_on_one_line


def test_the_page_says_where_the_time_of_a_step_goes_as_it_was_measured() -> None:
    rows = json.loads((RESULTS / "speed/profile.json").read_text())["results"]
    milliseconds = {(row["net"], row["pass"]): row["ms"] for row in rows}
    text = page_on_one_line("speed")

    forward = milliseconds["ours", "forward"]
    norms = sum(ms for name, ms in forward.items() if name.endswith("norm"))
    layers = sum(ms for name, ms in forward.items() if not name.endswith("norm"))
    others = sum(milliseconds["torchvision", "forward"].values())
    assert f"of the {layers:.0f} ms of a forward pass of 64 images {norms:.0f} are norm" in text
    assert f"the other {layers - norms:.0f} stand against {others:.0f}," in text

    training = milliseconds["ours", "training"]
    whole = sum(training.values())
    norm = training["response norm"]
    others = sum(milliseconds["torchvision", "training"].values())
    assert f"of a training step of {whole:,.0f} ms {norm:.0f} are norm" in text
    assert f"the other {whole - norm:,.0f} stand against {others:,.0f} " in text


def test_the_page_says_how_long_a_first_run_takes_as_it_was_measured() -> None:
    rows = json.loads((RESULTS / "speed/first_run.json").read_text())["results"]
    seconds = {row["name"].removeprefix("first_run/"): row["value"] for row in rows}
    text = page_on_one_line("speed")
    assert f"to a trained net took {seconds['total']:.0f} s" in text
    assert f"{seconds['install']:.0f} s to install" in text
    assert f"and {seconds['train']:.0f} s of `alexcli train`" in text
    assert f"whose first epoch ended after {seconds['first_epoch']:.0f} s" in text
