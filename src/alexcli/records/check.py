"""The findings of `checks` about this installation and this machine."""

from dataclasses import dataclass


@dataclass
class Check:
    """One thing that was checked."""

    name: str
    """What was checked."""
    description: str
    """The finding, in a line."""
    broken: bool = False
    """Whether nothing can be trained here until this is fixed."""
    hint: str = ""
    """What to do about it, or what to know."""
