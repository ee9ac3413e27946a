"""The table of a network: its layers, their shapes, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import toposort
from pytensor.scan.op import Scan
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.math import Dot

from nncore.layers import InputLayer, MergeLayer, get_all_layers, get_output_shape
from nncore.ops.conv import Conv, ConvGradFilters, ConvGradInput

__all__ = ["LayerSummary", "format_summary", "summarize", "summary"]


@dataclass(frozen=True)
class LayerSummary:
    """What the table says of one layer.

    Attributes
    ----------
    name : str
        The layer's name, or else its place in the table, from 0 on.
    kind : str
        The class without ``Layer``.
    incoming : tuple of str
        Names of the layers feeding into it.
    output_shape : tuple
        The output shape, None for sizes that may vary.
    parameters : int
        How many numbers there are in its parameters; those that it shares with a layer before it
        are counted there.
    trainable : int
        How many of those are trained.
    memory : int or None
        Bytes that its output takes; None if it has sizes that may vary other than the batch.
    multiply_adds : int or None
        Multiplications with an addition in its matrix products and convolutions; None if they
        depend on sizes that may vary other than the batch.
    """

    name: str
    kind: str
    incoming: tuple[str, ...]
    output_shape: tuple[int | None, ...]
    parameters: int
    trainable: int
    memory: int | None
    multiply_adds: int | None


def summarize(layer: Any, batch_size: int = 1) -> list[LayerSummary]:
    """Collect shapes and costs of all layers of a network.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    batch_size : int
        Number of samples for memory and multiply-adds, if the network leaves it open. Default: 1.

    Returns
    -------
    list of LayerSummary
        One for each layer, in topological order.

    Examples
    --------
    >>> from nncore.inspection import summarize
    >>> from nncore.layers import Conv2DLayer, InputLayer
    >>> row = summarize(Conv2DLayer(InputLayer((None, 3, 32, 32)), 16, 5))[-1]
    >>> row.parameters, row.memory, row.multiply_adds
    (1216, 50176, 940800)
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size={batch_size!r} must be a positive integer.")
    layers = get_all_layers(layer)
    names = {one: one.name or str(index) for index, one in enumerate(layers)}
    inputs = {
        one: (batch_size, *one.shape[1:]) if one.shape and one.shape[0] is None else one.shape
        for one in layers
        if isinstance(one, InputLayer)
    }
    shapes = dict(zip(layers, get_output_shape(layers, inputs or None), strict=True))
    seen: set[Any] = set()
    rows = []
    for one in layers:
        counts = {True: 0, False: 0}
        for trainable in (True, False):
            for param in one.get_params(trainable=trainable):
                if param not in seen:
                    seen.add(param)
                    counts[trainable] += math.prod(np.shape(param.get_value(borrow=True)))
        shape = shapes[one]
        dtype = np.dtype(getattr(one, "dtype", None) or _dtype(one))
        rows.append(
            LayerSummary(
                names[one],
                type(one).__name__.removesuffix("Layer"),
                tuple(names[other] for other in incoming_layers(one)),
                tuple(one.output_shape),
                counts[True] + counts[False],
                counts[True],
                None if None in shape else math.prod(shape) * dtype.itemsize,
                _multiply_adds(one, shapes),
            )
        )
    return rows


def incoming_layers(layer: Any) -> list[Any]:
    """List the layers that feed into a layer.

    Parameters
    ----------
    layer : Layer
        The layer.

    Returns
    -------
    list of Layer
        Without those that are only shapes.

    Examples
    --------
    >>> from nncore.inspection.summary import incoming_layers
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> incoming_layers(DenseLayer(InputLayer((None, 3)), 2))
    [<InputLayer>]
    """
    found = (
        layer.input_layers
        if hasattr(layer, "input_layers")
        else [getattr(layer, "input_layer", None)]
    )
    return [one for one in found if one is not None]


def _dtype(layer: Any) -> str:
    variable = getattr(layer, "input_var", None)
    return variable.dtype if isinstance(variable, Variable) else pytensor.config.floatX


def _multiply_adds(layer: Any, shapes: dict[Any, Any]) -> int | None:
    """Count those of one layer, in its expression for inputs of these shapes."""
    if isinstance(layer, InputLayer):
        return 0
    given = []
    merges = isinstance(layer, MergeLayer)
    own = layer.input_shapes if merges else [layer.input_shape]
    sources = layer.input_layers if merges else [layer.input_layer]
    for source, shape in zip(sources, own, strict=True):
        dtype = pytensor.config.floatX if source is None else _dtype(source)
        given.append(pt.tensor(dtype=dtype, shape=tuple(shapes.get(source, shape))))
    try:
        output = layer.get_output_for(given if merges else given[0], deterministic=True)
    except Exception:  # a layer may need options that only its user knows
        return None
    return _count([output], given)


def _count(outputs: Iterable[Any], blockers: Iterable[Any]) -> int | None:
    total = 0
    for node in toposort(list(outputs), list(blockers)):
        count = _count_of(node)
        if count is None:
            return None
        total += count
    return total


def _count_of(node: Any) -> int | None:
    op = node.op
    core = op.core_op if isinstance(op, Blockwise) else op
    if isinstance(op, Scan):
        (steps,) = _folded(node.inputs[:1])
        inner = _count(op.fgraph.outputs, op.fgraph.inputs)
        return 0 if inner == 0 else None if None in (steps, inner) else steps * inner
    if isinstance(core, Dot | BatchedDot):
        # Every number of the result takes as many as the axis that is summed over has.
        left, right = (_shape(variable) for variable in node.inputs)
        sizes = (*left, *right[-1:]) if len(right) > 1 else left
        if isinstance(op, Blockwise | BatchedDot):
            sizes = (*_shape(node.outputs[0]), left[-1])
    elif isinstance(op, Conv | ConvGradInput | ConvGradFilters):
        geometry = op.geometry(node)
        sizes = (*geometry.output_shape(), *geometry.filters_shape[1:])
    else:
        return 0
    found = [size for size in sizes if size is not None]
    return math.prod(found) if len(found) == len(sizes) else None


def _shape(variable: Any) -> tuple[int | None, ...]:
    """Sizes of an expression; those that its type does not tell are worked out."""
    shape = variable.type.shape
    if None in shape:
        shape = _folded([variable.shape[axis] for axis in range(variable.ndim)])
    return tuple(shape)


def _folded(numbers: Any) -> list[Any]:
    """The values of integer expressions, None for those that are not constant."""
    folded: Any = rewrite_graph(list(numbers), include=("ShapeOpt", "canonicalize"))
    return [int(one.data) if isinstance(one, Constant) else None for one in folded]


def _quantity(value: int | None, unit: str = "") -> str:
    """Write a number in few digits; with a unit of bytes in powers of 1024."""
    if value is None:
        return "?"
    if not unit:
        return f"{value:,}"
    size, step = float(value), 0
    while size >= 1023.95 and step < 4:
        size, step = size / 1024, step + 1
    prefix = ("", "K", "M", "G", "T")[step]
    return f"{value} {unit}" if step == 0 else f"{size:.1f} {prefix}i{unit}"


def _sum(values: Iterable[int | None]) -> int | None:
    found = list(values)
    return None if None in found else sum(value for value in found if value is not None)


def format_summary(layer: Any, batch_size: int = 1) -> str:
    """Write the table of a network.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    batch_size : int
        Number of samples for memory and multiply-adds, if the network leaves it open. Default: 1.

    Returns
    -------
    str
        A line for each layer, with its name, class, output shape, number of parameters, memory of
        its output, and multiply-adds; then the totals. Where a layer's input is not the output of
        the line before, there is a column that says whose it is. What cannot be known, because
        of sizes that may vary, is ``?``.

    Examples
    --------
    >>> from nncore.inspection import format_summary
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> network = DenseLayer(DenseLayer(InputLayer((None, 784)), 800, name="hidden"), 10)
    >>> print(format_summary(network))
    Layer   Type   Output shape  Parameters   Memory  Multiply-adds
    ───────────────────────────────────────────────────────────────
    0       Input  (None, 784)            0  3.1 KiB              0
    hidden  Dense  (None, 800)      628,000  3.1 KiB        627,200
    2       Dense  (None, 10)         8,010     40 B          8,000
    ───────────────────────────────────────────────────────────────
    Total                           636,010  6.2 KiB        635,200
    <BLANKLINE>
    636,010 parameters are trained and 0 are not; they take 2.4 MiB.
    Memory of the outputs, and multiply-adds of a forward pass, are for 1 sample.
    """
    rows = summarize(layer, batch_size)
    before = [(), *((row.name,) for row in rows)]
    branches = any(row.incoming not in ((), last) for row, last in zip(rows, before, strict=False))
    head = ["Layer", "Type", "Output shape", "Parameters", "Memory", "Multiply-adds"]
    table = [
        [
            row.name,
            row.kind,
            str(row.output_shape),
            _quantity(row.parameters),
            _quantity(row.memory, "B"),
            _quantity(row.multiply_adds),
        ]
        for row in rows
    ]
    total = [
        "Total",
        "",
        "",
        _quantity(sum(row.parameters for row in rows)),
        _quantity(_sum(row.memory for row in rows), "B"),
        _quantity(_sum(row.multiply_adds for row in rows)),
    ]
    if branches:
        head.append("Input from")
        for cells, row, last in zip(table, rows, before, strict=False):
            cells.append("" if row.incoming in ((), last) else ", ".join(row.incoming))
        total.append("")
    widths = [max(map(len, column)) for column in zip(head, *table, total, strict=True)]
    to_the_right = {3, 4, 5}

    def line(cells: list[str]) -> str:
        return "  ".join(
            cell.rjust(width) if index in to_the_right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    trained = sum(row.trainable for row in rows)
    parameters = sum(row.parameters for row in rows)
    size = np.dtype(pytensor.config.floatX).itemsize
    fixed = [one.shape[0] for one in get_all_layers(layer) if isinstance(one, InputLayer)]
    count = next((size for size in fixed if size is not None), batch_size)
    samples = f"{count} sample{'s' * (count > 1)}"
    notes = [
        (
            f"{trained:,} parameters are trained and {parameters - trained:,} are not; they take "
            f"{_quantity(parameters * size, 'B')}."
        ),
        f"Memory of the outputs, and multiply-adds of a forward pass, are for {samples}.",
    ]
    return "\n".join([line(head), rule, *map(line, table), rule, line(total), "", *notes])


def summary(layer: Any, batch_size: int = 1, file: TextIO | None = None) -> None:
    """Print the table of a network.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    batch_size : int
        Number of samples for memory and multiply-adds, if the network leaves it open. Default: 1.
    file : file, optional
        Where to print. Default: the standard output.

    See Also
    --------
    format_summary : The table as a string.
    summarize : The numbers.

    Examples
    --------
    >>> import nncore
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> nncore.summary(DenseLayer(InputLayer((None, 784)), 10, name="out"))
    Layer  Type   Output shape  Parameters   Memory  Multiply-adds
    ──────────────────────────────────────────────────────────────
    0      Input  (None, 784)            0  3.1 KiB              0
    out    Dense  (None, 10)         7,850     40 B          7,840
    ...
    """
    print(format_summary(layer, batch_size), file=file)
