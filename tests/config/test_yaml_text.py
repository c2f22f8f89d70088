"""Reading yaml."""

from pathlib import Path

import pytest
import yaml

from alexcli.config.yaml_text import MOST_BYTES, RefusedYamlError, read_yaml, read_yaml_file

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Eight levels of aliases, which stand for 9**9 values."""
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))


@pytest.mark.parametrize(
    "text",
    [
        *("", "a: 1", "a: [1, 2.5, yes, null, 1e-3, 1.0e-3]\nb: {3: x}"),
        *("a: &x [1, 2]\nb: *x", "a: 9223372036854775807", "<<: {a: 1}\nb: 2"),
    ],
)
def test_it_reads_what_pyyaml_reads(text: str) -> None:
    assert read_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 2: did not find"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("\x00", "unacceptable character"),
        ("\ud800", "surrogates"),
        (BOMB, "more than 100,000 values"),
        (CHAIN, "nested more than 50 levels"),
        ("[" * 60 + "]" * 60, "nested more than 50 levels"),
        ("[" * 100_000, "line 1: "),
        ("a: &a [*a]", "stands for nothing, or for itself"),
        ("a: *b", "stands for nothing, or for itself"),
        ("a: 9223372036854775808", "is too large"),
        ("a: 0x" + "f" * 10_000, "is too long"),
        ("a: " + ":".join(["59"] * 200) + ".5", "is too long"),
        ("a: 2020-99-99", "does not fit its tag"),
        ("!!bool x", "does not fit its tag"),
        ('!!int ""', "does not fit its tag"),
        ("!!timestamp x", "does not fit its tag"),
    ],
)
def test_what_is_no_yaml_or_too_large_or_would_execute_something_is_refused(
    text: str, message: str
) -> None:
    with pytest.raises(RefusedYamlError) as refused:
        read_yaml(text)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_file_is_read_up_to_a_length(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n#" + "x" * MOST_BYTES)
    with pytest.raises(ValueError, match="longer than 1,000,000 bytes"):
        read_yaml_file(path)
    path.write_text("a: 1\n")
    assert read_yaml_file(path) == {"a": 1}
