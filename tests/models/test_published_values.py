"""The published networks compute what Caffe's rules say, on values in their published order."""

from __future__ import annotations

import math

import numpy as np
import pytensor
import pytest

from nncore import init, layers, models


class Caffe:
    """Caffe's layers in NumPy, which take their values from a list one by one."""

    def __init__(self, values, flipped=False):
        self.values = iter(values)
        self.flipped = flipped

    def conv(self, x, stride=1, pad=0, relu=True, bias=True):
        W = next(self.values)
        if self.flipped:
            W = W[:, :, ::-1, ::-1]
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(x, W.shape[2:], axis=(2, 3))
        windows = windows[:, :, ::stride, ::stride]
        y = np.moveaxis(np.tensordot(windows, W, axes=((1, 4, 5), (1, 2, 3))), 3, 1)
        if bias:
            y = y + next(self.values)[:, None, None]
        return np.maximum(y, 0) if relu else y

    def dense(self, x, relu=True):
        W, b = next(self.values), next(self.values)
        y = x.reshape(len(x), -1) @ W + b
        return np.maximum(y, 0) if relu else y

    def norm(self, x, relu=True):
        beta, gamma, mean, inv_std = (next(self.values)[:, None, None] for _ in range(4))
        y = (x - mean) * inv_std * gamma + beta
        return np.maximum(y, 0) if relu else y


def pool(x, size, stride, pad=0, function=np.max):
    """Windows begin at every stride while they touch the image, and are cut off at its border."""
    rows, cols = ([(max(i * stride - pad, 0), min(i * stride - pad + size, n))
                   for i in range(math.ceil((n + 2 * pad - size) / stride) + 1)]
                  for n in x.shape[2:])  # fmt: skip
    return np.array([[function(x[:, :, a:b, c:d], axis=(2, 3)) for c, d in cols]
                     for a, b in rows]).transpose(2, 3, 0, 1)  # fmt: skip


def respond(x, alpha, k):
    """Krizhevsky's normalization over 5 channels, as Caffe defines alpha."""
    squares = np.pad(x**2, ((0, 0), (2, 2), (0, 0), (0, 0)))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(5))
    return x / (k + alpha / 5 * total) ** 0.75


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def nin(x, net):
    for pad, function in ((2, np.max), (2, np.mean)):
        x = net.conv(net.conv(net.conv(x, pad=pad)))
        x = pool(x, 3, 2, function=function)
    x = net.conv(net.conv(net.conv(x, pad=1)))
    return x.mean(axis=(2, 3))


def googlenet(x, net):
    x = respond(pool(net.conv(x, stride=2, pad=3), 3, 2), 1e-4, 1)
    x = pool(respond(net.conv(net.conv(x), pad=1), 1e-4, 1), 3, 2)
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        one = net.conv(x)
        three = net.conv(net.conv(x), pad=1)
        five = net.conv(net.conv(x), pad=2)
        x = np.concatenate([one, three, five, net.conv(pool(x, 3, 1, pad=1))], axis=1)
        if module in ("3b", "4e"):
            x = pool(x, 3, 2)
    return softmax(net.dense(x.mean(axis=(2, 3)), relu=False))


def caffe_reference(x, net):
    def halves(x, pad):
        middle = x.shape[1] // 2
        parts = [net.conv(half, pad=pad) for half in (x[:, :middle], x[:, middle:])]
        return np.concatenate(parts, axis=1)

    x = respond(pool(net.conv(x, stride=4), 3, 2), 1e-4, 1)
    x = respond(pool(halves(x, 2), 3, 2), 1e-4, 1)
    x = pool(halves(halves(net.conv(x, pad=1), 1), 1), 3, 2)
    return softmax(net.dense(net.dense(net.dense(x)), relu=False))


def vgg_cnn_s(x, net):
    x = pool(respond(net.conv(x, stride=2), 5e-4, 2), 3, 3)
    x = pool(net.conv(x), 2, 2)
    x = pool(net.conv(net.conv(net.conv(x, pad=1), pad=1), pad=1), 3, 3)
    return softmax(net.dense(net.dense(net.dense(x)), relu=False))


def resnet50(x, net):
    x = pool(net.norm(net.conv(x, stride=2, pad=3, relu=False)), 3, 2)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            shortcut = x
            if not block:
                shortcut = net.norm(net.conv(x, stride, relu=False, bias=False), relu=False)
            y = net.norm(net.conv(x, stride, relu=False, bias=False))
            y = net.norm(net.conv(y, pad=1, relu=False, bias=False))
            y = net.norm(net.conv(y, relu=False, bias=False), relu=False)
            x = np.maximum(shortcut + y, 0)
    return softmax(net.dense(x.mean(axis=(2, 3)), relu=False))


CASES = {
    "cifar10_nin": (nin, (3, 32, 32)),
    "googlenet": (googlenet, (3, 65, 64)),
    "caffe_reference": (caffe_reference, (3, 99, 67)),
    "vgg_cnn_s": (vgg_cnn_s, (3, 80, 89)),
    "resnet50": (resnet50, (3, 33, 32)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_network_computes_what_caffe_computes_with_the_published_order_of_values(name, fast):
    reference, shape = CASES[name]
    rng = np.random.RandomState(0)
    net = getattr(models, name)(shape, 5, W=init.Constant(0))
    last = next(reversed(net.values()))
    values = []
    for param in layers.get_all_params(last):
        size = param.get_value(borrow=True).shape
        if len(size) == 1:
            value = rng.uniform(0.5, 1, size) * (1 if "bn" in param.name else 0.01)
        else:
            value = rng.normal(size=size) / math.sqrt(math.prod(size[1:]) if size[2:] else size[0])
        values.append(value.astype("float32"))
    layers.set_all_param_values(last, values)
    x = rng.uniform(-100, 100, (2, *shape)).astype("float32")
    variable = next(iter(net.values())).input_var
    output = layers.get_output(last, deterministic=True)
    found = pytensor.function([variable], output, mode=fast)(x)
    calculated = Caffe(values, flipped=name == "caffe_reference")
    expected = reference(x.astype("float64"), calculated)
    assert next(calculated.values, None) is None
    largest = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 0.01 * largest
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * largest)
