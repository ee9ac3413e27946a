"""Feedback alignment beside backpropagation, on handwritten digits.

Usage: python examples/feedback_alignment.py

The angle between the weights of a layer and its fixed random feedback weights begins near 90
degrees. It shrinks as the weights learn to make the feedback useful.
"""

from __future__ import annotations

import argparse

import numpy as np
import pytensor
import pytensor.tensor as pt

pytensor.config.floatX = "float32"

import nncore
from nncore import datasets, objectives, updates
from nncore.backends import BACKENDS, get_mode
from nncore.layers import DenseLayer, InputLayer, get_all_params, get_output
from nncore.nonlinearities import softmax, tanh
from nncore.training import minibatches


def angle(a, b):
    """Degrees between two matrices, taken as vectors."""
    cosine = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
    return float(np.degrees(np.arccos(cosine)))


def main():
    """Train twice and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="two epochs only")
    options = parser.parse_args()
    epochs = 2 if options.quick else options.epochs

    digits = datasets.load("digits")
    for name in ("backpropagation", "feedback alignment"):
        nncore.random.set_rng(0)
        hidden = DenseLayer(InputLayer((None, 1, 8, 8)), 64, nonlinearity=tanh, name="hidden")
        network = DenseLayer(hidden, 10, nonlinearity=softmax, name="out")
        x, t = pt.tensor4("x"), pt.ivector("t")
        prediction = get_output(network, x)
        loss = objectives.categorical_crossentropy(prediction, t).mean()
        accuracy = objectives.categorical_accuracy(prediction, t).mean()
        params = get_all_params(network, trainable=True)
        feedback = None
        gradients = loss
        if name == "feedback alignment":
            drawn = nncore.init.GlorotUniform()(network.W.get_value().shape)
            feedback = pytensor.shared(drawn, name="feedback")
            gradients = nncore.feedback_alignment(loss, network, params, {network.W: feedback})
        rule = updates.momentum(gradients, params, learning_rate=0.05)
        mode = get_mode(options.backend)
        step = pytensor.function([x, t], loss, updates=rule, mode=mode)
        score = pytensor.function([x, t], accuracy, mode=mode)
        if feedback is not None:
            print(f"angle before: {angle(network.W.get_value(), feedback.get_value()):.0f} degrees")
        for epoch in range(epochs):
            for batch in minibatches(digits.train.x, digits.train.y, batch_size=64, seed=epoch):
                step(*batch)
        print(f"{name}: test accuracy {float(score(digits.test.x, digits.test.y)):.1%}")
        if feedback is not None:
            print(f"angle after: {angle(network.W.get_value(), feedback.get_value()):.0f} degrees")


if __name__ == "__main__":
    main()
