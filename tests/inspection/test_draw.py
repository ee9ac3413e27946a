# ruff: noqa: RUF001  (signs of multiplication are meant)
from __future__ import annotations

import builtins
import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import nncore
from nncore.errors import NNCoreError
from nncore.inspection.layout import place
from nncore.layers import (
    ConcatLayer,
    Conv2DLayer,
    DenseLayer,
    ElemwiseSumLayer,
    InputLayer,
    NonlinearityLayer,
    get_all_layers,
)

SVG = "{http://www.w3.org/2000/svg}"


def network(blocks=2):
    layer = InputLayer((None, 3, 8, 8), name="a < b & c")
    for _ in range(blocks):
        paths = [Conv2DLayer(layer, 4, 3, pad="same", name="path") for _ in range(3)]
        paths[0] = Conv2DLayer(Conv2DLayer(paths[0], 4, 1), 4, 1)
        joined = ConcatLayer(paths)
        layer = ElemwiseSumLayer([joined, NonlinearityLayer(NonlinearityLayer(joined))])
    return DenseLayer(layer, 10)


def boxes(root):
    return [
        [float(rect.get(a)) for a in ("x", "y", "width", "height")]
        for rect in root.iter(f"{SVG}rect")
        if rect.get("rx")
    ]


def drawn(layer, tmp_path):
    nncore.draw(layer, tmp_path / "network.svg")
    return ElementTree.parse(tmp_path / "network.svg").getroot()


def points_of(path):
    """Points along the lines and curves of a path."""
    numbers = [
        (letter, np.array(re.findall(r"-?[\d.]+", rest), dtype=float).reshape(-1, 2))
        for letter, rest in re.findall(r"([MLC])([^MLC]*)", path)
    ]
    found = [numbers[0][1][0]]
    t = np.linspace(0, 1, 20)[:, None]
    for letter, points in numbers[1:]:
        start = found[-1]
        if letter == "L":
            found.extend(start + t * (points[0] - start))
        else:
            one, two, end = points
            curve = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * one
            found.extend(curve + 3 * (1 - t) * t**2 * two + t**3 * end)
    return np.array(found)


def test_every_layer_has_a_box_in_the_picture_and_no_two_overlap(tmp_path):
    layer = network()
    root = drawn(layer, tmp_path)
    found = boxes(root)
    assert len(found) == len(get_all_layers(layer))
    width, height = float(root.get("width")), float(root.get("height"))
    for x, y, w, h in found:
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    for (x, y, w, h), (u, v, a, b) in itertools.combinations(found, 2):
        assert x + w < u or u + a < x or y + h < v or v + b < y


def test_lines_run_from_box_to_box_and_through_none(tmp_path):
    layer = network()
    root = drawn(layer, tmp_path)
    paths = [points_of(path.get("d")) for path in root.iter(f"{SVG}path")]
    assert len(paths) == sum(
        len(getattr(one, "input_layers", [getattr(one, "input_layer", None)]))
        for one in get_all_layers(layer)
        if not isinstance(one, InputLayer)
    )
    for points in paths:
        inner = points[(points[:, 1] > points[0, 1] + 0.2) & (points[:, 1] < points[-1, 1] - 0.2)]
        for x, y, w, h in boxes(root):
            crosses = (
                (inner[:, 0] > x)
                & (inner[:, 0] < x + w)
                & (inner[:, 1] > y)
                & (inner[:, 1] < y + h)
            )
            assert not crosses.any()
        assert (np.diff(points[:, 1]) >= -1e-6).all()


def test_the_texts_say_class_name_shape_and_parameters(tmp_path):
    root = drawn(network(1), tmp_path)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == "Input a < b & c"
    assert "? × 3 × 8 × 8" in texts
    assert "Conv2D path" in texts
    assert "3×3, rectify" in texts
    assert f"{4 * 3 * 9 + 4:,} parameters" in texts


def test_texts_fit_into_their_boxes_in_a_wide_font(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    layer = DenseLayer(InputLayer((None, 123456), name="a_Name_With_WWW_and_mmm"), 10, name="il")
    root = drawn(layer, tmp_path)
    rects = boxes(root)
    for text in root.iter(f"{SVG}text"):
        middle, size = float(text.get("x")), float(text.get("font-size"))
        font = FontProperties(family="DejaVu Sans", weight=text.get("font-weight"))
        extent = TextPath((0, 0), text.text, size=size, prop=font).get_extents().width
        y = float(text.get("y"))
        (box,) = [b for b in rects if b[1] < y < b[1] + b[3] and b[0] < middle < b[0] + b[2]]
        assert extent < box[2] - 6


def test_a_chain_is_straight():
    centers = place([(50, 30), (90, 40), (20, 30)], [(0, 1), (1, 2)]).centers
    assert {x for x, _ in centers} == {45.0}
    assert np.all(np.diff([y for _, y in centers]) > 40)


def test_an_edge_over_several_ranks_is_straight():
    layout = place([(50, 30)] * 6, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (4, 5)])
    bends = layout.bends[0, 4]
    assert len(bends) == 3
    assert len({round(x, 6) for x, _, _ in bends}) == 1
    assert abs(bends[0][0] - layout.centers[1][0]) > 25


def test_edges_that_need_not_cross_do_not():
    layout = place([(40, 20)] * 6, [(0, 4), (1, 3), (2, 5), (3, 5), (4, 5)])
    x = [center[0] for center in layout.centers]
    assert (x[0] - x[1]) * (x[4] - x[3]) > 0


def test_a_deep_network_is_drawn_in_time(tmp_path):
    root = drawn(network(12), tmp_path)
    assert float(root.get("height")) > 3000


def test_the_same_picture_is_drawn_by_matplotlib(tmp_path):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    root = drawn(network(1), tmp_path)
    nncore.draw(network(1), tmp_path / "network.PNG")
    nncore.draw(network(1), tmp_path / "network.pdf")
    with image.open(tmp_path / "network.PNG") as picture:
        assert picture.size == pytest.approx(
            (2 * float(root.get("width")), 2 * float(root.get("height"))), abs=2
        )
        assert len(picture.convert("RGB").getcolors(10**6)) > 20
    assert (tmp_path / "network.pdf").read_bytes().startswith(b"%PDF")


def test_without_matplotlib_the_error_says_what_to_do(tmp_path, monkeypatch):
    usual = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(NNCoreError, match=r"needs matplotlib.*pip install.*\.svg needs nothing"):
        nncore.draw(DenseLayer(InputLayer((None, 3)), 2), tmp_path / "network.png")


def test_other_forms_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.png and \.pdf.*network\.gif"):
        nncore.draw(DenseLayer(InputLayer((None, 3)), 2), tmp_path / "network.gif")
