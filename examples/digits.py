"""Train a network on handwritten digits, with the layers and a loop written by hand.

Usage: python examples/digits.py [MODEL] [--epochs N]

MODEL is mlp (two hidden layers with dropout) or cnn (two convolutions with pooling). The digits
come with scikit-learn: 1797 images of 8 x 8 pixels.
"""

from __future__ import annotations

import argparse
import time

import pytensor
import pytensor.tensor as pt

pytensor.config.floatX = "float32"

import nncore
from nncore import datasets, layers, objectives, updates
from nncore.backends import BACKENDS, get_mode
from nncore.nonlinearities import softmax
from nncore.training import minibatches


def build_mlp(input_var, units):
    """Two hidden layers; 20 % of the inputs and half of the hidden units are dropped."""
    net = layers.InputLayer((None, 1, 8, 8), input_var)
    net = layers.DropoutLayer(net, p=0.2)
    for _ in range(2):
        net = layers.DropoutLayer(layers.DenseLayer(net, units), p=0.5)
    return layers.DenseLayer(net, 10, nonlinearity=softmax)


def build_cnn(input_var, units):
    """Two convolutions, each with a pooling, and a hidden layer."""
    net = layers.InputLayer((None, 1, 8, 8), input_var)
    for filters in (16, 32):
        net = layers.Conv2DLayer(net, filters, filter_size=3, pad="same")
        net = layers.MaxPool2DLayer(net, pool_size=2)
    net = layers.DropoutLayer(layers.DenseLayer(net, units), p=0.5)
    return layers.DenseLayer(net, 10, nonlinearity=softmax)


def main():
    """Build, compile, train, test."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", choices=["mlp", "cnn"], default="mlp")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="one epoch of a small network")
    options = parser.parse_args()
    units, epochs = (16, 1) if options.quick else (256, options.epochs)

    nncore.random.set_rng(0)
    digits = datasets.load("digits")
    input_var, target_var = pt.tensor4("inputs"), pt.ivector("targets")
    build = build_mlp if options.model == "mlp" else build_cnn
    network = build(input_var, units)

    # What is trained is noisy; what is measured is not.
    prediction = layers.get_output(network)
    loss = objectives.categorical_crossentropy(prediction, target_var).mean()
    params = layers.get_all_params(network, trainable=True)
    rule = updates.nesterov_momentum(loss, params, learning_rate=0.05, momentum=0.9)
    clean = layers.get_output(network, deterministic=True)
    clean_loss = objectives.categorical_crossentropy(clean, target_var).mean()
    accuracy = objectives.categorical_accuracy(clean, target_var).mean()

    mode = get_mode(options.backend)
    train = pytensor.function([input_var, target_var], loss, updates=rule, mode=mode)
    evaluate = pytensor.function([input_var, target_var], [clean_loss, accuracy], mode=mode)

    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        losses = [
            float(train(x, y))
            for x, y in minibatches(digits.train.x, digits.train.y, batch_size=64, seed=epoch)
        ]
        valid_loss, valid_accuracy = evaluate(digits.validation.x, digits.validation.y)
        print(
            f"epoch {epoch}: {time.perf_counter() - started:.2f} s, "
            f"training loss {sum(losses) / len(losses):.4f}, "
            f"validation loss {float(valid_loss):.4f}, accuracy {float(valid_accuracy):.1%}"
        )
    _, test_accuracy = evaluate(digits.test.x, digits.test.y)
    print(f"test accuracy {float(test_accuracy):.1%}")


if __name__ == "__main__":
    main()
