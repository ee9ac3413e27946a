from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad

import nncore
from nncore import ops, registry
from nncore.backends import get_mode
from nncore.errors import UnknownNameError
from nncore.hookspecs import DIRECTIONS
from nncore.ops.geometry import ConvGeometry
from nncore.ops.kernels.reference import ReferenceConvolution

rng = np.random.default_rng(0)


def tensor(*shape, dtype="float32", name=None):
    return pt.tensor(name, dtype=dtype, shape=shape)


def values(*shapes, dtype="float32"):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


SETTINGS = [
    {},
    {"stride": 2, "pad": 1},
    {"pad": [(0, 2), (1, 0)], "dilation": (2, 1)},
    {"pad": "same", "groups": 2, "flip_filters": False},
    {"pad": "full", "stride": (1, 3)},
]


def geometry(x, w, stride=1, pad=0, dilation=1, groups=1, flip_filters=True):
    n = len(x) - 2
    pairs = pad
    if not isinstance(pad, str):
        pairs = (
            tuple((p, p) if isinstance(p, int) else tuple(p) for p in np.full(n, pad).tolist())
            if isinstance(pad, int)
            else tuple((p, p) if isinstance(p, int) else p for p in pad)
        )
    stride = (stride,) * n if isinstance(stride, int) else stride
    dilation = (dilation,) * n if isinstance(dilation, int) else dilation
    return ConvGeometry(x, w, stride, pairs, dilation, groups, flip_filters, "float32")


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("known", [True, False])
def test_outputs_and_gradients_are_those_of_the_formula(oracle, fast, settings, known):
    groups = settings.get("groups", 1)
    shapes = (3, 4, 7, 8), (6, 4 // groups, 3, 2)
    x, w = (
        tensor(*(s if known else (None,) * 4), name=n) for s, n in zip(shapes, "xw", strict=False)
    )
    y = ops.conv(x, w, name="here", **settings)
    g = pt.tensor4("g", dtype="float32")
    gradients = pytensor.grad(None, [x, w], known_grads={y: g})
    shape = pt.stack(fast_shape(y))
    function = pytensor.function([x, w, g], [y, *gradients, shape], mode=fast)
    x_, w_ = values(*shapes)
    wanted = geometry(*shapes, **settings)
    g_ = values(oracle.conv(wanted, x_, w_).shape)[0]
    *actual, length = function(x_, w_, g_)
    for one, other in zip(actual, oracle.conv(wanted, x_, w_, g_), strict=True):
        oracle.close(one, other)
    assert tuple(length) == actual[0].shape
    assert y.name == "here"
    if known:
        assert y.type.shape == actual[0].shape
        assert [v.type.shape for v in gradients] == list(shapes)
    else:
        assert y.type.shape == (None,) * 4


def fast_shape(y):
    """The shape that the operation infers, without computing it."""
    node = y.owner
    shapes = [tuple(v.shape[i] for i in range(v.ndim)) for v in node.inputs]
    (shape,) = node.op.infer_shape(None, node, shapes)
    return [pt.as_tensor(n).astype("int64") for n in shape]


@pytest.mark.parametrize("pad", ["same", "full"])
@pytest.mark.parametrize("sizes", [(None, None), (3, None), (None, 2)])
def test_a_word_for_the_pad_waits_for_the_filter_size(oracle, fast, pad, sizes):
    x, w = tensor(None, 2, 6, 7), tensor(3, 2, *sizes)
    y = ops.conv(x, w, stride=(2, 1), pad=pad, dilation=(1, 2))
    assert y.owner.op.pad == pad
    x_, w_ = values((2, 2, 6, 7), (3, 2, 3, 2))
    actual, shape = pytensor.function([x, w], [y, pt.stack(fast_shape(y))], mode=fast)(x_, w_)
    wanted = ConvGeometry(x_.shape, w_.shape, (2, 1), pad, (1, 2), 1, True, "float32")
    oracle.close(actual, oracle.conv(wanted, x_, w_))
    assert tuple(shape) == actual.shape
    if pad == "same":
        assert y.type.shape == (None, 3, 3, 7)


@pytest.mark.parametrize("pad", ["same", "full"])
@pytest.mark.parametrize("sizes", [(None, None), (3, None), (None, 2)])
def test_a_transposed_convolution_waits_for_the_filter_size_too(oracle, fast, pad, sizes):
    y, w = tensor(None, 3, 8, 9), tensor(3, 2, *sizes)
    x = ops.conv_transpose(y, w, stride=(2, 1), pad=pad, dilation=(1, 2), output_padding=(1, 0))
    whole = ops.conv_transpose(y, tensor(3, 2, 3, 2), (2, 1), pad, (1, 2), output_padding=(1, 0))
    for known, expected in zip(x.type.shape[1:], whole.type.shape[1:], strict=True):
        assert known in (None, expected)
    y_, w_ = values((2, 3, 8, 9), (3, 2, 3, 2))
    actual, shape = pytensor.function([y, w], [x, pt.stack(fast_shape(x))], mode=fast)(y_, w_)
    wanted = ConvGeometry(actual.shape, w_.shape, (2, 1), pad, (1, 2), 1, True, "float32")
    oracle.close(actual, oracle.conv(wanted, np.zeros_like(actual), w_, y_)[1])
    assert tuple(shape) == actual.shape == (2, *whole.type.shape[1:])


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_transposed_convolution_is_the_gradient_by_the_input(oracle, fast, ndim):
    for stride, pad, dilation, groups, flip in itertools.product(
        (1, 3), (0, 1), (1, 2), (1, 2), (0, 1)
    ):
        extra = stride - 1
        y_, w_ = values((2, 4, *(4,) * ndim), (4, 3, *(2,) * ndim))
        x = ops.conv_transpose(
            tensor(*y_.shape), tensor(*w_.shape), stride, pad, dilation, groups, bool(flip), extra
        )
        # The unknown sizes come out the same.
        y, w = (pt.tensor(dtype="float32", shape=(None,) * (ndim + 2)) for _ in "yw")
        again = ops.conv_transpose(y, w, stride, pad, dilation, groups, bool(flip), extra)
        actual = pytensor.function([y, w], again, mode=fast)(y_, w_)
        length = 3 * stride + dilation + 1 - 2 * pad + extra
        assert actual.shape == x.type.shape == (2, 3 * groups, *(length,) * ndim)
        wanted = geometry(actual.shape, w_.shape, stride, pad, dilation, groups, bool(flip))
        oracle.close(actual, oracle.conv(wanted, np.zeros_like(actual), w_, y_)[1])


CURVED = [
    (lambda x, w: ops.conv(x, w, stride=2, pad=1), (2, 2, 5), (3, 2, 2)),
    (lambda x, w: ops.conv(x, w, pad="same", groups=2), (1, 2, 3, 4), (2, 1, 2, 3)),
    (lambda x, w: ops.conv(x, w, dilation=2, flip_filters=False), (1, 1, 4, 3, 3), (2, 1, 2, 2, 2)),
    (lambda x, w: ops.conv_transpose(x, w, stride=2, output_padding=1), (2, 2, 3), (2, 2, 3)),
    (lambda x, w: ops.conv_transpose(x, w, pad=1, groups=2), (1, 2, 3, 3), (2, 2, 2, 3)),
]


@pytest.mark.parametrize(("function", "x", "w"), CURVED)
def test_finite_differences_confirm_the_gradients(fast, function, x, w):
    verify_grad(function, values(x, w, dtype="float64"), rng=np.random.default_rng(1), mode=fast)


@pytest.mark.parametrize(("function", "x", "w"), CURVED)
def test_finite_differences_confirm_the_second_derivatives(fast, function, x, w):
    def gradients(x, w):
        loss = (function(x, w) ** 3).sum()
        return pt.concatenate([g.reshape((-1,)) for g in pytensor.grad(loss, [x, w])])

    verify_grad(gradients, values(x, w, dtype="float64"), rng=np.random.default_rng(1), mode=fast)


@pytest.mark.parametrize(("function", "x", "w"), CURVED)
def test_the_r_operator_is_the_derivative_along_a_direction(fast, function, x, w):
    inputs = [pt.tensor(dtype="float64", shape=shape) for shape in (x, w)]
    along = [pt.tensor(dtype="float64", shape=shape) for shape in (x, w)]
    output = function(*inputs)
    push = getattr(pytensor.gradient, "pushforward", None) or pytensor.gradient.Rop
    both = push(output, inputs, along)
    at, direction = values(x, w, dtype="float64"), values(x, w, dtype="float64")
    actual = pytensor.function([*inputs, *along], both, mode=fast)(*at, *direction)
    evaluate = pytensor.function(inputs, output, mode=fast)
    step = 1e-6
    ahead, behind = (
        evaluate(*(a + sign * step * d for a, d in zip(at, direction, strict=True)))
        for sign in (1, -1)
    )
    np.testing.assert_allclose(actual, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_type_of_the_data_stays(fast, dtype):
    x, w = tensor(2, 1, 4, dtype=dtype), tensor(1, 1, 2, dtype=dtype)
    y = ops.conv(x, w)
    everything = [y, *pytensor.grad(y.sum(), [x, w]), ops.conv_transpose(y, w)]
    assert {v.dtype for v in everything} == {dtype}
    computed = pytensor.function([x, w], everything, mode=fast)(
        *values(x.type.shape, (1, 1, 2), dtype=dtype)
    )
    assert {v.dtype.name for v in computed} == {dtype}


def test_integers_become_floats_and_mixed_types_the_wider():
    assert ops.conv(pt.tensor3(dtype="uint8"), tensor(1, 1, 2)).dtype == "float32"
    assert ops.conv(pt.tensor3(dtype="int64"), pt.tensor3(dtype="int64")).dtype == "float32"
    assert ops.conv(pt.tensor3(dtype="float64"), tensor(1, 1, 2)).dtype == "float64"


def test_empty_batches_and_no_filters_give_empty_results(fast):
    x, w = pt.tensor4("x", dtype="float32"), pt.tensor4("w", dtype="float32")
    y = ops.conv(x, w)
    function = pytensor.function([x, w], [y, *pytensor.grad(y.sum(), [x, w])], mode=fast)
    for shapes in (
        ((0, 2, 5, 5), (3, 2, 2, 2)),
        ((2, 2, 5, 5), (0, 2, 2, 2)),
        ((2, 0, 5, 5), (3, 0, 2, 2)),
    ):
        out, gx, gw = function(*values(*shapes))
        assert (out.shape, gx.shape, gw.shape) == ((shapes[0][0], shapes[1][0], 4, 4), *shapes)
        assert not out.any()
        assert not gx.any()
        assert not gw.any()


BAD = [
    ({"stride": 0}, ValueError, "stride=0 must not be less than 1"),
    ({"stride": 1.5}, TypeError, "stride must be an integer or 2 of them"),
    ({"stride": (1, 2, 3)}, ValueError, "stride=.* has 3 elements"),
    ({"pad": -1}, ValueError, "pad=-1 must not be less than 0"),
    ({"pad": "half"}, ValueError, "the words are 'valid', 'same' and 'full'"),
    ({"dilation": 0}, ValueError, "dilation=0 must not be less than 1"),
    ({"groups": 0}, ValueError, "groups=0 must not be less than 1"),
    ({"groups": 2.0}, TypeError, "groups must be an integer"),
]


@pytest.mark.parametrize(("settings", "error", "match"), BAD)
@pytest.mark.parametrize("function", [ops.conv, ops.conv_transpose])
def test_bad_arguments_are_refused_with_the_subject_named(function, settings, error, match):
    for subject in (function.__name__, "conv1"):
        name = None if subject == function.__name__ else subject
        with pytest.raises(error, match=f"^{subject}: .*{match}"):
            function(tensor(1, 2, 6, 6), tensor(2, 2, 3, 3), name=name, **settings)


@pytest.mark.parametrize("function", [ops.conv, ops.conv_transpose])
def test_an_unknown_implementation_is_refused_with_the_nearest_name(function):
    with pytest.raises(UnknownNameError, match=r"'nunba' is not .* Did you mean 'numba'\?"):
        function(tensor(1, 2, 6, 6), tensor(2, 2, 3, 3), implementation="nunba")


@pytest.mark.parametrize("function", [ops.conv, ops.conv_transpose])
def test_ranks_that_do_not_fit_and_complex_numbers_are_refused(function):
    with pytest.raises(ValueError, match=r"the input has 4 axes and the filters have 3"):
        function(tensor(1, 2, 6, 6), tensor(2, 2, 3))
    with pytest.raises(ValueError, match=r"both must have 3, 4 or 5"):
        function(pt.matrix(), pt.matrix())
    with pytest.raises(TypeError, match=r"complex64; only real types work"):
        function(pt.tensor3(dtype="complex64"), tensor(2, 2, 3))


def test_static_sizes_without_an_output_are_refused_when_the_graph_is_built():
    with pytest.raises(ValueError, match=r"^conv7: no output on spatial axis 1.*spans 5.*length 3"):
        ops.conv(tensor(1, 2, 9, 3), tensor(2, 2, 5, 5), name="conv7")
    with pytest.raises(ValueError, match=r"^up: no output on spatial axis 0.*Use less padding"):
        ops.conv_transpose(tensor(1, 2, 1, 3), tensor(2, 2, 3, 3), pad=2, name="up")
    with pytest.raises(ValueError, match=r"^conv: the input .* has 4 channels.*are for 2"):
        ops.conv(tensor(1, 4, 9, 3), tensor(2, 2, 1, 1))
    with pytest.raises(ValueError, match=r"^conv_transpose: .* has 4 channels.*are for 2"):
        ops.conv_transpose(tensor(1, 4, 9, 3), tensor(2, 2, 1, 1))
    with pytest.raises(ValueError, match=r"cannot be divided into 3 groups"):
        ops.conv_transpose(tensor(1, 4, 9, 3), tensor(4, 2, 1, 1), groups=3)
    with pytest.raises(
        ValueError, match=r"output_padding=\(2, 2\) must be less than stride=\(2, 2\)"
    ):
        ops.conv_transpose(tensor(1, 4, 9, 3), tensor(4, 2, 1, 1), stride=2, output_padding=2)
    with pytest.raises(TypeError, match=r"conv_transpose: output_padding must be an integer"):
        ops.conv_transpose(tensor(1, 4, 9, 3), tensor(4, 2, 1, 1), stride=2, output_padding="1")


@pytest.mark.parametrize(
    ("shapes", "settings", "match"),
    [
        (((1, 2, 2, 9), (3, 2, 3, 3)), {}, "no output on spatial axis 0.*pad='same'"),
        (((1, 3, 9, 9), (3, 2, 3, 3)), {}, "has 3 channels.*are for 2"),
        (((1, 4, 9, 9), (3, 2, 3, 3)), {"groups": 2}, "3 filters cannot be divided into 2 groups"),
        (((1, 2, 9, 9), (3, 2, 0, 3)), {}, "have no taps"),
    ],
)
def test_sizes_of_run_time_are_checked(fast, shapes, settings, match):
    x, w = pt.tensor4(dtype="float32"), pt.tensor4(dtype="float32")
    function = pytensor.function([x, w], ops.conv(x, w, **settings), mode=fast)
    with pytest.raises(ValueError, match=match):
        function(*values(*shapes))


@pytest.mark.parametrize(
    ("shapes", "settings", "match"),
    [
        (((1, 3, 1, 9), (3, 2, 3, 3)), {"pad": 2}, "axis 0: .* length of -1 after cropping"),
        (((1, 2, 9, 9), (3, 2, 3, 3)), {}, "has 2 channels.*are for 3"),
        (((1, 3, 9, 9), (3, 2, 3, 3)), {"groups": 2}, "3 input channels cannot be divided into 2"),
        (((1, 3, 9, 9), (3, 2, 0, 3)), {}, "have no taps"),
    ],
)
def test_sizes_of_run_time_are_checked_in_a_transposed_convolution(fast, shapes, settings, match):
    y, w = pt.tensor4(dtype="float32"), pt.tensor4(dtype="float32")
    function = pytensor.function([y, w], ops.conv_transpose(y, w, **settings), mode=fast)
    with pytest.raises(ValueError, match=match):
        function(*values(*shapes))


def test_a_gradient_of_another_shape_is_refused(fast):
    arguments = ((1,), ((0, 0),), (1,))
    x, w, gy = (pt.tensor3(n, dtype="float32") for n in ("x", "w", "gy"))
    sizes = values((2, 1, 6), (3, 1, 2), (2, 3, 1))
    for op, operands in ((ops.ConvGradInput, (w, gy, x)), (ops.ConvGradFilters, (x, gy, w))):
        function = pytensor.function([x, w, gy], op(*arguments)(*operands), mode=fast)
        with pytest.raises(ValueError, match=r"shape \(2, 3, 1\) is not .* shape \(2, 3, 5\)"):
            function(*sizes)
    known = tensor(2, 3, 4)
    with pytest.raises(ValueError, match=r"is not that of an output"):
        ops.ConvGradInput(*arguments)(tensor(3, 1, 2), known, tensor(2, 1, 6))
    with pytest.raises(ValueError, match=r"is not that of an output"):
        ops.ConvGradFilters(*arguments)(tensor(2, 1, 6), known, tensor(3, 1, 2))
    with pytest.raises(TypeError, match=r"takes tensors of 3 axes"):
        ops.Conv(*arguments)(tensor(2, 1, 6, 6), w)
    with pytest.raises(TypeError, match=r"output_padding"):
        ops.ConvGradInput(*arguments)(w, gy)


def test_operations_of_equal_arguments_are_equal_and_merge():
    x, w = tensor(1, 1, 5), tensor(1, 1, 2)
    one, two = ops.conv(x, w, pad=1), ops.conv(x, w, pad=(1,))
    assert one.owner.op == two.owner.op
    assert hash(one.owner.op) == hash(two.owner.op)
    assert one.owner.op != ops.conv(x, w, pad=1, implementation="numba").owner.op
    function = pytensor.function(
        [x, w], one + two, mode=pytensor.compile.mode.Mode("py", "fast_compile")
    )
    nodes = [n for n in function.maker.fgraph.apply_nodes if isinstance(n.op, ops.Conv)]
    assert len(nodes) == 1


def test_a_block_is_kept_by_what_is_built_in_it():
    x, w = tensor(1, 1, 5), tensor(1, 1, 2)
    with nncore.using(conv="numba"):
        inside, transposed = ops.conv(x, w), ops.conv_transpose(x, w)
        named = ops.conv(x, w, implementation="auto")
    assert inside.owner.op.implementation == transposed.owner.op.implementation == "numba"
    assert named.owner.op.implementation == "auto"
    assert ops.conv(x, w).owner.op.implementation is None
    assert "implementation='numba'" in str(inside.owner.op)
    gx, gw = pytensor.grad(inside.sum(), [x, w])
    assert gx.owner.op.implementation == gw.owner.op.implementation == "numba"


def test_graphs_and_compiled_functions_are_copied_and_pickled(fast):
    x, w = tensor(None, 1, 5, name="x"), pytensor.shared(values((2, 1, 2))[0], shape=(2, 1, 2))
    y = ops.conv(x, w, pad=1)
    z = ops.conv_transpose(y, w, pad=1)
    function = pytensor.function([x], [y, z, pytensor.grad(z.sum(), w)], mode=fast)
    x_ = values((3, 1, 5))[0]
    expected = function(x_)
    for other in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
        for one, two in zip(other(x_), expected, strict=True):
            np.testing.assert_array_equal(one, two)
    x2, y2 = pickle.loads(pickle.dumps((x, y)))
    np.testing.assert_array_equal(pytensor.function([x2], y2, mode=fast)(x_), expected[0])
    op = y.owner.op
    assert pickle.loads(pickle.dumps(op)) == copy.copy(op) == copy.deepcopy(op) == op
    transposed = z.owner.op
    assert pickle.loads(pickle.dumps(transposed)) == transposed


def test_constants_are_left_to_the_backend(fast):
    y = ops.conv(np.ones((1, 1, 4), "float32"), np.ones((1, 1, 2), "float32"))
    assert not y.owner.op.do_constant_folding(None, y.owner)
    assert y.eval(mode=fast).tolist() == [[[2, 2, 2]]]


def test_an_operation_computes_without_being_linked():
    node = ops.conv(tensor(1, 1, 4), tensor(1, 1, 2)).owner
    storage = [[None]]
    node.op.perform(node, [np.ones((1, 1, 4), "f4"), np.ones((1, 1, 2), "f4")], storage)
    assert storage[0][0].tolist() == [[[2, 2, 2]]]


class Noting(ReferenceConvolution):
    """The reference implementation, which notes what it is asked for."""

    name = "noting"

    def __init__(self):
        self.asked = []

    def kernel(self, backend, direction, geometry):
        self.asked.append((direction, geometry.options))
        return super().kernel(backend, direction, geometry)


def test_options_reach_the_kernels_of_every_direction_and_change_no_result(fast, monkeypatch):
    noting, real = Noting(), registry.get
    monkeypatch.setattr(
        registry, "get", lambda kind, name: noting if name == "noting" else real(kind, name)
    )
    x, w = tensor(1, 1, 5), tensor(1, 1, 2)
    arrays = values((1, 1, 5), (1, 1, 2))

    def run(**arguments):
        y = ops.conv(x, w, **arguments)
        gx, gw = pytensor.grad((y**2).sum(), [x, w])
        return pytensor.function([x, w], [y, gx, gw], mode=fast)(*arrays)

    asked = run(implementation="noting", options={"tile": 8, "exact": True})
    wanted = (("exact", True), ("tile", 8))
    assert dict(noting.asked) == dict.fromkeys(DIRECTIONS["conv"], wanted)
    for one, other in zip(asked, run(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_options_are_part_of_what_an_operation_is():
    x, w = tensor(1, 1, 5), tensor(1, 1, 2)
    one, two = (ops.conv(x, w, options={"b": 1, "a": n}).owner.op for n in (1, 2))
    assert one != two
    assert one == ops.conv(x, w, options={"a": 1, "b": 1}).owner.op
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("options", ["tile", {1: 2}, {"tile": [8]}], ids=repr)
def test_options_that_are_no_names_with_plain_values_are_refused(options):
    with pytest.raises(TypeError, match=r"conv: options=.* must map names to numbers"):
        ops.conv(tensor(1, 1, 5), tensor(1, 1, 2), options=options)


def test_numba_leaves_options_that_it_does_not_know_out_of_account():
    x, w = tensor(1, 1, 5), tensor(1, 1, 2)
    arrays = values((1, 1, 5), (1, 1, 2))
    plain, asked = (
        pytensor.function([x, w], ops.conv(x, w, options=options), mode=get_mode("numba"))
        for options in (None, {"tile": 8})
    )
    np.testing.assert_array_equal(plain(*arrays), asked(*arrays))
