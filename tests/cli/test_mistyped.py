import pytest

from tests.cli.command_line import run_command


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("predict", "alexcli predict needs IMAGE or FOLDER", "instance: alexcli predict cat"),
        ("runs compare", "alexcli runs compare needs RUN", "for instance: alexcli runs compare"),
        ("export", "alexcli export needs --format", "--format onnx; there are onnx, "),
        (
            "ablate lrn --precision",
            "--precision needs a value",
            "alexcli ablate --help says what --precision takes",
        ),
        ("train --dry-run=3", "--dry-run takes no value", "type --dry-run alone"),
        ("train --resum x", "alexcli train has no option --resum", "--resume?"),
        (
            "eval --run runs/a",
            "alexcli eval has no option --run",
            "RUN is an argument, without an option before it: alexcli eval RUN",
        ),
        ("predict --image a.jpg", "alexcli predict has no option --image", "alexcli predict IMAGE"),
        ("ablate --study lrn", "alexcli ablate has no option --study", "alexcli ablate STUDY"),
        ("eval -x", "alexcli eval has no option -x", "alexcli eval --help lists its options"),
        (
            "predict --split val a.jpg",
            "predict has no option --split",
            "--split is an option of alexcli eval and alexcli features; a key is typed without",
        ),
        (
            "eval --top 3",
            "alexcli eval has no option --top",
            "--top is an option of alexcli predict",
        ),
        ("trian", "alexcli has no command trian", "did you mean alexcli train?"),
        ("runs nix", "alexcli runs has no command nix", "alexcli runs --help lists them"),
        ("--nix", "alexcli has no option --nix", "alexcli --help lists its options"),
        ("config explain a b", "alexcli config explain does not take b", "explain --help"),
    ],
)
def test_what_typer_refuses_is_a_message_and_a_hint(line: str, message: str, hint: str) -> None:
    outcome = run_command(*line.split())
    assert (outcome.code, outcome.out) == (2, "")
    error, advice = outcome.err.splitlines()
    assert error == f"error: {message}"
    assert advice.startswith("hint: ")
    assert hint in advice


def test_a_group_alone_shows_its_help() -> None:
    outcome = run_command("runs")
    assert "Usage: alexcli runs" in outcome.out + outcome.err
