"""The adding problem: a recurrent network adds two marked numbers of a long sequence.

Usage: python examples/recurrent.py [LAYER]

Each element of a sequence has a random number and a mark, which is 1 at two places and 0 elsewhere.
The target is the sum of the two marked numbers (Hochreiter and Schmidhuber 1997). Sequences have
different lengths, so there is a mask. Always answering 1 gives a mean squared error of 1/6.
"""

from __future__ import annotations

import argparse

import numpy as np
import pytensor
import pytensor.tensor as pt

pytensor.config.floatX = "float32"

import nncore
from nncore import layers, objectives, updates
from nncore.backends import BACKENDS, get_mode

LAYERS = {
    "gru": layers.GRULayer,
    "lstm": layers.LSTMLayer,
    "recurrent": layers.RecurrentLayer,
}


def draw(rng, batch, longest):
    """Draw sequences ``(batch, longest, 2)``, their targets and their masks."""
    lengths = rng.integers(longest // 2, longest + 1, batch)
    mask = (np.arange(longest) < lengths[:, None]).astype("float32")
    numbers = rng.uniform(size=(batch, longest)) * mask
    marks = np.zeros((batch, longest))
    for row, length in enumerate(lengths):
        marks[row, rng.integers(length // 2)] = 1
        marks[row, rng.integers(length // 2, length)] = 1
    targets = (numbers * marks).sum(axis=1, keepdims=True)
    sequences = np.stack([numbers, marks], axis=2)
    return sequences.astype("float32"), mask, targets.astype("float32")


def main():
    """Train forwards and backwards through the sequences, and answer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("layer", nargs="?", choices=sorted(LAYERS), default="gru")
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--units", type=int, default=50)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="a few steps on short sequences")
    options = parser.parse_args()
    if options.quick:
        options.length, options.units, options.steps = 6, 4, 4

    nncore.random.set_rng(0)
    rng = np.random.default_rng(0)
    sequence = layers.InputLayer((None, None, 2), name="sequence")
    mask = layers.InputLayer((None, None), name="mask")
    both = [
        LAYERS[options.layer](
            sequence, options.units, mask_input=mask, grad_clipping=100, only_return_final=True,
            backwards=backwards,
        )
        for backwards in (False, True)
    ]  # fmt: skip
    network = layers.DenseLayer(layers.ConcatLayer(both), 1, nonlinearity=None)

    target = pt.col("target")
    loss = objectives.squared_error(layers.get_output(network), target).mean()
    params = layers.get_all_params(network, trainable=True)
    variables = [sequence.input_var, mask.input_var, target]
    step = pytensor.function(
        variables, loss, updates=updates.adam(loss, params, 0.005), mode=get_mode(options.backend)
    )
    losses = []
    for number in range(1, options.steps + 1):
        losses.append(float(step(*draw(rng, 64, options.length))))
        if number % max(1, options.steps // 10) == 0:
            print(f"step {number}: mean squared error {np.mean(losses[-20:]):.5f}")


if __name__ == "__main__":
    main()
