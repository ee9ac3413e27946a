from __future__ import annotations

import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import NUMBA

import nncore
from nncore import config, ops
from nncore.errors import ImplementationUnavailable, PluginError
from nncore.hookspecs import Implementation
from nncore.layers import Conv1DLayer, InputLayer, get_output
from nncore.ops.geometry import ConvGeometry
from nncore.resolve import candidates, resolve, usable

GEOMETRY = ConvGeometry((None, 1, 5), (1, 1, 2), (1,), ((0, 0),), (1,), 1, True, "float32")
X, W = np.ones((1, 1, 5), "float32"), np.ones((1, 1, 2), "float32")
UNAVAILABLE = "unavailable('this machine has no abacus')"


def result(fast, implementation=None, **settings):
    """What a small convolution gives: 2 by the core's kernels."""
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    y = ops.conv(x, w, implementation=implementation, **settings)
    (value,) = np.unique(pytensor.function([x, w], y, mode=fast)(X, W))
    return value


def test_auto_takes_the_highest_rank_that_is_available_and_supports_the_geometry(
    fast, install_constant
):
    assert result(fast) == 2
    install_constant("seven", 7, rank=20)
    assert result(fast) == 7
    install_constant("eight", 8, rank=30, supports="unavailable('too small')")
    install_constant("nine", 9, rank=40, availability=UNAVAILABLE)
    install_constant("ten", 10, rank=50, backends=("numba",))
    install_constant("eleven", 11, rank=60, availability="1 / 0")
    install_constant("twelve", 12, rank=60, supports="1 / 0")
    install_constant("thirteen", 13, rank=60, supports="True")
    assert result(fast) == 7
    install_constant("fourteen", 14, rank=-1)
    assert result(fast) == 7
    names = [i.name for i in candidates("conv", "python", GEOMETRY)]
    assert names == ["seven", "reference", "fourteen"]


def test_the_order_of_choice_is_operation_block_process_environment(
    fast, install_constant, monkeypatch
):
    for number, name in enumerate(("one", "two", "three", "four", "five"), 31):
        install_constant(name, number, rank=-number)
    assert result(fast) == 2
    monkeypatch.setenv("NNCORE_CONV", "one")
    assert result(fast) == 31
    config.set_default(conv="two")
    assert result(fast) == 32
    with nncore.using(conv="three"):
        with nncore.using(conv="four"):
            assert result(fast) == 34
            assert result(fast, "five") == 35
            assert result(fast, "auto") == 2
        assert result(fast) == 33


def test_a_direction_that_is_lacking_falls_back(fast, install_constant):
    install_constant("seven", 7)
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    y = ops.conv(x, w, implementation="seven")
    gx, gw = pytensor.grad(y.sum(), [x, w])
    y_, gx_, gw_ = pytensor.function([x, w], [y, gx, gw], mode=fast)(X, W)
    assert np.unique(y_) == 7
    assert gx_.tolist() == [[[1, 2, 2, 2, 1]]]
    assert gw_.tolist() == [[[4, 4]]]
    implementation, _ = resolve("conv", "seven", "python", "grad_input", GEOMETRY)
    assert implementation.name == "reference"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"availability": UNAVAILABLE}, "this machine has no abacus"),
        ({"availability": "1 / 0"}, "asking for it raised ZeroDivisionError: division by zero"),
        ({"supports": "unavailable('one channel is too few')"}, "one channel is too few"),
        ({"supports": "unavailable('')"}, "it gives no reason"),
        ({"supports": "1 / 0"}, "asking it about the geometry raised ZeroDivisionError"),
        ({"supports": "None"}, r"supports\(\) gave None"),
        ({"backends": ("numba", "jax")}, "no kernel for the python backend, only for numba, jax"),
    ],
)
def test_what_names_an_implementation_that_cannot_be_used_fails_when_it_is_compiled(
    fast, install_constant, settings, reason
):
    module = install_constant("seven", **settings)
    network = Conv1DLayer(InputLayer((None, 1, 5)), 1, 2, implementation="seven")
    output = get_output(network)
    with nncore.using(conv="seven"):
        x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
        inside = ops.conv(x, w)
    x, w, inside = pickle.loads(pickle.dumps((x, w, inside)))
    gradient = pytensor.grad(inside.sum(), w)
    assert module.asked == []
    for inputs, outputs in (
        ([network.input_layer.input_var], output),
        ([x, w], inside),
        ([x, w], gradient),
    ):
        with pytest.raises(ImplementationUnavailable, match=reason) as caught:
            pytensor.function(inputs, outputs, mode=fast)
        assert caught.value.name == "seven"
        assert caught.value.alternatives == ("reference",)
        assert caught.value.reason in str(caught.value)
        assert "convolution implementation 'seven' cannot be used" in str(caught.value)
        assert str(caught.value).endswith("What would work here: reference, auto.")
    assert len(module.asked) <= 1


def test_the_implementation_is_looked_up_when_the_graph_is_linked(fast, install_constant):
    install_constant("seven", 7, rank=-7)
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    y = ops.conv(x, w)

    def run():
        return np.unique(pytensor.function([x, w], y, mode=fast)(X, W)).item()

    assert run() == 2
    before = pytensor.function([x, w], y, mode=fast)
    config.set_default(conv="seven")
    assert run() == 7
    # What is compiled keeps what it was compiled with.
    assert np.unique(before(X, W)) == 2
    assert np.unique(pickle.loads(pickle.dumps(before))(X, W)) == 7
    with nncore.using(conv="reference"):
        assert run() == 2
    config.set_default(conv=None)
    assert run() == 2


def test_a_bad_name_in_the_environment_is_reported_when_compiling(fast, monkeypatch):
    monkeypatch.setenv("NNCORE_CONV", "nunba")
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    y = ops.conv(x, w)
    with pytest.raises(ImplementationUnavailable, match=r"'nunba' cannot .* Did you mean 'numba'"):
        pytensor.function([x, w], y, mode=fast)


def test_a_name_that_two_plugins_claim_is_chosen_by_the_distribution(fast, install_constant):
    install_constant("seven", 7, rank=-1, distribution="nncore-one")
    install_constant("seven", 8, rank=-2, distribution="nncore-two")
    with pytest.raises(PluginError, match=r"nncore-one 1\.0 and by nncore-two 1\.0"):
        result(fast, "seven")
    assert result(fast, "nncore-one:seven") == 7
    assert result(fast, "nncore-two:seven") == 8
    with pytest.raises(ImplementationUnavailable) as caught:
        resolve("conv", "numba", "python", "forward", GEOMETRY)
    alternatives = ("reference", "nncore-one:seven", "nncore-two:seven")
    assert caught.value.alternatives == alternatives
    config.set_default(conv="nncore-two:seven")
    assert result(fast) == 8


def test_what_a_failed_plugin_would_have_provided_is_refused_when_the_graph_is_built(install):
    install("import a_missing_library", "abacus")
    with pytest.raises(PluginError, match=r"failed to load.*a_missing_library"):
        ops.conv(X, W, implementation="abacus")


def test_a_pickled_graph_whose_implementation_is_not_installed_says_so(fast, install_constant):
    install_constant("seven", 7)
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    graph = pickle.dumps((x, w, ops.conv(x, w, implementation="seven")))
    x, w, y = pickle.loads(graph)
    y.owner.op.implementation = "sevens"
    with pytest.raises(ImplementationUnavailable, match="'sevens' is not a known") as caught:
        pytensor.function([x, w], y, mode=fast)
    assert caught.value.alternatives == ("seven", "reference")


class NoCompiler(Implementation):
    """An implementation that finds out late that it cannot be used."""

    name = "late"
    kind = "conv"
    backends = ("python",)

    def kernel(self, backend, direction, geometry):
        raise ImplementationUnavailable("the compiler gave up")


def test_a_kernel_that_cannot_be_had_is_passed_over_unless_it_was_named(monkeypatch):
    from nncore import registry

    late, reference = NoCompiler(), registry.get("conv", "reference")
    monkeypatch.setattr(registry, "implementations", lambda kind: ((None, late), (None, reference)))
    monkeypatch.setattr(registry, "get", lambda kind, name: late)
    assert resolve("conv", "auto", "python", "forward", GEOMETRY)[0] is reference
    with pytest.raises(
        ImplementationUnavailable, match=r"'late' cannot .*gave up\. What.*"
    ) as caught:
        resolve("conv", "late", "python", "forward", GEOMETRY)
    assert caught.value.reason == "the compiler gave up"
    assert caught.value.alternatives == ("reference",)


def test_what_is_for_another_backend_says_so_or_why_that_would_not_help(install_constant):
    install_constant("seven", backends=("jax",))
    install_constant("eight", backends=("jax",), availability=UNAVAILABLE)
    with pytest.raises(ImplementationUnavailable, match=r"only for jax; compile .*backend='jax'"):
        resolve("conv", "seven", "python", "forward", GEOMETRY)
    with pytest.raises(ImplementationUnavailable, match="only for jax, and this machine has no"):
        resolve("conv", "eight", "python", "forward", GEOMETRY)


class NoKernel(Implementation):
    name = "none"
    kind = "conv"
    backends = ("python",)

    def kernel(self, backend, direction, geometry):
        return None


def test_no_kernel_at_all_is_an_error(monkeypatch):
    from nncore import registry

    monkeypatch.setattr(registry, "implementations", lambda kind: ((None, NoKernel()),))
    with pytest.raises(ImplementationUnavailable, match=r"no convolution .* python .*\(forward\)"):
        resolve("conv", None, "python", "forward", GEOMETRY)
    assert usable(NoKernel(), "python", GEOMETRY)
    assert not usable(NoKernel(), "jax", GEOMETRY)


NUMBA_CONSTANT = """
import numpy as np
from nncore.hookspecs import Implementation, hookimpl

nncore_contract = 1


class Constant(Implementation):
    name = "constant"
    kind = "conv"
    backends = ("numba",)
    rank = -1
    version = {version}

    def kernel(self, backend, direction, geometry):
        import numba

        @numba.njit
        def forward(x, w):
            shape = (x.shape[0], w.shape[0], x.shape[2] - w.shape[2] + 1)
            return np.full(shape, {number}.0, x.dtype)

        return forward if direction == "forward" else None


@hookimpl
def nncore_implementations():
    return [Constant()]
"""


def test_the_cache_of_compiled_graphs_tells_the_implementations_apart(install):
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    y = ops.conv(x, w)

    def run():
        return np.unique(pytensor.function([x, w], y, mode=NUMBA)(X, W)).item()

    install(NUMBA_CONSTANT.format(version=1, number=7), "one")
    install(NUMBA_CONSTANT.format(version=1, number=8), "two")
    # Both are called constant, and have the same version.
    with nncore.using(conv="nncore-one:constant"):
        assert run() == 7
    with nncore.using(conv="nncore-two:constant"):
        assert run() == 8
