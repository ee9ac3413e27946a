"""Geometries to compare implementations on: hard ones, and strategies that draw others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from nncore.ops.geometry import POOL_MODES, ConvGeometry, Geometry, PoolGeometry, Shape
from nncore.testing.oracle import explicit

__all__ = ["CASES", "Case", "conv_geometries", "pool_geometries"]


@dataclass(frozen=True)
class Case:
    """A geometry, and sizes to compute it with.

    Attributes
    ----------
    name : str
        What is hard about it.
    geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        As an implementation sees it; it may leave sizes open.
    sized : tuple of nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        The same with all sizes, once for each set of operands.
    every_dtype : bool
        Whether it is worth computing in other data types than float32, too.
    """

    name: str
    geometry: Geometry
    sized: tuple[Geometry, ...]
    every_dtype: bool = False

    def of(self, dtype: str) -> Case:
        """The same case for another data type.

        Parameters
        ----------
        dtype : str
            ``"float16"``, ``"float32"`` or ``"float64"``.

        Returns
        -------
        Case
            With the same sizes.
        """
        sized = tuple(replace(g, dtype=dtype) for g in self.sized)
        return replace(self, geometry=replace(self.geometry, dtype=dtype), sized=sized)


def _conv(
    x: Shape,
    w: Shape,
    stride: Any = 1,
    pad: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    flip: bool = True,
) -> ConvGeometry:
    n = len(x) - 2
    stride, dilation = (v if isinstance(v, tuple) else (v,) * n for v in (stride, dilation))
    if isinstance(pad, int):
        pad = ((pad, pad),) * n
    if None not in w[2:]:
        pad = explicit(pad, w[2:], dilation)
    return ConvGeometry(x, w, stride, pad, dilation, groups, flip, "float32")


def _pool(
    x: Shape, window: Any, stride: Any = None, pad: Any = 0, mode: str = "max", ignore: bool = True
) -> PoolGeometry:
    n = len(x) - 2
    window = window if isinstance(window, tuple) else (window,) * n
    stride = window if stride is None else stride if isinstance(stride, tuple) else (stride,) * n
    if isinstance(pad, int):
        pad = ((pad, pad),) * n
    return PoolGeometry(x, window, stride, pad, mode, ignore, "float32")


def _open(geometry: Geometry, *sizes: tuple[Shape, ...]) -> tuple[Geometry, tuple[Geometry, ...]]:
    """A geometry that leaves sizes open, and what it is with each of several sizes."""
    sized = []
    for shapes in sizes:
        whole: Geometry = replace(geometry, input_shape=shapes[0])
        if isinstance(whole, ConvGeometry):
            whole = replace(whole, filters_shape=shapes[1])
            whole = replace(whole, pad=explicit(whole.pad, shapes[1][2:], whole.dilation))
        sized.append(whole)
    return geometry, tuple(sized)


_MIXED: dict[str, Any] = {
    "stride": (1, 2),
    "pad": ((2, 0), (1, 3)),
    "dilation": (2, 1),
    "groups": 3,
    "flip": False,
}
_UNKNOWN = (None,) * 4

# Cases of which only the sizes differ are next to each other, and share what is compiled.
_CONV: dict[str, Geometry] = {
    "1D": _conv((2, 3, 11), (4, 3, 3)),
    "2D": _conv((2, 3, 9, 8), (4, 3, 3, 2)),
    "a filter as large as the input": _conv((2, 3, 5, 4), (7, 3, 5, 4)),
    "filters of one tap": _conv((2, 17, 7, 7), (5, 17, 1, 1)),
    "axes of length 1": _conv((2, 3, 1, 6), (4, 3, 1, 2)),
    "channels and filters that no tile divides": _conv((2, 37, 5, 6), (53, 37, 3, 2)),
    "many filters": _conv((1, 2, 3, 6), (131, 2, 2, 3)),
    "one output for each of many samples": _conv((50, 3, 3, 3), (9, 3, 3, 3)),
    "one channel": _conv((3, 1, 9, 10), (1, 1, 4, 3)),
    "a larger image": _conv((1, 2, 33, 37), (3, 2, 3, 3)),
    "3D": _conv((2, 3, 4, 5, 6), (4, 3, 2, 3, 2)),
    # For implementations that take whole tiles only.
    "square filters, 16 of them": _conv((4, 4, 9, 8), (16, 4, 3, 3)),
    "32 square filters, one stride": _conv((3, 3, 10, 11), (32, 3, 3, 3), 2, 1, flip=False),
    "144 square filters over 36 channels": _conv((8, 36, 6, 5), (144, 36, 3, 3), pad="same"),
    "filters that are not flipped": _conv((2, 3, 9, 8), (4, 3, 3, 2), flip=False),
    "stride": _conv((2, 3, 10, 11), (4, 3, 3, 3), stride=(2, 3)),
    "a stride larger than the filter": _conv((3, 2, 20, 23), (4, 2, 2, 2), stride=7),
    "padding on both sides": _conv((2, 4, 7, 6), (4, 4, 3, 3), pad=1),
    "padding that differs by side": _conv((2, 3, 7, 6), (4, 3, 3, 3), pad=((0, 2), (3, 1))),
    "padding as long as the filter": _conv((2, 2, 3, 2), (4, 2, 1, 1), pad=1),
    "filters larger than what they give": _conv((1, 1, 4, 1), (2, 1, 2, 3), stride=2, pad=1),
    "pad 'same' of even filters": _conv((2, 3, 7, 6), (4, 3, 4, 2), pad="same"),
    "pad 'full'": _conv((2, 3, 5, 6), (4, 3, 3, 2), pad="full"),
    "dilation": _conv((2, 3, 9, 12), (4, 3, 3, 3), dilation=(2, 3)),
    "dilation over more than the input": _conv((2, 2, 3, 3), (4, 2, 3, 3), pad=9, dilation=6),
    "groups": _conv((2, 6, 7, 6), (9, 2, 3, 3), groups=3),
    "depthwise": _conv((2, 5, 7, 6), (5, 1, 3, 3), groups=5),
    "depthwise with several filters each": _conv((2, 5, 4, 4), (35, 1, 3, 3), groups=5),
    "everything at once in 1D": _conv((2, 4, 13), (6, 2, 3), 2, ((1, 4),), 2, 2, False),
    "everything at once": _conv((2, 6, 8, 9), (9, 2, 3, 2), **_MIXED),
    "everything at once in 3D": _conv(
        (2, 4, 5, 6, 7),
        (6, 2, 2, 3, 2),
        (1, 2, 3),
        ((0, 1), (2, 0), (1, 1)),
        (2, 1, 2),
        2,
        False,
    ),
}
_OPEN_CONV = {
    "a batch that is not known": _open(
        _conv((None, 3, 9, 8), (4, 3, 3, 3), pad=1),
        ((5, 3, 9, 8), (4, 3, 3, 3)),
        ((1, 3, 9, 8), (4, 3, 3, 3)),
        ((0, 3, 9, 8), (4, 3, 3, 3)),
    ),
    "16 square filters, batch not known": _open(
        _conv((None, 4, 9, 8), (16, 4, 3, 3), pad=1),
        ((5, 4, 9, 8), (16, 4, 3, 3)),
        ((8, 4, 9, 8), (16, 4, 3, 3)),
        ((0, 4, 9, 8), (16, 4, 3, 3)),
    ),
    "sizes that are not known": _open(
        _conv(_UNKNOWN, _UNKNOWN, stride=(2, 3)),
        ((2, 3, 9, 8), (4, 3, 3, 3)),
        ((1, 1, 4, 1), (2, 1, 2, 1)),
        ((0, 2, 6, 5), (3, 2, 3, 3)),
    ),
    "pad 'same', filters that are not known": _open(
        _conv(_UNKNOWN, _UNKNOWN, pad="same"),
        ((2, 3, 6, 5), (4, 3, 3, 2)),
        ((1, 2, 3, 3), (1, 2, 4, 5)),
    ),
    "pad 'full', filters that are not known": _open(
        _conv(_UNKNOWN, _UNKNOWN, pad="full", dilation=2),
        ((2, 3, 6, 5), (4, 3, 3, 2)),
        ((1, 2, 3, 3), (1, 2, 1, 4)),
    ),
}
_POOL = {
    f"{mode}: {name}": _pool(mode=mode, **settings)
    for modes, name, settings in (
        (POOL_MODES, "2D", {"x": (2, 3, 8, 7), "window": 2}),
        (("max",), "1D", {"x": (2, 3, 11), "window": 3, "stride": 2}),
        (("max",), "3D", {"x": (2, 2, 5, 4, 6), "window": 2, "pad": 1}),
        (("max",), "windows that overlap", {"x": (2, 3, 9, 8), "window": 3, "stride": (1, 2)}),
        (
            ("max",),
            "a stride larger than the window",
            {"x": (2, 2, 9, 11), "window": 2, "stride": 5},
        ),
        (("max",), "a window as large as the input", {"x": (2, 3, 5, 4), "window": (5, 4)}),
        (("max",), "axes of length 1", {"x": (2, 3, 1, 6), "window": (1, 2)}),
        (("max",), "many channels", {"x": (1, 67, 4, 5), "window": 2}),
        (
            POOL_MODES,
            "padding that differs by side, border kept",
            {
                "x": (2, 3, 7, 8),
                "window": (3, 4),
                "stride": 2,
                "pad": ((0, 2), (3, 1)),
                "ignore": False,
            },
        ),
        (
            ("max", "average_inc_pad"),
            "padding, border ignored",
            {"x": (2, 3, 7, 8), "window": 3, "stride": 2, "pad": 1},
        ),
        (
            ("max",),
            "a stride beyond the padding, border kept",
            {
                "x": (2, 2, 5, 6),
                "window": 3,
                "stride": 4,
                "pad": ((2, 2), (0, 2)),
                "ignore": False,
            },
        ),
    )
    for mode in modes
}
_OPEN_POOL = {
    **{
        f"{mode}: a batch that is not known": _open(
            _pool((None, 3, 7, 6), 2, mode=mode),
            ((5, 3, 7, 6),),
            ((1, 3, 7, 6),),
            ((0, 3, 7, 6),),
        )
        for mode in ("max", "average_exc_pad")
    },
    "max: sizes that are not known": _open(
        _pool(_UNKNOWN, 3, (1, 2)), ((2, 3, 8, 7),), ((1, 1, 3, 4),), ((0, 2, 5, 4),)
    ),
}
_EVERY_DTYPE = {
    "2D",
    "square filters, 16 of them",
    "everything at once",
    "max: 2D",
    "average_exc_pad: padding that differs by side, border kept",
}


def _cases(closed: dict[str, Any], opened: dict[str, Any]) -> tuple[Case, ...]:
    cases = [Case(name, g, (g,), name in _EVERY_DTYPE) for name, g in closed.items()]
    return (*cases, *(Case(name, *case) for name, case in opened.items()))


#: The hard geometries for each kind.
CASES = {"conv": _cases(_CONV, _OPEN_CONV), "pool": _cases(_POOL, _OPEN_POOL)}


@st.composite
def conv_geometries(
    draw: Any, dtype: str = "float32", words: bool = True, wide: bool = False
) -> ConvGeometry:
    """Convolutions of all kinds, with all sizes known.

    Parameters
    ----------
    draw : callable
        Given by hypothesis.
    dtype : str
        Their data type. Default: ``"float32"``.
    words : bool
        Whether a pad may be a word. Default: True.
    wide : bool
        Whether to draw more channels, filters and samples, and longer axes. Default: False.

    Returns
    -------
    nncore.ops.geometry.ConvGeometry
        With an output on every axis; the batch may be empty.
    """
    ndim = draw(st.integers(1, 3))
    few = st.integers(1, 3)
    groups = draw(few)
    fan_in = draw(st.sampled_from([1, 2, 3, 7] if wide else [1, 2, 3]))
    fan_out = draw(st.sampled_from([1, 2, 7, 9, 17] if wide else [1, 2, 3]))
    batch = draw(st.sampled_from([0, 1, 2, 3, 5] if wide else [0, 1, 2]))
    taps = draw(st.tuples(*[st.integers(1, 4 if ndim < 3 else 2)] * ndim))
    stride, dilation = draw(st.tuples(*[few] * ndim)), draw(st.tuples(*[few] * ndim))
    number = st.integers(0, 3)
    pad = draw(st.tuples(*[st.tuples(number, number)] * ndim) | st.sampled_from(["same", "full"]))
    pads = explicit(pad, taps, dilation)
    if not words:
        pad = pads
    lengths = []
    for k, d, p in zip(taps, dilation, pads, strict=True):
        least = max(1, (k - 1) * d + 1 - sum(p))
        lengths.append(draw(st.integers(least, least + {1: 70 if wide else 9, 2: 8, 3: 3}[ndim])))
    return ConvGeometry(
        (batch, fan_in * groups, *lengths),
        (fan_out * groups, fan_in, *taps),
        stride,
        pad,
        dilation,
        groups,
        draw(st.booleans()),
        dtype,
    )


@st.composite
def pool_geometries(draw: Any, dtype: str = "float32", mode: str | None = None) -> PoolGeometry:
    """Poolings of all kinds, with all sizes known.

    Parameters
    ----------
    draw : callable
        Given by hypothesis.
    dtype : str
        Their data type. Default: ``"float32"``.
    mode : str, optional
        Their mode. Default: any.

    Returns
    -------
    nncore.ops.geometry.PoolGeometry
        With an output on every axis; the batch may be empty.
    """
    ndim = draw(st.integers(1, 3))
    window = draw(st.tuples(*[st.integers(1, 4 if ndim < 3 else 3)] * ndim))
    stride = draw(st.tuples(*[st.integers(1, 5)] * ndim))
    pad = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in window)
    ignore = draw(st.booleans())
    lengths = []
    for k, p in zip(window, pad, strict=True):
        least = max(1, k - sum(p)) if ignore else 1
        lengths.append(draw(st.integers(least, least + (6 if ndim < 3 else 3))))
    shape = (draw(st.integers(0, 2)), draw(st.integers(1, 2)), *lengths)
    mode = mode or draw(st.sampled_from(POOL_MODES))
    return PoolGeometry(shape, window, stride, pad, mode, ignore, dtype)
