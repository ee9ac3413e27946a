"""Three networks that classify images: a plain one and two convolutional ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import layers, nonlinearities
from nncore.errors import DataError

__all__ = ["cnn", "lenet", "mlp"]

#: From this many rows and columns on, :func:`lenet` takes its usual filters, without padding.
LARGE = 20


def _input(input_shape: Sequence[int], num_classes: int, input_var: Any) -> Any:
    shape = tuple(input_shape)
    if len(shape) != 3 or any(not isinstance(n, int) or n < 1 for n in shape):
        raise DataError(
            f"input_shape is {shape!r}; it must be (channels, rows, cols), three positive ints."
        )
    if not isinstance(num_classes, int) or num_classes < 2:
        raise DataError(f"num_classes is {num_classes!r}; it must be an int of at least 2.")
    return layers.InputLayer((None, *shape), input_var=input_var, name="input")


def _dropout(layer: Any, p: float, name: str) -> Any:
    return layers.DropoutLayer(layer, p=p, name=name) if p else layer


def _output(layer: Any, num_classes: int) -> Any:
    return layers.DenseLayer(layer, num_classes, nonlinearity=nonlinearities.softmax, name="output")


def _convolve(layer: Any, model: str, num_filters: int, name: str, **options: Any) -> Any:
    """Put a convolution on a layer, or say that there is too little left for it."""
    rows, cols = layer.output_shape[2:]
    size = options["filter_size"]
    if options["pad"] == "valid" and min(rows, cols) < size:
        raise DataError(
            f"the images are too small for the model {model!r}: the filters of {name!r} have "
            f"{size} x {size} pixels, but only {rows} x {cols} are left there. Use larger images, "
            "a smaller filter_size, pad='same', or the model 'mlp'."
        )
    return layers.Conv2DLayer(layer, num_filters, name=name, **options)


def _pool(layer: Any, model: str, name: str) -> Any:
    """Halve rows and columns, or say that there is too little left for it."""
    rows, cols = layer.output_shape[2:]
    if min(rows, cols) < 2:
        raise DataError(
            f"the images are too small for the model {model!r}: {name!r} takes the maximum of 2 x "
            f"2 pixels, but only {rows} x {cols} are left there. Use larger images, or the model "
            "'mlp'."
        )
    return layers.MaxPool2DLayer(layer, 2, name=name)


def mlp(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    implementation: str | None = None,
    input_var: Any = None,
    hidden: Sequence[int] = (800, 800),
    input_dropout: float = 0.2,
    dropout: float = 0.5,
) -> Any:
    """Build a multi-layer perceptron with dropout.

    The layers are ``input``, ``dropout0``, and for each hidden layer ``dense1``, ``dropout1`` and
    so on, then ``output``. With the defaults it is the network that Hinton et al. [1]_ trained on
    MNIST.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``.
    num_classes : int
        Number of classes, at least 2.
    implementation : str, optional
        Not used: there is no convolution. It is here so that all models take the same arguments.
    input_var : expression, optional
        The input, ``(batch, channels, rows, cols)``. Default: a new variable.
    hidden : sequence of int (default=(800, 800))
        Number of units of each hidden layer.
    input_dropout : float (default=0.2)
        Probability that an input is dropped; 0 for no such layer.
    dropout : float (default=0.5)
        Probability that a hidden unit is dropped; 0 for no such layers.

    Returns
    -------
    DenseLayer
        The output layer: probabilities ``(batch, num_classes)``.

    Raises
    ------
    nncore.errors.DataError
        If ``input_shape`` or ``num_classes`` is not possible.

    References
    ----------
    .. [1] Hinton, G. et al. (2012): Improving neural networks by preventing co-adaptation of
       feature detectors. arXiv:1207.0580.

    Examples
    --------
    >>> from nncore.models import mlp
    >>> mlp((1, 28, 28), 10, hidden=(100,)).output_shape
    (None, 10)
    """
    layer = _dropout(_input(input_shape, num_classes, input_var), input_dropout, "dropout0")
    for index, num_units in enumerate(hidden, 1):
        layer = layers.DenseLayer(layer, num_units, name=f"dense{index}")
        layer = _dropout(layer, dropout, f"dropout{index}")
    return _output(layer, num_classes)


def lenet(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    implementation: str | None = None,
    input_var: Any = None,
    num_filters: Sequence[int] = (32, 32),
    filter_size: int | None = None,
    pad: str | None = None,
    num_units: int = 256,
    dropout: float = 0.5,
) -> Any:
    """Build a small convolutional network in the manner of LeNet [1]_.

    The layers are ``input``, ``conv1``, ``pool1``, ``conv2``, ``pool2`` (one pair for each number
    of filters), ``dropout1``, ``dense1``, ``dropout2`` and ``output``. All rectify but the last.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``.
    num_classes : int
        Number of classes, at least 2.
    implementation : str, optional
        Implementation of the convolutions. Default: the best one available.
    input_var : expression, optional
        The input, ``(batch, channels, rows, cols)``. Default: a new variable.
    num_filters : sequence of int (default=(32, 32))
        Number of filters of each convolution; each is followed by a maximum over 2 x 2 pixels.
    filter_size : int, optional
        Rows and columns of the filters. Default: 5, or 3 if the images have fewer than 20 rows or
        columns.
    pad : {'valid', 'same'}, optional
        Padding of the convolutions. Default: ``'valid'``, none, or ``'same'`` if the images have
        fewer than 20 rows or columns.
    num_units : int (default=256)
        Number of units of the hidden dense layer.
    dropout : float (default=0.5)
        Probability of dropout before both dense layers; 0 for no such layers.

    Returns
    -------
    DenseLayer
        The output layer: probabilities ``(batch, num_classes)``.

    Raises
    ------
    nncore.errors.DataError
        If ``input_shape`` or ``num_classes`` is not possible, or the images are too small.

    References
    ----------
    .. [1] LeCun, Y. et al. (1998): Gradient-based learning applied to document recognition.
       Proceedings of the IEEE 86 (11).

    Examples
    --------
    >>> from nncore.layers import get_all_layers
    >>> from nncore.models import lenet
    >>> for layer in get_all_layers(lenet((1, 28, 28), 10)):
    ...     print(layer.name, layer.output_shape)
    input (None, 1, 28, 28)
    conv1 (None, 32, 24, 24)
    pool1 (None, 32, 12, 12)
    conv2 (None, 32, 8, 8)
    pool2 (None, 32, 4, 4)
    dropout1 (None, 32, 4, 4)
    dense1 (None, 256)
    dropout2 (None, 256)
    output (None, 10)
    """
    layer = _input(input_shape, num_classes, input_var)
    small = min(layer.output_shape[2:]) < LARGE
    options = {
        "filter_size": filter_size or (3 if small else 5),
        "pad": pad or ("same" if small else "valid"),
        "implementation": implementation,
    }
    for index, count in enumerate(num_filters, 1):
        layer = _convolve(layer, "lenet", count, f"conv{index}", **options)
        layer = _pool(layer, "lenet", f"pool{index}")
    layer = _dropout(layer, dropout, "dropout1")
    layer = layers.DenseLayer(layer, num_units, name="dense1")
    return _output(_dropout(layer, dropout, "dropout2"), num_classes)


def cnn(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    implementation: str | None = None,
    input_var: Any = None,
    num_filters: Sequence[int] = (64, 128),
    filter_size: int = 3,
    num_units: int = 256,
    dropout: float = 0.5,
    batch_norm: bool = False,
) -> Any:
    """Build a convolutional network of small filters, in the manner of VGG [1]_.

    For each number of filters there are two convolutions that keep the size, then a maximum over
    2 x 2 pixels: ``conv1``, ``conv2``, ``pool1``, ``conv3``, ``conv4``, ``pool2``. Then follow
    ``dense1``, ``dropout1`` and ``output``.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``.
    num_classes : int
        Number of classes, at least 2.
    implementation : str, optional
        Implementation of the convolutions. Default: the best one available.
    input_var : expression, optional
        The input, ``(batch, channels, rows, cols)``. Default: a new variable.
    num_filters : sequence of int (default=(64, 128))
        Number of filters of each pair of convolutions.
    filter_size : int (default=3)
        Rows and columns of the filters.
    num_units : int (default=256)
        Number of units of the hidden dense layer.
    dropout : float (default=0.5)
        Probability of dropout before the output; 0 for no such layer.
    batch_norm : bool (default=False)
        Whether the convolutions and the hidden dense layer are batch-normalized.

    Returns
    -------
    DenseLayer
        The output layer: probabilities ``(batch, num_classes)``.

    Raises
    ------
    nncore.errors.DataError
        If ``input_shape`` or ``num_classes`` is not possible, or the images are too small.

    References
    ----------
    .. [1] Simonyan, K. and Zisserman, A. (2015): Very deep convolutional networks for large-scale
       image recognition. arXiv:1409.1556.

    Examples
    --------
    >>> from nncore.models import cnn
    >>> network = cnn((3, 32, 32), 10, num_filters=(8, 16))
    >>> network.output_shape
    (None, 10)
    """
    layer = _input(input_shape, num_classes, input_var)
    options = {"filter_size": filter_size, "pad": "same", "implementation": implementation}

    def normalized(layer: Any) -> Any:
        return layers.batch_norm(layer) if batch_norm else layer

    for index, count in enumerate(num_filters, 1):
        for name in (f"conv{2 * index - 1}", f"conv{2 * index}"):
            layer = normalized(_convolve(layer, "cnn", count, name, **options))
        layer = _pool(layer, "cnn", f"pool{index}")
    layer = normalized(layers.DenseLayer(layer, num_units, name="dense1"))
    return _output(_dropout(layer, dropout, "dropout1"), num_classes)
