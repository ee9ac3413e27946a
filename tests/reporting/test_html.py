from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np

from nncore.reporting import Picture, Report, draw, render
from nncore.training.records import EpochRecord

VOID = {"meta", "img", "source", "br", "link"}


class Checker(HTMLParser):
    """Checks that tags are balanced, and collects text and attributes."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def report(**changes):
    history = [
        EpochRecord(
            epoch=e,
            train={"loss": 1.0 / e, "accuracy": 0.5},
            validation={"loss": 2.0 / e, "accuracy": 0.25},
            seconds=1.0,
            samples_per_second=1234.0,
            is_best=e < 3,
        )
        for e in (1, 2, 3)
    ]
    content = {
        "title": "lenet on <pictures>",
        "summary": "Nice & short.",
        "highlights": {"Test accuracy": "75 %"},
        "history": history,
        "class_names": ["cat", "<b>dog</b>"],
        "confusion": np.array([[3, 1], [0, 4]]),
        "weights": np.ones((2, 1, 3, 3)),
        "input_shape": (1, 8, 8),
        "facts": {"Versions": {"numpy": "2.0"}},
        "usage": [("Test it:", "nncore evaluate 'a & b'")],
    }
    return Report(**{**content, **changes})


def check(page):
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


def test_the_page_is_balanced_and_has_what_a_page_needs():
    page = render(report())
    checker = check(page)
    assert page.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in checker.tags
    assert [tag for tag, _ in checker.tags].count("h1") == 1
    assert all(attributes.get("alt") for tag, attributes in checker.tags if tag == "img")


def test_the_page_loads_nothing_from_elsewhere():
    checker = check(render(report()))
    names = {tag for tag, _ in checker.tags}
    assert not names & {"script", "link", "iframe"}
    for _, attributes in checker.tags:
        for name in ("src", "srcset", "href"):
            assert attributes.get(name, "data:").startswith("data:")


def test_the_pictures_are_in_the_page_for_light_and_for_dark():
    checker = check(render(report()))
    light = [a["src"] for tag, a in checker.tags if tag == "img"]
    dark = [a["srcset"] for tag, a in checker.tags if tag == "source"]
    assert len(light) == len(dark) == 3
    for uri in light + dark:
        assert base64.b64decode(uri.split(",")[1], validate=True).startswith(b"\x89PNG")
    assert len(set(light + dark)) == 6


def test_names_cannot_become_markup():
    page = render(report())
    assert "<b>dog" not in page
    assert "&lt;b&gt;dog&lt;/b&gt;" in page
    assert "<title>lenet on &lt;pictures&gt;</title>" in page


def test_every_epoch_has_a_row_and_the_last_best_one_is_marked():
    page = render(report())
    rows = re.findall(r'<th scope="row">(\d+[^<]*)</th>((?:<td>[^<]*</td>)+)', page)
    epochs = [row for row in rows if "1,234" in row[1]]
    assert [name for name, _ in epochs] == ["1", "2 (best)", "3"]
    assert "<td>0.3333</td><td>0.5000</td><td>0.6667</td><td>0.2500</td>" in epochs[2][1]


def test_every_class_has_its_numbers():
    text = "|".join(check(render(report())).text)
    assert "cat|4|3|75.0 %|100.0 %|<b>dog</b> (1)" in text
    assert "<b>dog</b>|4|4|100.0 %|80.0 %|\u2013" in text


def test_a_report_without_epochs_test_or_weights_is_still_a_page():
    empty = report(
        history=[], confusion=np.zeros((0, 0), int), weights=None, highlights={}, usage=()
    )
    assert "numpy" in "".join(check(render(empty)).text)


def test_a_loss_that_is_not_a_number_is_a_dash():
    history = [EpochRecord(epoch=1, train={"loss": 1.0}, validation={"loss": float("nan")})]
    assert "<td>\u2013</td>" in render(report(history=history))


def test_pictures_of_ones_own_are_shown_for_light_and_for_dark():
    asked = []

    def paint(axes, look):
        asked.append(look.background)
        axes.plot([0, 1], [1, 0], color=look.first)

    picture = Picture("A <line>", lambda theme: draw(paint, 2, 1, theme), "It falls & ends.")
    page = render(report(pictures=[picture]))
    check(page)
    assert len(set(asked)) == 2
    assert "<h2>A &lt;line&gt;</h2>" in page
    assert "It falls &amp; ends." in page
    assert page.count("data:image/png") == render(report()).count("data:image/png") + 2


def test_the_samples_and_the_choice_of_the_epoch_have_their_own_words():
    page = render(report(unit="sequences", selection="the highest bid"))
    assert "Sequences/s" in page
    assert "Images/s" not in page
    assert "The epoch with the highest bid gives the model." in page
