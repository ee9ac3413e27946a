"""Batchwise dropout beside ordinary dropout: accuracy, and the time of an epoch.

Usage: python examples/batchwise_dropout.py [--units 1000]
"""

from __future__ import annotations

import argparse

import pytensor

pytensor.config.floatX = "float32"

import nncore
from nncore import datasets, training
from nncore.backends import BACKENDS
from nncore.layers import BatchwiseDropoutDenseLayer, DenseLayer, DropoutLayer, InputLayer
from nncore.nonlinearities import softmax


def ordinary(units, p):
    """Masks of its own for every sample."""
    net = InputLayer((None, 1, 8, 8))
    for _ in range(2):
        net = DropoutLayer(DenseLayer(net, units), p)
    return DenseLayer(net, 10, nonlinearity=softmax)


def batchwise(units, p):
    """The same units for a whole batch, so that the matrices shrink."""
    net = InputLayer((None, 1, 8, 8))
    for _ in range(2):
        net = BatchwiseDropoutDenseLayer(net, units, p=p)
    return BatchwiseDropoutDenseLayer(net, 10, p=0, nonlinearity=softmax)


def main():
    """Train both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--p", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="one epoch of a small network")
    options = parser.parse_args()
    units, epochs = (32, 1) if options.quick else (options.units, options.epochs)

    digits = datasets.load("digits")
    for build in (ordinary, batchwise):
        nncore.random.set_rng(0)
        network = build(units, options.p)
        records = list(
            training.train(
                network, digits.train, digits.validation, epochs=epochs, batch_size=128,
                backend=options.backend,
            )
        )  # fmt: skip
        test = training.evaluate(network, digits.test, backend=options.backend)
        # The first batch of the first epoch waits for the compiler and does not count.
        speed = max(record.samples_per_second for record in records)
        print(f"{build.__name__}: {speed:,.0f} images/s, test accuracy {test['accuracy']:.1%}")


if __name__ == "__main__":
    main()
