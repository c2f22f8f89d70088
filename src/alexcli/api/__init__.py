"""alexcli from Python: what its commands do, as functions. `import alexcli` offers them.

Overrides are the words of the command line, such as "model.width=0.5" or "data=folder". Wrong ones,
and other errors that a user can fix, raise `alexcli.UsageError` with a message and a hint.
"""

from alexcli.api.nets import build, params, train
from alexcli.api.study import ablate
from alexcli.api.trained_net import TrainedNet, load
from alexcli.errors import AlexcliError, RunFailedError, UsageError

__all__ = [
    "AlexcliError",
    "RunFailedError",
    "TrainedNet",
    "UsageError",
    "ablate",
    "build",
    "load",
    "params",
    "train",
]
