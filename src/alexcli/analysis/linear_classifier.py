"""Linear classifiers on fixed features, trained to the neighbourhood of their optimum.

Both losses are convex and smooth, so torch's L-BFGS approaches the same minimum from any start. In
float32 the rounding of the loss often ends a fit before its gradient is as small as TOLERANCE. In
float64, which takes two to three times as long, fits continued until it was: fitted to 1,000
photographs, they erred on 500 others at most 2 times more or less, far within the interval that
`probe` gives.

Legend: N images, U features of an image, K classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.schema import Classifier

MOST_STEPS = 200
"""Iterations after which a fit ends, or after 1.25 times as many computations of the loss."""
TOLERANCE = 1e-5
"""A fit ends when no gradient is larger than this."""
LEAST_CHANGE = 1e-9
"""A fit ends when the loss, or every parameter, changes by less than this in an iteration."""
LEAST_STD = 1e-6
"""Lower bound of a standard deviation, so that constant features are not scaled up."""


class Standardization:
    """Scales features to mean 0 and variance 1 over a classifier's training images.

    Args:
        x: (N, U) float32, the training images' features.
    """

    def __init__(self, x: Tensor) -> None:
        self.mean = x.mean(dim=0)
        self.std = x.std(dim=0, correction=0).clamp_min(LEAST_STD)

    def __call__(self, x: Tensor) -> Tensor:
        """(N, U) float32, standardized."""
        return (x - self.mean) / self.std


class LinearClassifier:
    """Scores of K classes from features.

    Args:
        features: U.
        classes: K.
    """

    def __init__(self, features: int, classes: int) -> None:
        self.weight = torch.zeros(classes, features)
        self.bias = torch.zeros(classes)

    def fit(self, x: Tensor, y: Tensor, l2: float, kind: Classifier) -> None:
        """Minimise the mean loss plus l2 / 2 times the squared weights, from the current weights.

        Ends at TOLERANCE, at LEAST_CHANGE or after MOST_STEPS, whichever comes first.

        Args:
            x: (N, U) float32, standardized.
            y: (N,) int64.
            l2: strength of the penalty, above 0; biases are not penalised.
            kind: the loss: softmax regression, or the squared hinge of each class against the
                others (L2-SVM).
        """
        self.weight.requires_grad_()
        self.bias.requires_grad_()
        optimizer = torch.optim.LBFGS(
            [self.weight, self.bias],
            max_iter=MOST_STEPS,
            tolerance_grad=TOLERANCE,
            tolerance_change=LEAST_CHANGE,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = _loss(F.linear(x, self.weight, self.bias), y, kind)
            loss = loss + l2 / 2 * self.weight.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        with torch.enable_grad():
            optimizer.step(closure)  # type: ignore[no-untyped-call]
        self.weight = self.weight.detach()
        self.bias = self.bias.detach()

    def errors(self, x: Tensor, y: Tensor) -> int:
        """The number of images that it classifies wrongly.

        Args:
            x: (N, U) float32, standardized.
            y: (N,) int64.
        """
        return int((F.linear(x, self.weight, self.bias).argmax(dim=1) != y).sum())


def _loss(scores: Tensor, y: Tensor, kind: Classifier) -> Tensor:
    """The mean loss over images of scores, (N, K)."""
    if kind is Classifier.logistic:
        return F.cross_entropy(scores, y)
    signs = 2.0 * F.one_hot(y, scores.shape[1]) - 1
    return (1 - signs * scores).clamp_min(0).square().sum(dim=1).mean()
