from __future__ import annotations

import io

import numpy as np
import pytensor.tensor as pt
import pytest

import nncore
from nncore.inspection import format_summary, summarize
from nncore.layers import (
    ConcatLayer,
    Conv1DLayer,
    Conv2DLayer,
    DenseLayer,
    EmbeddingLayer,
    GRULayer,
    InputLayer,
    Layer,
    NINLayer,
    TransposedConv2DLayer,
    batch_norm,
    count_params,
)


def last(layer, **options):
    return summarize(layer, **options)[-1]


@pytest.mark.parametrize(
    ("layer", "shape", "parameters", "multiply_adds"),
    [
        (lambda: DenseLayer(InputLayer((None, 784)), 800), (None, 800), 785 * 800, 784 * 800),
        (lambda: DenseLayer(InputLayer((None, 3, 4, 5)), 7), (None, 7), 61 * 7, 60 * 7),
        (
            lambda: DenseLayer(InputLayer((None, 3, 4)), 7, num_leading_axes=2),
            (None, 3, 7),
            5 * 7,
            3 * 4 * 7,
        ),
        (
            lambda: Conv2DLayer(InputLayer((None, 3, 32, 32)), 16, 5),
            (None, 16, 28, 28),
            3 * 16 * 25 + 16,
            28 * 28 * 16 * 3 * 25,
        ),
        (
            lambda: Conv2DLayer(
                InputLayer((None, 8, 9, 9)), 16, 3, stride=2, pad=1, num_groups=4, b=None
            ),
            (None, 16, 5, 5),
            16 * 2 * 9,
            5 * 5 * 16 * 2 * 9,
        ),
        (
            lambda: Conv1DLayer(InputLayer((None, 4, 10)), 6, 3),
            (None, 6, 8),
            6 * 4 * 3 + 6,
            8 * 6 * 4 * 3,
        ),
        (
            lambda: TransposedConv2DLayer(InputLayer((None, 4, 5, 5)), 6, 3),
            (None, 6, 7, 7),
            4 * 6 * 9 + 6,
            25 * 4 * 6 * 9,
        ),
        (
            lambda: NINLayer(InputLayer((None, 4, 5, 5)), 6),
            (None, 6, 5, 5),
            4 * 6 + 6,
            25 * 4 * 6,
        ),
        (
            lambda: EmbeddingLayer(InputLayer((None, 5), pt.imatrix()), 100, 8),
            (None, 5, 8),
            800,
            0,
        ),
    ],
)
def test_a_layers_row_has_what_it_costs(layer, shape, parameters, multiply_adds):
    row = last(layer())
    assert (row.output_shape, row.parameters) == (shape, parameters)
    assert row.multiply_adds == multiply_adds
    assert row.memory == 4 * int(np.prod(shape[1:]))


def test_the_batch_size_multiplies_memory_and_multiply_adds_if_it_is_open():
    row = last(DenseLayer(InputLayer((None, 10)), 5), batch_size=8)
    assert (row.memory, row.multiply_adds) == (8 * 5 * 4, 8 * 10 * 5)
    row = last(DenseLayer(InputLayer((3, 10)), 5), batch_size=8)
    assert (row.memory, row.multiply_adds) == (3 * 5 * 4, 3 * 10 * 5)


def test_the_note_says_for_how_many_samples():
    open_, fixed = (DenseLayer(InputLayer((size, 10)), 5) for size in (None, 3))
    assert format_summary(open_).endswith("are for 1 sample.")
    assert format_summary(open_, batch_size=8).endswith("are for 8 samples.")
    assert format_summary(fixed, batch_size=8).endswith("are for 3 samples.")


def test_a_loop_costs_its_steps():
    row = last(GRULayer(InputLayer((None, 5, 3)), 6))
    assert row.multiply_adds == 5 * (3 * 18 + 6 * 18)
    assert last(GRULayer(InputLayer((None, None, 3)), 6)).multiply_adds is None


def test_what_depends_on_open_sizes_is_unknown():
    row = last(Conv2DLayer(InputLayer((None, 3, None, 8)), 4, 3))
    assert row.memory is None
    assert row.multiply_adds is None
    table = format_summary(Conv2DLayer(InputLayer((None, 3, None, 8)), 4, 3))
    assert "?" in table.splitlines()[-4]


def test_shared_parameters_are_counted_once():
    first = DenseLayer(InputLayer((None, 6)), 6)
    second = DenseLayer(first, 6, W=first.W, b=first.b)
    rows = summarize(second)
    assert [row.parameters for row in rows] == [0, 42, 0]
    assert sum(row.parameters for row in rows) == count_params(second)


def test_parameters_that_are_not_trained_are_told_apart():
    network = batch_norm(DenseLayer(InputLayer((None, 3)), 4))
    rows = summarize(network)
    assert sum(row.trainable for row in rows) == count_params(network, trainable=True) == 20
    assert "20 parameters are trained and 8 are not; they take 112 B." in format_summary(network)


def branching():
    image = InputLayer((None, 3, 8, 8), name="image")
    left, right = Conv2DLayer(image, 4, 1, name="left"), Conv2DLayer(image, 5, 1, name="right")
    return ConcatLayer([left, right], name="joined")


def test_branches_say_where_their_input_comes_from():
    lines = format_summary(branching()).splitlines()
    assert lines[0].endswith("Input from")
    assert [line.split("  ")[-1].strip() for line in lines[4:6]] == ["image", "left, right"]
    assert "Input from" not in format_summary(DenseLayer(InputLayer((None, 3)), 2))


def test_the_totals_are_the_sums():
    rows = summarize(branching())
    total = format_summary(branching()).splitlines()[-4].split()
    assert total[0] == "Total"
    assert total[1] == str(sum(row.parameters for row in rows))
    assert total[-1] == f"{sum(row.multiply_adds for row in rows):,}"


def test_columns_are_aligned():
    lines = format_summary(branching(), batch_size=100).splitlines()[:-3]
    end = lines[0].index("Parameters") + len("Parameters")
    for line in (*lines[2:-2], lines[-1]):
        assert line[end - 1].isdigit()
        assert line[end : end + 2] == "  "
    assert len(set(map(len, (lines[1], lines[-2])))) == 1


def test_it_is_printed_to_the_file():
    file = io.StringIO()
    network = DenseLayer(InputLayer((None, 3)), 2)
    assert nncore.summary(network, file=file) is None
    assert file.getvalue() == format_summary(network) + "\n"


def test_a_layer_that_cannot_be_built_without_its_users_options_has_unknown_costs():
    class Needy(Layer):
        def get_output_for(self, input, **kwargs):
            return input * kwargs["scale"]

    assert last(Needy(InputLayer((None, 3)))).multiply_adds is None


@pytest.mark.parametrize("batch_size", [0, 1.5, True])
def test_a_batch_size_must_be_a_positive_integer(batch_size):
    with pytest.raises(ValueError, match=r"batch_size=.* positive integer"):
        summarize(DenseLayer(InputLayer((None, 3)), 2), batch_size=batch_size)
