"""alexcli config: show, list, diff and check."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from alexcli.cli.main import app
from alexcli.config.compose import compose
from alexcli.config.files import CONF_VARIABLE, STUDIES, choices, every_choice
from alexcli.config.mapping import to_mapping
from alexcli.schema import TrainSpec


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `alexcli config`."""
    result = CliRunner().invoke(app, ["config", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_show_prints_what_train_would_use() -> None:
    _, out, _ = run("show", "experiment=cifar_26", "seed=7")
    shown = yaml.safe_load(out)
    assert shown["seed"] == 7
    assert shown["model"]["name"] == "cifar_26"
    assert shown["optim"]["groups"]["fc"]["weight_decay"]["base"] == 0.03
    assert out.startswith("# settings ")


def test_list_describes_every_choice_of_a_group() -> None:
    code, out, _ = run("list", "optim", "--format", "json")
    assert code == 0
    about = {row["choice"]: row["about"] for row in json.loads(out)}
    assert set(about) > {"optim=paper", "optim=code_145"}
    assert about["optim=paper"].startswith("Section 5")


def test_diff_prints_the_difference_of_paper_and_code() -> None:
    code, out, _ = run("diff", "model=alexnet", "model=alexnet_145", "--format", "csv")
    assert code == 0
    header, *lines = out.splitlines()
    assert header == "key,model=alexnet,model=alexnet_145"
    rows = dict(line.split(",", 1) for line in lines)
    assert rows["model.lrn.convention"] == "paper,code"
    assert rows["model.layers.conv3.std"] == "0.01,0.03"
    assert rows["model.layers.conv1.ops"] == '"act, norm, pool","norm, pool, act"'
    assert len(rows) == 9


def test_diff_prints_json_by_side() -> None:
    _, out, _ = run("diff", "model=cifar_26", "model=cifar_19", "--format", "json")
    assert json.loads(out) == [
        {"key": "model.layers.fc64", "a": "present", "b": "(absent)"},
        {"key": "model.layers.fc10.std", "a": "0.1", "b": "0.01"},
    ]


def test_diff_prints_schedules_as_phrases() -> None:
    _, out, _ = run("diff", "optim=paper", "optim=code_145", "--format", "md")
    assert "1, divided on plateaus | 1, 0.1 from epoch 25, 0.01 from epoch 51" in out
    assert "| optim.groups.conv1_biases | (absent) | present |" in out


def test_diff_compares_run_directories(tmp_path: Path) -> None:
    spec = compose(["experiment=null", "model=alexnet"], TrainSpec)
    for seed in (1, 2):
        folder = tmp_path / f"s{seed}"
        folder.mkdir()
        mapping = to_mapping(spec) | {"seed": seed, "label": "x"}
        mapping["data"]["source"] = "synthetic"
        (folder / "config.yaml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    _, out, _ = run("diff", str(tmp_path / "s1"), str(tmp_path / "s2"), "--format", "json")
    assert json.loads(out) == [{"key": "seed", "a": "1", "b": "2"}]


def test_check_passes_on_everything_shipped() -> None:
    code, out, _ = run("check")
    assert code == 0
    studies = [f"ablate {study}" for study in choices(STUDIES)]
    assert out.splitlines() == [f"ok  {name}" for name in [*every_choice(), *studies]]


def test_check_names_a_composition_that_is_not_valid() -> None:
    code, out, err = run("check", "model.lrn.size=0")
    assert code == 2
    assert out.startswith("BAD model.lrn.size=0: model.lrn.size=0 is out of range")
    assert "1 of 1 composition is not valid" in err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["list", "modle"], "did you mean model?"),
        (["diff", "a", "b"], "the groups are augment"),
        (["show", "lr=0.1"], "did you mean optim.lr=0.1?"),
        (["show", "optim.rate=0.1"], "did you mean optim.lr=0.1?"),
        (["show", "data=toy"], "did you mean data=synthetic?"),
        (["explain", "optim.momentm"], "did you mean optim.momentum"),
    ],
)
def test_a_wrong_argument_is_answered_with_a_hint(arguments: list[str], hint: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert hint in err


def test_a_folder_of_ones_own_is_listed_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONF_VARIABLE, "")  # what --conf sets ends with this test
    Path("own/model").mkdir(parents=True)
    Path("own/model/mine.yaml").write_text("# Mine\ndefaults: [tiny, _self_]\nname: mine\n")
    Path("own/model/bad.yaml").write_text("# Bad\nname: bad\nwidth: 0\n")
    _, out, _ = run("list", "model", "--conf", "own", "--format", "json")
    rows = {row["choice"]: row for row in json.loads(out)}
    assert rows["model=mine"]["about"] == "Mine"
    assert rows["model=mine"]["file"] == str(Path("own/model/mine.yaml").absolute())
    assert rows["model=tiny"]["file"] == ""
    assert run("check", "model=mine", "--conf", "own")[0] == 0
    code, out, _ = run("check", "model=bad", "--conf", "own")
    assert code == 2
    assert "bad.yaml:3: model.width=0.0 is out of range" in out
    code, _, err = run("show", "--conf", "none")
    assert code == 2
    assert "--conf none is not a folder" in err


def write(path: str, text: str) -> None:
    """Write a file and make its folders."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def test_check_reads_studies_and_names_files_that_nothing_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alexcli.config.files.every_choice", list)  # which take half a minute
    monkeypatch.setattr("alexcli.config.files.package_choices", lambda _group: {})
    write("conf/ablation/mine.yaml", "claim: x\narms: {a: {change: {seed: 7}}}\n")
    write("conf/ablation/typo.yaml", "claim: x\narms: {a: {change: {optim.lrr: 7}}}\n")
    write("conf/ablation/cifar.yaml", "claim: x\nneeds: {seed: 9}\narms: {}\n")
    write("conf/modle/foo.yaml", "name: foo\n")
    write("conf/model/bar.yml", "name: bar\n")
    write("conf/baz.yaml", "name: baz\n")
    write("conf/model/two words.yaml", 'name: "x"\n')
    write("conf/model/\x1b[31m.yaml", 'name: "x"\n')
    write("conf/notes.txt", "")
    code, out, err = run("check")
    lines = out.splitlines()
    assert code == 2
    assert "ok  ablate mine" in lines
    assert any(
        line.startswith("BAD ablate typo: ") and "changes optim.lrr" in line for line in lines
    )
    assert any(line.startswith("ok  ablate cifar (only read: cifar needs seed=9") for line in lines)
    assert any("foo.yaml is not read: modle is no group; did you mean model/" in x for x in lines)
    assert any("model/bar.yml is not read: only files with the ending .yaml" in x for x in lines)
    assert any("conf/baz.yaml is not read: it is in no folder of a group" in x for x in lines)
    assert any("two words.yaml is not read: its name has other char" in x for x in lines)
    assert "\x1b" not in out
    assert "notes.txt" not in out
    assert "6 of 8 files are not valid" in err


def test_a_choice_in_a_file_that_is_not_read_is_answered_with_the_reason() -> None:
    write("conf/modle/foo.yaml", "name: foo\n")
    write("conf/model/bar.yml", "name: bar\n")
    assert "foo.yaml is not read: modle is no group" in run("show", "model=foo")[2]
    assert "bar.yml is not read: only files with" in run("show", "model=bar")[2]


def test_explain_tells_all_about_a_key() -> None:
    code, out, _ = run("explain", "optim.lr", "--format", "json")
    assert code == 0
    told = json.loads(out)
    assert told["takes"] == "a number above 0"
    assert {"choice": "optim=cifar", "value": 0.001} in told["set"]
    assert "section 5" in run("explain", "lr")[1]


def test_explain_lists_the_keys_of_a_section_of_a_command_and_the_top_level() -> None:
    out = run("explain", "model", "--format", "csv")[1]
    assert "model.lrn.beta,Exponent.,a number above 0,0.75" in out
    assert "alexcli config list model" in run("explain", "model")[1]
    assert "encoding" in run("explain", "prepare")[1]
    assert "model.lrn.beta" not in run("explain", "analyze")[1]  # a section of its own
    assert "experiment=cifar_11" in run("explain", "experiment")[1]
    assert "optim.KEY" in run("explain")[1]
