"""AlexNet as its paper describes it and as its authors ran it, from the command line and in Python.

    import alexcli

    result = alexcli.train()  # the quick start
    net = alexcli.load(result.directory)
    net.evaluate(), net.predict("photo.jpg"), net.features("photos", layer="fc7")

    alexcli.build("alexnet"), alexcli.params("alexnet"), alexcli.ablate("lrn")

The functions are those of `alexcli.api`, which is imported on first use. torch is imported when a
function that needs it is called.
"""

__version__ = "0.1.0"

_OF_API = (
    "AlexcliError",
    "RunFailedError",
    "TrainedNet",
    "UsageError",
    "ablate",
    "build",
    "load",
    "params",
    "train",
)


def __getattr__(name: str) -> object:
    """A function or class of `alexcli.api`."""
    if name not in _OF_API:
        raise AttributeError(f"module 'alexcli' has no attribute {name!r}")
    import importlib  # together with typing it would take longer than all the rest of this file

    return getattr(importlib.import_module("alexcli.api"), name)


def __dir__() -> list[str]:
    """The names that completion offers, without private ones."""
    names = {*globals(), *_OF_API}
    return sorted(name for name in names if name.startswith("__") or not name.startswith("_"))
