"""Reading yaml."""

import pytest
import yaml

from alexcli.config.yaml_text import read_yaml


@pytest.mark.parametrize("text", ["", "a: 1", "a: [1, 2.5, yes, null, 1e-3, 1.0e-3]\nb: {3: x}"])
def test_it_reads_what_pyyaml_reads(text: str) -> None:
    assert read_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object/apply:os.getcwd []", "\x00"])
def test_what_is_no_yaml_or_would_execute_something_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)
