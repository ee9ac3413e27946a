"""Small functions that the rest of nncore, and layers outside of it, are built with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral, Number
from typing import Any, TypeVar

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.parameter import new_parameter

__all__ = [
    "as_tensor",
    "as_theano_expression",
    "as_tuple",
    "collect_shared_vars",
    "compute_norms",
    "create_param",
    "floatX",
    "inspect_kwargs",
    "one_hot",
    "shared_empty",
    "unique",
    "unroll_scan",
]

T = TypeVar("T")


def floatX(arr: Any) -> np.ndarray:
    """Convert something array-like to an array of PyTensor's ``floatX``.

    Parameters
    ----------
    arr : array_like
        Numbers of any shape.

    Returns
    -------
    numpy.ndarray
        The same numbers with dtype ``pytensor.config.floatX``.

    Examples
    --------
    >>> from nncore.utils import floatX
    >>> floatX([1, 2]).dtype
    dtype('float32')
    """
    return np.asarray(arr, dtype=pytensor.config.floatX)


def _narrowed(value: Any) -> np.ndarray:
    """Make an array with no floating-point type wider than ``floatX``."""
    is_plain = isinstance(value, (bool, int, float, list, tuple))
    array = np.asarray(value)
    float_type = np.dtype(pytensor.config.floatX)
    if array.dtype.kind == "f" and (is_plain or array.dtype.itemsize > float_type.itemsize):
        return array.astype(float_type)
    return array


def shared_empty(dim: int = 2, dtype: str | None = None) -> SharedVariable:
    """Create a shared variable to be filled later.

    Parameters
    ----------
    dim : int, default 2
        The number of dimensions.
    dtype : str, optional
        The dtype; ``floatX`` by default.

    Returns
    -------
    SharedVariable
        It holds a single zero, and accepts any value of ``dim`` dimensions.

    Examples
    --------
    >>> from nncore.utils import shared_empty
    >>> shared_empty(3).type
    TensorType(float32, shape=(None, None, None))
    """
    zeros = np.zeros((1,) * dim, dtype=dtype or pytensor.config.floatX)
    return pytensor.shared(zeros, shape=(None,) * dim)


def as_tensor(input: Any) -> Variable:
    """Wrap a value as a constant, if it is not an expression already.

    Parameters
    ----------
    input : Variable, array_like
        An expression, or numbers.

    Returns
    -------
    Variable
        The expression as it was given, or a constant. Floating-point numbers wider than
        ``floatX`` are narrowed to it, so that they do not widen all that depends on them.

    Raises
    ------
    TypeError
        If the value is neither an expression nor convertible to an array of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.utils import as_tensor
    >>> as_tensor(np.zeros((2, 3))).dtype
    'float32'
    """
    if isinstance(input, Variable):
        return input
    try:
        return pt.constant(_narrowed(input))
    except Exception as error:
        raise TypeError(
            f"input of type {type(input).__name__} is not a symbolic expression and cannot be "
            f"made a constant ({error}). Give an expression, a number or an array of numbers."
        ) from error


def number_like(number: Any, x: Variable) -> Any:
    """Give a number the floating-point type of an expression that it is to be combined with.

    PyTensor takes a Python number for a float32 at least, which would widen a float16.
    """
    if isinstance(number, Variable) or not x.type.dtype.startswith("float"):
        return number
    return pt.constant(np.asarray(number, dtype=x.type.dtype))


#: Lasagne's name of :func:`as_tensor`.
as_theano_expression = as_tensor


def collect_shared_vars(expressions: Variable | Iterable[Variable]) -> list[SharedVariable]:
    """Find all shared variables that expressions depend on.

    Parameters
    ----------
    expressions : Variable or iterable of Variable
        The expressions.

    Returns
    -------
    list of SharedVariable
        Each once, in the order of a depth-first search that goes left first.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.utils import collect_shared_vars
    >>> a, b = (pytensor.shared(np.float32(0), name=name) for name in "ab")
    >>> collect_shared_vars(b * (a + 1) + b)
    [b, a]
    """
    if isinstance(expressions, Variable):
        expressions = [expressions]
    found: dict[SharedVariable, None] = {}
    seen: set[Variable] = set()
    stack = list(expressions)[::-1]
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen.add(variable)
        if isinstance(variable, SharedVariable):
            found[variable] = None
        elif variable.owner is not None:
            stack.extend(reversed(variable.owner.inputs))
    return list(found)


def one_hot(x: Any, m: Any = None) -> TensorVariable:
    r"""One-hot encoding: :math:`y_{\ldots j} = [x_\ldots = j]`.

    Parameters
    ----------
    x : TensorVariable or array of int
        Class indices, of any shape ``(...)``.
    m : int or scalar TensorVariable, optional
        The number of classes; the largest index plus 1 by default. The JAX backend needs an
        ``int``.

    Returns
    -------
    TensorVariable
        Zeros and ones of dtype ``floatX`` and shape ``(..., m)``. The row of an index outside
        of ``0 .. m - 1`` is all zeros.

    Examples
    --------
    >>> from nncore.utils import one_hot
    >>> one_hot([2, 0], 3).eval()
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    x = as_tensor(x)
    if m is None:
        m = x.max() + 1
    # A constant where possible: JAX cannot make a range of unknown length.
    classes = np.arange(m, dtype="int32") if isinstance(m, int | np.integer) else pt.arange(m)
    return pt.eq(pt.shape_padright(x), classes).astype(pytensor.config.floatX)


def unique(l: Iterable[T]) -> list[T]:
    """Drop repetitions and keep the order.

    Parameters
    ----------
    l : iterable
        Hashable elements.

    Returns
    -------
    list
        Each element where it came first.

    Examples
    --------
    >>> from nncore.utils import unique
    >>> unique([3, 1, 3, 2, 1])
    [3, 1, 2]
    """
    return list(dict.fromkeys(l))


def as_tuple(x: Any, N: int, t: type | tuple[type, ...] | None = None) -> tuple[Any, ...]:
    """Turn a single value or an iterable into a tuple of a given length.

    Parameters
    ----------
    x : object
        A single value, which is repeated, or an iterable. A string is a single value.
    N : int
        The length of the tuple.
    t : type or tuple of type, optional
        What every element must be an instance of. ``int`` stands for any integer, NumPy's
        included.

    Returns
    -------
    tuple
        ``N`` elements.

    Raises
    ------
    TypeError
        If an element is not of type ``t``.
    ValueError
        If the iterable's length is not ``N``.

    Examples
    --------
    >>> from nncore.utils import as_tuple
    >>> as_tuple(3, 2), as_tuple([3, 5], 2)
    ((3, 3), (3, 5))
    """
    values = (x,) * N if isinstance(x, str) or not isinstance(x, Iterable) else tuple(x)
    if t is not None:
        types = t if isinstance(t, tuple) else (t,)
        allowed = tuple(Integral if allow is int else allow for allow in types)
        if not all(isinstance(value, allowed) for value in values):
            expected = " or ".join(allow.__name__ for allow in types)
            raise TypeError(
                f"expected a single value or an iterable of {expected}, got {x!r} instead"
            )
    if len(values) != N:
        raise ValueError(
            f"expected a single value or an iterable with length {N}, got {x!r} instead"
        )
    return values


def inspect_kwargs(func: Callable[..., Any]) -> list[str]:
    """Find the optional arguments of a function.

    Parameters
    ----------
    func : callable
        The function.

    Returns
    -------
    list of str
        The names of the arguments that have a default; none for a function written in C that
        has no signature.

    Examples
    --------
    >>> from nncore.utils import inspect_kwargs
    >>> inspect_kwargs(lambda x, y=1, *, z=2, **more: None)
    ['y', 'z']
    """
    try:
        parameters = inspect.signature(func).parameters.values()
    except ValueError:
        return []
    return [p.name for p in parameters if p.default is not p.empty]


def norm_axes_of(ndim: int) -> tuple[int, ...]:
    """Find the axes that belong to one unit, in a parameter of 1 to 5 dimensions."""
    if ndim in (1, 2):
        return (0,) if ndim == 2 else ()
    if ndim in (3, 4, 5):
        return tuple(range(1, ndim))
    raise ValueError(
        f"unsupported tensor dimensionality {ndim}: without norm_axes, 1 to 5 dimensions are "
        "understood. Give norm_axes."
    )


def compute_norms(array: Any, norm_axes: Iterable[int] | None = None) -> Any:
    """Euclidean norm of the incoming weights of each unit.

    Parameters
    ----------
    array : TensorVariable or numpy.ndarray
        A parameter, or its value.
    norm_axes : iterable of int, optional
        The axes to sum over. By default none for a vector of biases (the absolute values),
        the first for a matrix ``(inputs, units)``, and all but the first for 3 to 5 dimensions,
        ``(filters, channels, ...)``.

    Returns
    -------
    TensorVariable or numpy.ndarray
        The norms, without the axes summed over; of the same kind as ``array``.

    Raises
    ------
    RuntimeError
        If ``array`` is neither an expression nor an array.
    ValueError
        If ``norm_axes`` is not given and ``array`` does not have 1 to 5 dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.utils import compute_norms
    >>> compute_norms(np.array([[3.0, 1.0], [4.0, 0.0]]))
    array([5., 1.])
    """
    if not isinstance(array, Variable):
        if not hasattr(array, "__array__"):
            raise RuntimeError(
                f"unsupported type {type(array).__name__}: only symbolic expressions and arrays "
                "have norms here."
            )
        array = np.asarray(array)
    axes = norm_axes_of(array.ndim) if norm_axes is None else tuple(norm_axes)
    module: Any = pt if isinstance(array, Variable) else np
    if not axes:
        return module.abs(array)
    return module.sqrt((array**2).sum(axis=axes))


def create_param(
    spec: Any,
    shape: Iterable[int],
    name: str | None = None,
    fans: tuple[int, int] | None = None,
) -> Variable:
    """Create a parameter from a number, an array, an expression or a callable.

    Parameters
    ----------
    spec : number, numpy.ndarray, Variable or callable
        What the parameter is or starts from.

        * A number (for ``shape=()``) or an array becomes the first value of a new shared
          variable, a :class:`nncore.parameter.Parameter`, which has exactly this shape for good.
          Floating-point numbers wider than ``floatX`` are narrowed to it; a plain Python number
          becomes ``floatX``.
        * A shared variable, or any other expression (a random variable of PyMC, for
          instance), is used as it is.
        * A callable, such as an initializer of :mod:`nncore.init`, is called with ``shape``,
          and with ``fans=`` if they are known and it has an argument of this name, and returns
          any of these.
    shape : iterable of int
        The shape of the parameter.
    name : str, optional
        The parameter's name; a variable that already has a name keeps it.
    fans : pair of int, optional
        How many inputs each unit has, and how many units each input, for initializers that
        depend on it; they go by the shape without it. Default: None.

    Returns
    -------
    Variable
        A shared variable or an expression of ``len(shape)`` dimensions.

    Raises
    ------
    ValueError
        If an element of ``shape`` is not positive, or ``spec`` has another shape or number of
        dimensions.
    TypeError
        If ``spec``, or what it returned, is none of the above.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.utils import create_param
    >>> W = create_param(np.ones((2, 3)), (2, 3), name="W")
    >>> W, W.type
    (W, TensorType(float32, shape=(2, 3)))
    """
    shape = tuple(shape)
    if any(length <= 0 for length in shape):
        raise ValueError(
            f"cannot create the parameter {name} with the shape {shape}: every length must be "
            "positive."
        )
    origin = "the provided"
    if callable(spec):
        spec = spec(shape, fans=fans) if fans and _takes(spec, "fans") else spec(shape)
        origin = "what the provided callable returned, the"
    prefix = f"cannot initialize parameter {name}: {origin}"

    if isinstance(spec, np.ndarray | np.generic | Number) or _is_foreign_array(spec):
        is_python_int = isinstance(spec, int) and not isinstance(spec, bool)
        value = floatX(spec) if is_python_int else _narrowed(spec)
        if value.shape != shape:
            hint = " nncore.init.Constant fills a shape." if value.ndim == 0 else ""
            raise ValueError(f"{prefix} value has shape {value.shape}, should be {shape}.{hint}")
        spec = new_parameter(value, name)
    if not isinstance(spec, Variable):
        kinds = "a number, an array or a symbolic expression"
        if origin == "the provided":
            kinds = "a number, an array, a symbolic expression or a callable"
        raise TypeError(f"{prefix} {spec!r} is not {kinds}.")

    variable: Any = spec
    if getattr(variable, "ndim", None) != len(shape):
        raise ValueError(
            f"{prefix} variable {variable} has {getattr(variable, 'ndim', 'no')} dimensions, "
            f"should be {len(shape)} (shape {shape})."
        )
    given = variable.type.shape
    if any(known is not None and known != want for known, want in zip(given, shape, strict=True)):
        raise ValueError(f"{prefix} variable {variable} has shape {given}, should be {shape}.")
    if not variable.name:
        variable.name = name
    return variable


def _takes(func: Callable[..., Any], argument: str) -> bool:
    """Whether a function has an argument of this name."""
    try:
        return argument in inspect.signature(func).parameters
    except ValueError:  # a function written in C
        return False


def _is_foreign_array(value: Any) -> bool:
    """Whether it is an array of another library, such as one of JAX."""
    return hasattr(value, "__array__") and not isinstance(value, Variable)


def unroll_scan(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Sequence[Any],
    non_sequences: Sequence[Any],
    n_steps: int,
    go_backwards: bool = False,
) -> list[TensorVariable]:
    """Apply a step function ``n_steps`` times, as a graph without a loop.

    It does what ``pytensor.scan`` does for the common case, with more compilation time and
    less overhead when it runs.

    Parameters
    ----------
    fn : callable
        The step: ``fn(*elements of sequences, *previous outputs, *non_sequences)`` returns one
        expression, or a list or tuple of as many as ``outputs_info`` has.
    sequences : TensorVariable or list of TensorVariable
        What to iterate over, along the first axis.
    outputs_info : list of TensorVariable
        The outputs before the first step.
    non_sequences : list of TensorVariable
        Arguments that stay the same.
    n_steps : int
        The number of steps, at least 1.
    go_backwards : bool, default False
        Whether to start with the last of the first ``n_steps`` elements.

    Returns
    -------
    list of TensorVariable
        For each output, its values in the order of computation, stacked along a new first
        axis: ``(n_steps, ...)``.

    Raises
    ------
    ValueError
        If ``n_steps`` is not a positive ``int``.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.utils import unroll_scan
    >>> x = pt.constant([1.0, 2.0, 3.0])
    >>> total, = unroll_scan(lambda x_t, before: before + x_t, x, [0.0], [], n_steps=3)
    >>> total.eval()
    array([1., 3., 6.])
    """
    if not isinstance(n_steps, int | np.integer) or n_steps < 1:
        raise ValueError(
            f"n_steps={n_steps!r} cannot be unrolled: it must be a positive int, known when the "
            "graph is built."
        )
    if not isinstance(sequences, list | tuple):
        sequences = [sequences]
    steps = range(int(n_steps))
    outputs: list[list[Any]] = []
    previous = list(outputs_info)
    for step in reversed(steps) if go_backwards else steps:
        result = fn(*(sequence[step] for sequence in sequences), *previous, *non_sequences)
        previous = list(result) if isinstance(result, list | tuple) else [result]
        outputs.append(previous)
    return [pt.stack(values) for values in _transposed(outputs)]


def _transposed(rows: list[list[T]]) -> Iterator[list[T]]:
    return (list(column) for column in zip(*rows, strict=True))
