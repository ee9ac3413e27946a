"""Training layer by layer."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest

import nncore
from nncore.errors import DataError, ModelFileError
from nncore.models.sda import DBN, StackedDenoisingAutoencoder

RNG = np.random.default_rng(1)
X = (RNG.random((30, 6)) < 0.5).astype("float32")


def make(seed=0, units=(5, 5, 5), **options):
    nncore.random.set_rng(seed)
    return StackedDenoisingAutoencoder(6, units, 2, **options)


def values(stack):
    return [param.get_value() for stage in stack.stages for param in stage.params]


def same(first, second):
    return all((a == b).all() for a, b in zip(values(first), values(second), strict=True))


def run(stack, x=X, **options):
    return list(stack.pretrain(x, **{"epochs": 2, "batch_size": 8, "backend": "python", **options}))


def test_a_layer_learns_while_the_others_stay_as_they_are():
    stack = make()
    before = values(stack)
    records = stack.pretrain(X, epochs=2, batch_size=8, backend="python")
    for expected in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]:
        record = next(records)
        assert (record.layer, record.epoch) == expected
        now = values(stack)
        changed = [not (a == b).all() for a, b in zip(before, now, strict=True)]
        layer = record.layer - 1
        assert all(changed[3 * layer : 3 * layer + 3])
        assert not any(changed[3 * layer + 3 :])
        assert all(value.dtype == np.float32 for value in now)
    assert next(records, None) is None


def test_encoding_the_data_once_is_the_same_as_running_the_whole_stack_for_every_batch():
    # One batch holds all samples, so that their order makes no difference.
    first, second = (make(corruption=None, units=(5, 4)) for _ in range(2))
    run(first, batch_size=30, epochs=3, learning_rate=(0.3, 0.2))
    functions = second.pretraining_functions(X, batch_size=30, backend="python")
    for function, rate in zip(functions, (0.3, 0.2), strict=True):
        for _ in range(3):
            function(0, lr=rate)
    for a, b in zip(values(first), values(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_layers_of_the_same_sizes_share_compiled_functions(monkeypatch):
    names = []
    original = pytensor.function

    def counting(*args, **kwargs):
        names.append(kwargs.get("name"))
        return original(*args, **kwargs)

    monkeypatch.setattr(pytensor, "function", counting)
    run(make(units=(6, 6, 6)), epochs=1)
    assert sorted(names) == ["encode", "train"]


def test_the_update_rule_starts_anew_with_every_layer():
    stack, alone = (make(units=(6, 6), corruption=None) for _ in range(2))
    run(stack, updates="adam", learning_rate=0.01)
    for mine, its in zip(alone.stages[0].params, stack.stages[0].params, strict=True):
        mine.set_value(its.get_value())
    from nncore.layers import get_output
    from nncore.models.sda import pretrain

    hidden = get_output(alone.hidden_layers[0], X, deterministic=True).eval()
    list(
        pretrain(
            alone.stages[1:], hidden, epochs=2, batch_size=8, backend="python", updates="adam",
            learning_rate=0.01, seed=1,
        )
    )  # fmt: skip
    for a, b in zip(values(alone)[3:], values(stack)[3:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("done", [1, 2, 3, 5, 6])
def test_a_pretraining_goes_on_where_it_stopped_with_the_same_bits(tmp_path, done):
    options = {"epochs": 2, "batch_size": 8, "backend": "python", "updates": "adam", "seed": 4}
    whole = make(corruption=(0.1, 0.2, 0.3))
    expected = list(whole.pretrain(X, **options))
    records = make(corruption=(0.1, 0.2, 0.3)).pretrain(X, checkpoint=tmp_path, **options)
    for _ in range(done):
        next(records)
    records.close()
    other = make(corruption=(0.1, 0.2, 0.3))
    rest = list(other.pretrain(X, checkpoint=tmp_path, resume=True, **options))
    assert [(r.layer, r.epoch, r.train) for r in rest] == [
        (r.layer, r.epoch, r.train) for r in expected[done:]
    ]
    assert same(whole, other)


def test_a_checkpoint_of_another_stack_is_refused(tmp_path):
    run(make(), checkpoint=tmp_path)
    with pytest.raises(ModelFileError, match="another network"):
        run(make(units=(4, 4, 4)), checkpoint=tmp_path, resume=True)


def test_a_deep_belief_network_is_pretrained_too():
    nncore.random.set_rng(0)
    stack = DBN(6, (5, 4), 2)
    before = values(stack)
    records = run(stack, k=2, persistent=7)
    assert [(r.layer, r.epoch) for r in records] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(np.isfinite(r.train["loss"]) for r in records)
    assert not any((a == b).all() for a, b in zip(before, values(stack), strict=True))


def test_progress_counts_the_epochs_of_all_layers_and_is_closed_once():
    class Told:
        def __init__(self):
            self.calls = []

        def begin(self, epoch, epochs, batches, samples):
            self.calls.append(("begin", epoch, epochs, batches, samples))

        def batch(self, done, samples_done, values):
            pass

        def end(self, record):
            self.calls.append(("end", record.epoch))

        def close(self):
            self.calls.append("close")

    told = Told()
    run(make(units=(5, 4)), epochs=1, progress=told)
    first, second = ([("begin", n, 2, 4, 30), ("end", n)] for n in (1, 2))
    assert told.calls == [*first, *second, "close"]


def test_epochs_may_differ_between_layers():
    records = run(make(), epochs=(1, 0, 2))
    assert [(r.layer, r.epoch) for r in records] == [(1, 1), (3, 1), (3, 2)]
    with pytest.raises(ValueError, match="epochs has 2 values, but there are 3 layers"):
        make().pretrain(X, epochs=(1, 2))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[:, :4], r"\(30, 4\).*6 inputs"),
        (2 * X, "from 0 to 2.*0 to 1"),
        (np.where(X == 1, np.nan, X), "0 to 1|not finite"),
        (X[:0], "no sample"),
    ],
    ids=["shape", "range", "nan", "empty"],
)
def test_data_that_do_not_fit_are_refused(x, message):
    with pytest.raises(DataError, match=message):
        run(make(), x)


def test_resuming_needs_a_checkpoint():
    with pytest.raises(ValueError, match="checkpoint="):
        make().pretrain(X, resume=True)


@pytest.mark.slow
def test_on_numba_everything_stays_float32_and_resuming_is_exact(tmp_path):
    options = {"epochs": 2, "batch_size": 8, "updates": "adam"}
    whole = make(units=(6, 6))
    expected = list(whole.pretrain(X, **options))
    records = make(units=(6, 6)).pretrain(X, checkpoint=tmp_path, **options)
    for _ in range(3):
        next(records)
    records.close()
    other = make(units=(6, 6))
    (last,) = other.pretrain(X, checkpoint=tmp_path, resume=True, **options)
    assert last.train == expected[3].train
    assert same(whole, other)
    assert all(value.dtype == np.float32 for value in values(other))


@pytest.mark.jax
def test_jax_pretrains_as_well():
    pytest.importorskip("jax")
    first, second = (make(units=(5, 4), corruption=None) for _ in range(2))
    run(first)
    run(second, backend="jax")
    for a, b in zip(values(first), values(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
