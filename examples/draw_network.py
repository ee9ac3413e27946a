"""A table and a picture of a network with branches.

Usage: python examples/draw_network.py [FILE]

The suffix of FILE is .svg, or .png or .pdf with matplotlib. Default: network.svg.
"""

from __future__ import annotations

import argparse

import nncore
from nncore.layers import (
    ConcatLayer,
    Conv2DLayer,
    DenseLayer,
    ElemwiseSumLayer,
    GlobalPoolLayer,
    InputLayer,
    MaxPool2DLayer,
    batch_norm,
)
from nncore.nonlinearities import softmax


def build():
    """A block of Inception, and a block with a shortcut."""
    net = InputLayer((None, 3, 32, 32), name="image")
    branches = [Conv2DLayer(net, 8, size, pad="same", name=f"{size}x{size}") for size in (1, 3, 5)]
    net = MaxPool2DLayer(ConcatLayer(branches, name="join"), 2, name="pool")
    residual = batch_norm(Conv2DLayer(net, 24, 3, pad="same", name="residual"))
    net = ElemwiseSumLayer([net, residual], name="sum")
    return DenseLayer(GlobalPoolLayer(net, name="mean"), 10, nonlinearity=softmax, name="classes")


def main():
    """Print the table and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", default="network.svg")
    parser.add_argument("--quick", action="store_true", help="the same: it is quick")
    options = parser.parse_args()
    network = build()
    nncore.summary(network)
    nncore.draw(network, options.file)
    print(f"drawn to {options.file}")


if __name__ == "__main__":
    main()
