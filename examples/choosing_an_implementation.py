"""One network, computed by every implementation of convolution and pooling that works here.

Usage: python examples/choosing_an_implementation.py [--size 32]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pytensor

pytensor.config.floatX = "float32"

import nncore
from nncore import registry
from nncore.backends import BACKENDS, get_mode
from nncore.layers import (
    Conv2DLayer,
    GlobalPoolLayer,
    InputLayer,
    MaxPool2DLayer,
    get_all_layers,
    get_output,
)


def build(size, filters, **options):
    """Build the network."""
    nncore.random.set_rng(0)
    net = InputLayer((None, 3, size, size))
    net = MaxPool2DLayer(Conv2DLayer(net, filters, 3, pad="same", **options), 2)
    return GlobalPoolLayer(Conv2DLayer(net, filters, 3, num_groups=2, dilation=2, **options))


def shifted_products(input, W, input_shape, W_shape, subsample, border_mode, filter_flip, **groups):
    """Convolve by products of shifted images: an implementation brought as a function."""
    if groups or set(subsample) != {1} or border_mode != "half":
        raise NotImplementedError("only whole, padded convolutions without a stride")
    rows, columns = W_shape[2:]
    padded = pytensor.tensor.zeros(
        (input.shape[0], W_shape[1], input_shape[2] + rows - 1, input_shape[3] + columns - 1)
    )
    top, left = rows // 2, columns // 2
    inside = (slice(None), slice(None), slice(top, top + input_shape[2]),
              slice(left, left + input_shape[3]))  # fmt: skip
    padded = pytensor.tensor.set_subtensor(padded[inside], input)
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            tap = W[:, :, rows - 1 - i, columns - 1 - j] if filter_flip else W[:, :, i, j]
            window = padded[:, :, i : i + input_shape[2], j : j + input_shape[3]]
            total += pytensor.tensor.tensordot(window, tap, axes=[[1], [1]])
    return total.dimshuffle(0, 3, 1, 2)


def main():
    """Compute the same with all of them, and say how long it takes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--backend", choices=BACKENDS, default="numba")
    parser.add_argument("--quick", action="store_true", help="small images")
    options = parser.parse_args()
    size, filters = (12, 4) if options.quick else (options.size, 32)

    x = np.random.default_rng(0).random((8, 3, size, size), dtype="float32")
    expected = None
    for entry in registry.implementation_choices("conv"):
        with nncore.using(conv=entry):
            network = build(size, filters)
            try:
                images = get_all_layers(network)[0].input_var
                mode = get_mode(options.backend)
                f = pytensor.function([images], get_output(network), mode=mode)
                found = np.asarray(f(x))
            except nncore.errors.NNCoreError as error:
                print(f"{entry}: {error}")
                continue
        started = time.perf_counter()
        f(x)
        seconds = time.perf_counter() - started
        expected = found if expected is None else expected
        print(f"{entry}: {seconds * 1e3:.2f} ms, differs by {abs(found - expected).max():.1e}")

    source = InputLayer((None, 3, size, size))
    ours = Conv2DLayer(source, filters, 3, pad="same", name="ours")
    theirs = Conv2DLayer(source, filters, 3, pad="same", W=ours.W, convolution=shifted_products)
    difference = abs(get_output(ours, x) - get_output(theirs, x)).max()
    print(f"a function: differs by {float(difference.eval(mode=get_mode(options.backend))):.1e}")


if __name__ == "__main__":
    main()
