from __future__ import annotations

import json

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore import nonlinearities
from nncore._encoding import FUNCTIONS, Unencodable, decode, encode
from nncore.errors import ModelFileError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.dictionaries(st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=4))
def test_any_plain_value_survives_json(value):
    encoded = json.dumps(encode(value), allow_nan=False)
    assert decode(json.loads(encoded)) == value


@pytest.mark.parametrize(
    "value",
    [slice(None, 3, -1), Ellipsis, np.dtype("int16"), nonlinearities.rectify, pt.mean, pt.tanh,
     nonlinearities.ScaledTanH(0.5, 2), nonlinearities.selu, float("inf"), (1, [2, (3,)])],
)  # fmt: skip
def test_special_values_survive_json(value):
    again = decode(json.loads(json.dumps(encode(value))))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    "array",
    [np.float32(0.1), np.int64(3), np.bool_(True), np.arange(6, dtype=">i2").reshape(2, 3),
     np.array([np.nan, np.inf, 1 / 3]), np.array(["a", "bc"]), np.zeros((0, 2))],
)  # fmt: skip
def test_small_arrays_survive_json(array):
    again = decode(json.loads(json.dumps(encode(array))))
    np.testing.assert_array_equal(again, array)
    assert again.dtype == array.dtype
    assert again.shape == array.shape


def test_a_large_array_among_the_arguments_is_an_error():
    with pytest.raises(Unencodable, match="an array of 5000 elements"):
        encode(np.zeros(5000))


def test_every_listed_function_is_one_of_pytensor():
    for name in FUNCTIONS:
        assert decode(encode(getattr(pt, name))) is getattr(pt, name)


@pytest.mark.parametrize("value", [{1, 2}, object(), 1j, b"bytes"])
def test_a_value_of_another_type_is_an_error_that_names_the_type(value):
    with pytest.raises(Unencodable, match=type(value).__name__):
        encode([value])


@pytest.mark.parametrize("value", [{"$unknown": 1}, {"$function": "eval"}])
def test_what_stands_for_nothing_is_an_error(value):
    with pytest.raises(ModelFileError, match="stands for nothing"):
        decode(value)
