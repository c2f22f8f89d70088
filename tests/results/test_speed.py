"""Speeds: what docs/speed.md says, against the files that benchmarks wrote."""

import json

from tests.results.pages import RESULTS, page_on_one_line


def test_the_page_says_where_the_time_of_a_step_goes_as_it_was_measured() -> None:
    rows = json.loads((RESULTS / "speed/profile.json").read_text())["results"]
    milliseconds = {(row["net"], row["pass"]): row["ms"] for row in rows}
    text = page_on_one_line("speed")

    training = milliseconds["ours", "training"]
    whole = sum(training.values())
    norm = training["response norm"]
    others = sum(milliseconds["torchvision", "training"].values())
    assert f"of a training step of {whole:,.0f} ms with 64 images {norm:.0f} are norm" in text
    assert f"the other {whole - norm:,.0f} stand against {others:,.0f}." in text

    rows = json.loads((RESULTS / "speed/step.json").read_text())["results"]
    (in_bf16,) = (row["value"] for row in rows if row["name"] == "step/train/norm")
    assert f"then {in_bf16:.0%} of the step and not {norm / whole:.0%}" in text

    forward = sum(milliseconds["ours", "forward"].values())
    others = sum(milliseconds["torchvision", "forward"].values())
    assert f"A forward pass takes {forward:.0f} ms against {others:.0f} " in text


def test_the_page_says_how_far_a_step_is_from_what_the_machine_can_do() -> None:
    rows = json.loads((RESULTS / "speed/step.json").read_text())["results"]
    values = {(row["name"], row["against"]): row for row in rows}
    share = values["step/train/bf16", None]["value"]
    faster = values["step/train", "port"]["ratio_median"] / share
    text = page_on_one_line("speed")
    assert f"at {share:.0%} of what a large matrix product in bf16 reaches" in text
    assert f"it would be {faster:.2f} times as fast as the port" in text


def test_the_page_says_how_long_a_first_run_takes_as_it_was_measured() -> None:
    rows = json.loads((RESULTS / "speed/first_run.json").read_text())["results"]
    seconds = {row["name"].removeprefix("first_run/"): row["value"] for row in rows}
    text = page_on_one_line("speed")
    assert f"to a trained net took {seconds['total']:.0f} s" in text
    assert f"{seconds['install']:.0f} s to install" in text
    assert f"and {seconds['train']:.0f} s of `alexcli train`" in text
    assert f"whose first epoch ended after {seconds['first_epoch']:.0f} s" in text
