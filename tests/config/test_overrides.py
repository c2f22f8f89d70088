"""What is typed as KEY=VALUE."""

import shlex
from pathlib import Path

import pytest

from alexcli.config.compose import compose
from alexcli.config.overrides import expand, hydra_value, parse, quoting_hint
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


def test_an_override_has_a_key_and_a_typed_value() -> None:
    seed, removed = parse(["seed=3", "~model.layers.conv3"])
    assert (seed.key_or_group, seed.value()) == ("seed", 3)
    assert removed.key_or_group == "model.layers.conv3"
    assert removed.is_delete()


@pytest.mark.parametrize(
    ("value", "typed"),
    [({"kind": "steps", "steps": {3: 0.1}}, "{kind:steps,steps:{3:0.1}}"), (None, "null")],
)
def test_a_value_is_written_as_hydra_reads_it(value: object, typed: str) -> None:
    assert hydra_value(value) == typed
    (override,) = parse([f"key={typed}"])
    assert override.value() == value


@pytest.mark.parametrize(
    "value",
    [
        "runs/a",
        "my runs/a",
        "a (1), [b]=c",
        "a,b",
        "it's",
        'say "no"',
        "both ' and \"",
        "C:\\data\\",
        'C:\\"',
        "a\\\\",
        "",
        " a ",
        "null",
        "True",
        "1e3",
        "0x10",
        "nan",
        "-inf",
        "Zürich",
        "s3://bucket/x",
        "$HOME",
        ["a,b", "c", None, 0.5],
        {"a": ["b c", "d:e"], 3: {}},
        1e-05,
        True,
        [],
    ],
)
def test_every_value_is_read_as_it_was_written(value: object) -> None:
    (override,) = parse([f"key={hydra_value(value)}"])
    assert override.value() == value
    if isinstance(value, str):
        hinted = quoting_hint(f"key={value}").partition(": ")[2]
        (typed,) = shlex.split(hinted)
        assert parse([typed])[0].value() == value


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("nothing", "'nothing' is not KEY=VALUE", "nothing=VALUE"),
        ("seed=0,1", "lists several values, which only `alexcli train` takes", "'seed=\"0,1\"'"),
        ("model.layers.*.bias=0", "'model.layers.*.bias' is a pattern", "layers.conv1.bias=0"),
        ("model.layers.conv[3-5].std=1", "'model.layers.conv[3-5].std' is a pattern", "docs/"),
        ("~model.layers.*", "'~model.layers.*' is a pattern", "name each key"),
        ("optim lr=0.1", "'optim lr' is not a key", "alexcli config show"),
        ("=3", "'=3' has no key", "KEY=VALUE"),
        ("~", "'~' has no key", "KEY=VALUE"),
        ("data.root=[", "the value in 'data.root=[' cannot be read", "'data.root=\"[\"'"),
    ],
)
def test_what_is_no_override_is_refused(typed: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse([typed])
    assert message in refused.value.message
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize("path", ["/a=b", "/a,b", "/a(b", "/a'b", '/a"b', "/a b,c", "/[x]", "/{y}"])
def test_awkward_paths_are_read_when_typed_as_the_hint_says(path: str) -> None:
    with pytest.raises(UsageError) as refused:
        compose([f"data.root={path}"], TrainSpec)
    typed = shlex.split((refused.value.hint or "").partition(": ")[2])
    assert compose(typed, TrainSpec).data.root == path


@pytest.mark.parametrize("path", ["/bäume", "/stö re/im ü", "/画像"])
def test_paths_in_any_alphabet_are_read_as_they_are_typed(path: str) -> None:
    assert compose([f"data.root={path}"], TrainSpec).data.root == path


def test_sweeps_expand_to_every_combination() -> None:
    jobs = expand(["seed=0,1", "model=alexnet,merged", "optim.epochs=3"])
    assert jobs == [
        ["seed=0", "model=alexnet", "optim.epochs=3"],
        ["seed=0", "model=merged", "optim.epochs=3"],
        ["seed=1", "model=alexnet", "optim.epochs=3"],
        ["seed=1", "model=merged", "optim.epochs=3"],
    ]
    assert expand(["seed=range(3)"]) == [["seed=0"], ["seed=1"], ["seed=2"]]
    assert expand([]) == [[]]


@pytest.mark.parametrize("override", ["model=glob(alex*)", "optim.lr=interval(0.1,0.2)"])
def test_only_lists_and_ranges_are_swept(override: str) -> None:
    with pytest.raises(UsageError, match="only lists and range"):
        expand([override])


def test_a_list_that_is_a_path_is_refused_with_the_quoting(tmp_path: Path) -> None:
    (tmp_path / "x,y").mkdir()
    with pytest.raises(UsageError, match="also a path that exists") as refused:
        expand([f"data.root={tmp_path}/x,y"])
    assert f"'data.root=\"{tmp_path}/x,y\"'" in (refused.value.hint or "")


@pytest.mark.parametrize("value", ["[v2]", "{cfg:1}"])
def test_a_text_that_hydra_takes_for_more_is_refused_with_the_quoting(value: str) -> None:
    with pytest.raises(UsageError, match=r"data\.root is text") as refused:
        compose([f"data.root={value}"], TrainSpec)
    assert f"'data.root=\"{value}\"'" in (refused.value.hint or "")


def test_a_sweep_of_loggers_is_answered_with_a_list() -> None:
    with pytest.raises(UsageError, match="the same net again for each logger") as caught:
        expand(["logger=csv,wandb"])
    assert caught.value.hint == "one training with several: 'logger=[csv,wandb]'"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("seed=" + "9" * 5000, "cannot be read: Exceeds the limit"),
        ("seed=" + "[" * 3000 + "]" * 3000, "cannot be read: maximum recursion depth"),
        ("seed=" + "x" * 200_000, "has 200,005 characters; at most 100,000 are allowed"),
        ("label=[" + "x" * 1000, "cannot be read"),
    ],
)
def test_a_hostile_value_is_refused_in_a_short_message(typed: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse([typed])
    assert message in refused.value.message
    assert len(refused.value.message) < 250
    assert len(refused.value.hint or "") < 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=range(0,1000000000000000000000000)"], "has more than 10,000 values"),
        (["seed=shuffle(range(100000000))"], "has more than 10,000 values"),
        (["seed=range(0,1,1e-9)"], "has more than 10,000 values"),
        (["seed=range(0,3,0)"], "has no values"),
        (["seed=range(3,0)"], "has no values"),
        (["augment=-1,choice(0)"], "one of which is not valid"),
        (["seed=range(200)", "optim.epochs=range(1,200)"], "makes 39,800 jobs"),
    ],
)
def test_a_sweep_without_end_or_values_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        expand(words)


def test_ranges_are_swept() -> None:
    assert expand(["seed=range(3)"]) == [["seed=0"], ["seed=1"], ["seed=2"]]
    assert expand(["seed=range(4,0,-2)"]) == [["seed=4"], ["seed=2"]]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("photos", "data=folder data.root=photos trains on a folder of images"),
        ("run", "it is a run: --run run looks inside it, init_from=run trains from it"),
        ("cat.png", "images=cat.png, for an analysis of an image"),
        ("lrn", "it is a study: alexcli ablate lrn"),
        ("optim.lr:0.1", "did you mean optim.lr=0.1?"),
        ("alexnet_145", "did you mean model=alexnet_145?"),
        ("cifar_26", "did you mean experiment=cifar_26 or model=cifar_26?"),
    ],
)
def test_a_word_without_a_key_says_what_it_is(typed: str, hint: str) -> None:
    for folder in ("photos", "run"):
        Path(folder).mkdir()
    Path("run/config.yaml").touch()
    Path("cat.png").touch()
    with pytest.raises(UsageError) as refused:
        parse([typed])
    assert refused.value.hint == hint


@pytest.mark.parametrize("typed", ["init_from=", "data.root="])
def test_a_key_without_a_value_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="has no value") as caught:
        parse([typed])
    key = typed.partition("=")[0]
    assert caught.value.hint == f"{key}=VALUE, or leave {key} out"
