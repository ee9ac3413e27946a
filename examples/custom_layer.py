"""A layer of your own, three ways: a class, a class with several inputs, and a function.

Usage: python examples/custom_layer.py

The layer is a highway layer (Srivastava, Greff and Schmidhuber 2015): a gate decides for every unit
how much of a transformation, and how much of the unchanged input, goes on.
"""

from __future__ import annotations

import argparse

import numpy as np
import pytensor
import pytensor.tensor as pt

pytensor.config.floatX = "float32"

import nncore
from nncore import init
from nncore.backends import BACKENDS, get_mode
from nncore.decorators import layer
from nncore.layers import DenseLayer, InputLayer, Layer, MergeLayer, get_all_params, get_output
from nncore.nonlinearities import rectify, sigmoid


class HighwayLayer(Layer):
    """Everything in one layer, with its parameters."""

    def __init__(self, incoming, W=init.GlorotUniform(), W_gate=init.Normal(0.1), **kwargs):
        super().__init__(incoming, **kwargs)
        size = self.input_shape[1]
        self.W = self.add_param(W, (size, size), name="W")
        self.W_gate = self.add_param(W_gate, (size, size), name="W_gate")
        # At first nearly everything goes through unchanged.
        self.b_gate = self.add_param(
            init.Constant(-2.0), (size,), name="b_gate", regularizable=False
        )

    def get_output_for(self, input, **kwargs):
        """Mix the transformed and the unchanged input."""
        gate = sigmoid(pt.dot(input, self.W_gate) + self.b_gate)
        return gate * rectify(pt.dot(input, self.W)) + (1 - gate) * input


class GateLayer(MergeLayer):
    """Only the mixing; what is mixed, and the gate, are layers."""

    def __init__(self, gate, transformed, unchanged, **kwargs):
        super().__init__([gate, transformed, unchanged], **kwargs)

    def get_output_shape_for(self, input_shapes):
        """All inputs have the shape of the output."""
        return input_shapes[2]

    def get_output_for(self, inputs, **kwargs):
        """Mix."""
        gate, transformed, unchanged = inputs
        return gate * transformed + (1 - gate) * unchanged


@layer
def Mixed(inputs):
    """Mix, as a function: the decorator makes the class."""
    gate, transformed, unchanged = inputs
    return gate * transformed + (1 - gate) * unchanged


def main():
    """Train the three on the same task."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="a few steps only")
    options = parser.parse_args()
    steps = 20 if options.quick else options.steps

    rng = np.random.default_rng(0)
    data = rng.uniform(-1, 1, (256, 8)).astype("float32")
    wanted = np.abs(data[:, :1] - data[:, 1:2])

    for kind in ("class", "merge", "function"):
        nncore.random.set_rng(0)
        source = InputLayer((None, 8))
        if kind == "class":
            mixed = HighwayLayer(source, name="highway")
        else:
            gate = DenseLayer(source, 8, nonlinearity=sigmoid, b=init.Constant(-2.0))
            parts = [gate, DenseLayer(source, 8), source]
            mixed = GateLayer(*parts) if kind == "merge" else Mixed(parts)
        network = DenseLayer(mixed, 1, nonlinearity=None)
        target = pt.col("target")
        loss = nncore.objectives.squared_error(get_output(network), target).mean()
        params = get_all_params(network, trainable=True)
        step = pytensor.function(
            [source.input_var, target], loss,
            updates=nncore.updates.adam(loss, params, 0.01), mode=get_mode(options.backend),
        )  # fmt: skip
        losses = [float(step(data, wanted)) for _ in range(steps)]
        print(f"{kind}: {len(params)} parameters, loss {losses[0]:.4f} -> {losses[-1]:.4f}")


if __name__ == "__main__":
    main()
