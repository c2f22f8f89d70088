from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from alexcli.cli.arguments import RecordingGroup, one_of, split_arguments, typed_arguments
from alexcli.errors import UsageError
from tests.cli.command_line import run_command


def test_names_and_overrides_come_in_any_order() -> None:
    names, overrides = split_arguments(["data.root=x", "runs/a", "seed=1", "lrn"])
    assert names == ["runs/a", "lrn"]
    assert overrides == ["data.root=x", "seed=1"]


def test_a_path_with_an_equals_sign_is_a_name_if_it_exists() -> None:
    Path("a=b").touch()
    assert split_arguments(["a=b", "c=d"]) == (["a=b"], ["c=d"])


def test_a_wrong_choice_gets_the_nearest_one_as_a_hint() -> None:
    assert one_of("group", "model", ["model", "data"], "a list") == "model"
    with pytest.raises(UsageError, match="'modle' does not exist; there are model, data") as caught:
        one_of("group", "modle", ["model", "data"], "a list")
    assert caught.value.hint == "did you mean model?"
    with pytest.raises(UsageError) as caught:
        one_of("group", "zzz", ["model", "data"], "a list")
    assert caught.value.hint == "a list"


def test_a_command_knows_everything_that_was_typed() -> None:
    app = typer.Typer(cls=RecordingGroup)

    @app.command()
    def show(context: typer.Context, names: list[str], fast: bool = False) -> None:
        typer.echo(f"{fast} {names} {typed_arguments(context)}")

    @app.command()
    def other() -> None:
        pass

    result = CliRunner().invoke(app, ["show", "a", "--fast", "b"])
    assert result.stdout == "True ['a', 'b'] ['show', 'a', '--fast', 'b']\n"


@pytest.mark.parametrize(
    ("words", "override"),
    [
        (["--epochs", "3"], "optim.epochs=3"),
        (["--lr=0.1", "seed=1"], "optim.lr=0.1"),
        (["seed=1", "--batch-size"], "optim.batch_size=VALUE"),
        (["--learning-rate", "0.1"], "optim.lr=0.1"),
        (["--model", "alexnet"], "model=alexnet"),
        (["--data", "photos"], "data=folder data.root=photos"),
        (["--gpus", "1"], "trainer.accelerator=gpu"),
    ],
)
def test_an_option_of_other_programs_is_answered_with_the_key(
    words: list[str], override: str
) -> None:
    Path("photos").mkdir()
    outcome = run_command("train", *words)
    assert outcome.code == 2
    assert f"hint: did you mean {override}?" in outcome.err


def test_an_option_that_is_no_key_and_words_after_two_dashes_are_left_alone() -> None:
    assert "alexcli train has no option --resum" in run_command("train", "--resum", "never").err
    assert "unknown key 'lr'" in run_command("train", "--", "lr=--lr").err
    outcome = run_command("runs", "list", "--epochs", "3")  # takes no keys
    assert "alexcli runs list has no option --epochs" in outcome.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablate", "lrn", "--precision", "abc"], "--precision abc: it must be a number\n"),
        (["ablate", "lrn", "--jobs=0"], "--jobs 0: it must be at least 1\n"),
        (["ablate", "lrn", "--jobs=100001"], "--jobs 100001: it must be at most 10000\n"),
        (["ablate", "lrn", "--jobs", "x"], "--jobs x: it must be a whole number\n"),
        (["eval", "--split", "tset"], "--split tset: 'tset' is not one of"),
        (["predict", "cat.png", "--top", "0"], "--top 0: it must be at least 1\n"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_named(words: list[str], message: str) -> None:
    outcome = run_command(*words)
    assert outcome.code == 2
    assert message in outcome.err
    assert f"{words[0]} --help says what" in outcome.err


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (["eval", "--out", "--ten-crop"], "--out needs a value, and --ten-crop is an option"),
        (["train", "--resume", "--dry-run"], "--resume needs a value, and --dry-run is an option"),
        (["data", "stats", "--out", "--format"], "--out needs a value, and --format is an option"),
    ],
)
def test_an_option_is_not_the_value_of_another(line: list[str], named: str) -> None:
    outcome = run_command(*line)
    assert outcome.code == 2
    assert named in outcome.err
    assert not Path("--ten-crop").exists()


def test_a_single_dash_and_what_follows_two_dashes_are_values() -> None:
    outcome = run_command("predict", "--labels", "-", "none.png")
    assert "needs a value" not in outcome.err
    outcome = run_command("eval", "--", "--out", "--ten-crop")
    assert "needs a value" not in outcome.err


def test_of_a_key_that_is_typed_twice_the_last_value_holds_and_a_warning_says_so() -> None:
    outcome = run_command("config", "show", "seed=1", "label=a", "seed=2", "label=a")
    assert outcome.code == 0
    assert "\nseed: 2\n" in outcome.out
    assert "warning: seed=1 has no effect: seed=2 comes after it\n" in outcome.err
    assert "label" not in outcome.err


def test_choices_and_files_that_begin_alike_are_no_key_that_is_typed_twice() -> None:
    for name in ("x=1.png", "x=2.png"):
        Path(name).touch()
    outcome = run_command("config", "diff", "optim=paper", "optim=code_145")
    assert outcome.err == ""
    assert "has no effect" not in run_command("predict", "x=1.png", "x=2.png").err


@pytest.mark.parametrize(
    ("line", "missing", "key"),
    [
        ("data prepare photos size=36", "alexcli data prepare needs DEST", "size=36"),
        ("data prepare photos size=36 store", "alexcli data prepare needs DEST", "size=36"),
        ("data prepare data=folder data.root=x", "data prepare needs SOURCE", "data=folder"),
        ("analyze seed=1", "alexcli analyze needs NAME", "seed=1"),
        ("import data=cifar10", "alexcli import needs SOURCE", "data=cifar10"),
    ],
)
def test_a_key_is_not_taken_for_an_argument(line: str, missing: str, key: str) -> None:
    Path("photos").mkdir()
    outcome = run_command(*line.split())
    assert outcome.code == 2
    assert f"{missing}; '{key}' is a key\nhint: for instance: alexcli " in outcome.err
    assert [path.name for path in Path().iterdir()] == ["photos"]


@pytest.mark.parametrize("source", ["size=36", "./kind=a", "raw/size=36"])
def test_a_path_with_an_equals_sign_is_an_argument_if_it_exists_or_has_a_folder(
    source: str,
) -> None:
    Path("size=36").mkdir()
    outcome = run_command("data", "prepare", source, "./a=b")
    assert "is a key" not in outcome.err
    assert source.removeprefix("./") in outcome.err
