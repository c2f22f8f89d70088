"""The rule behind `plateau` schedules: divide by 10 when the validation error stops improving."""

import math

from alexcli.schema import PlateauSpec


class DivideOnPlateau:
    """Divide `times` times when the validation error stops improving, then stop (section 5).

    The state consists of plain numbers, so that a resumed run continues as if it had never stopped.

    Args:
        spec: divisor, number of divisions, patience and smallest improvement.
    """

    drops: int
    """Number of divisions so far."""
    finished: bool
    """Whether the plateau after the last division was reached; never reset."""
    best: float
    """Lowest validation error so far, a fraction; inf before the first epoch."""
    waited: int
    """Epochs since the best error or since the last division, whichever is later."""

    def __init__(self, spec: PlateauSpec) -> None:
        self.spec = spec
        self.drops = 0
        self.finished = False
        self.best = math.inf
        self.waited = 0

    @property
    def divisor(self) -> float:
        """The product of the divisors so far."""
        return float(self.spec.factor**self.drops)

    def update(self, error: float) -> None:
        """Count an epoch.

        A division keeps the best error and only restarts the count of epochs.

        Args:
            error: validation error after the epoch, a fraction. It is an improvement if it is below
                the best error by more than `min_delta`; NaN never is.
        """
        self.waited += 1
        if error < self.best - self.spec.min_delta:
            self.best = float(error)
            self.waited = 0
            return
        if self.waited < self.spec.patience:
            return
        if self.drops < self.spec.times:
            self.drops += 1
            self.waited = 0
        else:
            self.finished = True

    def state_dict(self) -> dict[str, float | int | bool]:
        """The state as plain numbers, for a checkpoint."""
        return {
            "drops": self.drops,
            "finished": self.finished,
            "best": self.best,
            "waited": self.waited,
        }

    def load_state_dict(self, state: dict[str, float | int | bool]) -> None:
        """Restore a state that `state_dict` returned.

        Raises:
            KeyError: a part of the state is missing; nothing was changed.
        """
        vars(self).update({name: state[name] for name in self.state_dict()})
