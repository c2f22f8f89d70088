"""What `checks` found out about this installation and this machine."""

from dataclasses import dataclass


@dataclass
class Check:
    """One thing that was looked at."""

    name: str
    """What."""
    description: str
    """What is there, in a line."""
    broken: bool = False
    """Whether nothing can be trained here before this is mended."""
    hint: str = ""
    """What to do about it, or what to know."""
