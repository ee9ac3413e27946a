from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.layers import EmbeddingLayer, InputLayer, get_output


def test_each_integer_becomes_its_vector(fast):
    W = np.arange(15, dtype="float32").reshape(5, 3)
    words = InputLayer((None, 2), input_var=pt.imatrix())
    layer = EmbeddingLayer(words, 5, 3, W)
    assert layer.output_shape == (None, 2, 3)
    x = np.array([[0, 4], [3, 3], [1, 2]], dtype="int32")
    result = pytensor.function([words.input_var], get_output(layer), mode=fast)(x)
    np.testing.assert_array_equal(result, W[x])


def test_sizes_must_be_positive_integers():
    for sizes, what in (((0, 3), "input_size"), ((3, 1.5), "output_size")):
        with pytest.raises(ValueError, match=f"EmbeddingLayer.*{what} must be a positive integer"):
            EmbeddingLayer((None,), *sizes)
