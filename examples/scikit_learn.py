"""Networks as scikit-learn estimators: a pipeline and a search over networks.

Usage: python examples/scikit_learn.py
"""

from __future__ import annotations

import argparse

import pytensor

pytensor.config.floatX = "float32"

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nncore.backends import BACKENDS
from nncore.estimators import NetworkClassifier
from nncore.layers import DenseLayer, InputLayer, batch_norm, dropout
from nncore.nonlinearities import softmax


def normalized(input_shape, num_outputs, units=64, p=0.3):
    """A network that the search chooses the sizes of."""
    net = batch_norm(DenseLayer(InputLayer((None, *input_shape)), units))
    return DenseLayer(dropout(net, p), num_outputs, nonlinearity=softmax)


def main():
    """Search, and test what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="few samples, one epoch")
    options = parser.parse_args()

    X, y = load_digits(return_X_y=True)
    if options.quick:
        X, y, options.epochs = X[:200], y[:200], 1
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
    network = NetworkClassifier(
        normalized, max_epochs=options.epochs, backend=options.backend, random_state=0
    )
    search = GridSearchCV(
        make_pipeline(StandardScaler(), network),
        {"networkclassifier__network_options": [{"units": 32}, {"units": 64, "p": 0.5}]},
        cv=2,
    )
    search.fit(X_train, y_train)
    print(f"best: {search.best_params_}, {search.best_score_:.1%} in cross validation")
    print(f"test accuracy {search.score(X_test, y_test):.1%}")


if __name__ == "__main__":
    main()
