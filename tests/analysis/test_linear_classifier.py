"""Classifiers against those of scikit-learn, which minimise the same sums by other code."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from alexcli.analysis.linear_classifier import LinearClassifier, Standardization
from alexcli.schema import Classifier

N, U, K = 120, 6, 3


@pytest.fixture
def problem() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, U, generator=generator)
    noise = torch.randn(N, K, generator=generator)
    y = (x @ torch.randn(U, K, generator=generator) + noise).argmax(dim=1)
    return x, y


@pytest.mark.parametrize("l2", [1.0, 0.01])
def test_softmax_regression_is_that_of_scikit_learn(
    problem: tuple[torch.Tensor, torch.Tensor], l2: float
) -> None:
    x, y = problem
    ours = LinearClassifier(U, K)
    ours.fit(x, y, l2, Classifier.logistic)
    theirs = LogisticRegression(C=1 / (N * l2), tol=1e-8, max_iter=1000).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ours.weight.numpy(), theirs.coef_, atol=2e-3)
    wrong = int((theirs.predict(x.numpy()) != y.numpy()).sum())
    assert abs(ours.errors(x, y) - wrong) <= 1


def test_the_svm_is_that_of_scikit_learn(problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = problem
    ours = LinearClassifier(U, K)
    ours.fit(x, y, 0.1, Classifier.svm)
    # liblinear penalizes the bias like a weight of a feature: of a large one, next to nothing.
    options = {"tol": 1e-8, "max_iter": 100_000, "intercept_scaling": 100.0, "dual": "auto"}
    theirs = LinearSVC(C=1 / (N * 0.1), **options)
    theirs.fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ours.weight.numpy(), theirs.coef_, atol=5e-3)


def test_the_optimum_does_not_depend_on_the_start(
    problem: tuple[torch.Tensor, torch.Tensor],
) -> None:
    x, y = problem
    cold, warm = LinearClassifier(U, K), LinearClassifier(U, K)
    warm.fit(x, y, 10.0, Classifier.logistic)
    for classifier in (cold, warm):
        classifier.fit(x, y, 0.01, Classifier.logistic)
    torch.testing.assert_close(cold.weight, warm.weight, rtol=0, atol=2e-3)


def test_standardized_features_have_mean_0_and_variance_1() -> None:
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    assert Standardization(x)(x).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
