"""Reading yaml."""

from typing import Any

import yaml

# libyaml reads ten times as fast; a few platforms have PyYAML without it.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """The plain data of a yaml document; nothing in it is executed.

    Raises:
        yaml.YAMLError: the text is no yaml.
    """
    return yaml.load(text, Loader)
