from __future__ import annotations

import threading
import time

import pytest

from nncore import config, init, layers, nonlinearities, objectives, plugins, registry, updates
from nncore.errors import NNCoreError, UnknownNameError
from nncore.hookspecs import AVAILABLE, Implementation, unavailable


@pytest.fixture(autouse=True)
def _anew():
    registry.forget()
    yield
    registry.forget()


class Answering(Implementation):
    name = "answering"
    kind = "conv"
    backends = ("python",)

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def availability(self):
        self.asked += 1
        time.sleep(0.01)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def kernel(self, backend, direction, geometry):
        return None


def test_the_core_is_registered_under_its_public_names():
    assert registry.get("layer", "Dense") is layers.DenseLayer
    assert registry.get("layer", "Conv2DLayer") is layers.Conv2DLayer
    assert registry.get("layer", "Layer") is layers.Layer
    assert registry.get("initializer", "GlorotUniform") is init.GlorotUniform
    assert registry.get("nonlinearity", "rectify") is nonlinearities.rectify
    assert registry.get("objective", "squared_error") is objectives.squared_error
    assert registry.get("update", "adam") is updates.adam
    assert {"reference", "numba", "jax"} <= set(registry.names("conv"))
    assert {"reference", "numba", "jax"} <= set(registry.names("pool"))
    assert not any("norm_constraint" in name for name in registry.names("update"))


def test_names_are_sorted_and_complete():
    for kind in registry.KINDS:
        names = registry.names(kind)
        assert list(names) == sorted(set(names))
        for name in names:
            value = registry.get(kind, name)
            found = registry.name_of(kind, value)
            assert registry.get(kind, found) is value
    for plugin in plugins.all_plugins():
        for kind, names in plugin.provides.items():
            for name in names:
                owned = registry.get(kind, f"{plugin.distribution}:{name}")
                assert owned is registry.get(kind, name)


def test_what_is_not_registered_has_no_name():
    assert registry.name_of("layer", object()) is None
    assert registry.name_of("layer", layers.DenseLayer) == "Dense"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("layer", "Dens", "'Dens' is not a known layer. Did you mean 'Dense'?"),
        ("update", "adm", "'adm' is not a known update rule. Did you mean 'adam'?"),
        ("conv", "nunba", "not a known convolution implementation. Did you mean 'numba'?"),
        ("pool", "autp", "not a known pooling implementation. Did you mean 'auto'?"),
        ("objective", "zzz", "'zzz' is not a known objective. Known: "),
        ("conv", "elsewhere:numba", "'elsewhere:numba' is not a known convolution"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(kind, name, message):
    with pytest.raises(UnknownNameError) as caught:
        registry.get(kind, name)
    assert message in str(caught.value)
    assert isinstance(caught.value, LookupError)
    assert isinstance(caught.value, NNCoreError)


@pytest.mark.parametrize("question", [registry.names, lambda kind: registry.get(kind, "x")])
def test_an_unknown_kind_is_refused(question):
    with pytest.raises(ValueError, match="'flavour' is not a kind of entry; the kinds are layer"):
        question("flavour")


def test_policies_are_choices_and_no_implementations():
    for policy in ("auto", "fastest"):
        registry.check_implementation_name("conv", policy)
        assert policy in registry.implementation_choices("conv")
        assert policy not in registry.names("conv")
        with pytest.raises(UnknownNameError):
            registry.get("conv", policy)


def test_implementations_come_in_the_order_of_their_rank(install_constant):
    install_constant("low", rank=-3)
    install_constant("high", rank=99)
    ranked = [i.name for _, i in registry.implementations("conv")]
    assert ranked[0] == "high"
    assert ranked[-1] == "low"
    ranks = [i.rank for _, i in registry.implementations("conv")]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (AVAILABLE, "available"),
        (unavailable("there is no GPU"), "unavailable: there is no GPU"),
        (RuntimeError("the driver is gone"), "unavailable: .*RuntimeError: the driver is gone"),
        (SystemExit("bye"), "unavailable: .*SystemExit: bye"),
        (True, "unavailable: .*gave True"),
        (None, "unavailable: .*gave None"),
    ],
)
def test_availability_is_a_value_and_asked_once(answer, text):
    implementation = Answering(answer)
    answers = [registry.availability(implementation) for _ in range(3)]
    assert implementation.asked == 1
    assert len(set(answers)) == 1
    assert bool(answers[0]) == (answer is AVAILABLE)
    import re

    assert re.fullmatch(text, str(answers[0]))


class Hanging(Answering):
    name = "hanging"

    def __init__(self):
        super().__init__(AVAILABLE)
        self.release = threading.Event()

    def availability(self):
        self.asked += 1
        self.release.wait()
        return AVAILABLE


def test_a_probe_that_hangs_is_answered_after_a_limit_and_for_good(monkeypatch):
    monkeypatch.setenv("NNCORE_PROBE_TIMEOUT", "0.2")
    implementation = Hanging()
    started = time.perf_counter()
    answer = registry.availability(implementation)
    assert 0.2 <= time.perf_counter() - started < 5
    assert answer == unavailable("its availability() did not answer within 0.2 s")
    # An answer that comes too late would contradict what was decided by the first.
    implementation.release.set()
    time.sleep(0.05)
    started = time.perf_counter()
    assert registry.availability(implementation) is answer
    assert time.perf_counter() - started < 0.1
    assert implementation.asked == 1


def test_a_probe_that_hangs_holds_up_nobody_else(monkeypatch):
    monkeypatch.setenv("NNCORE_PROBE_TIMEOUT", "1")
    implementation = Hanging()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(registry.availability(implementation)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    started = time.perf_counter()
    assert registry.availability(Answering(AVAILABLE))
    assert "numba" in registry.names("conv")
    assert time.perf_counter() - started < 0.9
    for thread in threads:
        thread.join(timeout=10)
    assert len(answers) == 4
    assert len(set(map(id, answers))) == 1
    assert implementation.asked == 1
    implementation.release.set()


def test_a_probe_sees_the_choices_of_the_block_that_it_is_asked_in():
    class Curious(Answering):
        def availability(self):
            return unavailable(config.choice("conv"))

    with config.using(conv="reference"):
        assert registry.availability(Curious(None)).reason == "reference"


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan", "1e300"])
def test_a_limit_that_is_no_positive_number_is_refused(monkeypatch, text):
    monkeypatch.setenv("NNCORE_PROBE_TIMEOUT", text)
    with pytest.raises(NNCoreError, match=f"NNCORE_PROBE_TIMEOUT='{text}' must be a positive"):
        registry.availability(Answering(AVAILABLE))


def test_an_implementation_is_described_by_its_kind_name_and_distribution(install_constant):
    module = install_constant("seven", version="2.5")
    seven = registry.get("conv", "seven")
    text = "the convolution implementation 'seven' of nncore-seven 2.5"
    assert registry.describe(seven) == text
    assert registry.describe(module.Constant()) == "the convolution implementation 'seven'"


def test_availability_is_asked_once_by_many_threads():
    implementation = Answering(AVAILABLE)
    threads = [
        threading.Thread(target=registry.availability, args=(implementation,)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert implementation.asked == 1


def test_listing_asks_no_implementation_whether_it_is_available(install_constant):
    module = install_constant()
    assert "seven" in registry.names("conv")
    registry.implementations("conv")
    registry.check_implementation_name("conv", "seven")
    assert module.asked == []
    registry.availability(registry.get("conv", "seven"))
    assert module.asked == ["seven"]


def test_many_threads_may_load_and_reload_at_once(install_constant):
    install_constant()
    failures = []

    def work(number):
        try:
            for _ in range(5):
                if number % 2:
                    plugins.reload()
                registry.load()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures
    plugins.reload()
    assert registry.get("conv", "seven").name == "seven"
