"""Ready-made networks.

:func:`build` builds the small ones by name. The published ones are functions that return all
layers by their names, and :func:`load_parameters` reads their values from a file.
:class:`Classifier`, :class:`Regressor` and :class:`Autoencoder` are networks from lists of sizes.
Stacks that are pretrained layer by layer are in :mod:`nncore.models.sda`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from nncore.errors import UnknownNameError, did_you_mean
from nncore.models.alexnet import caffe_reference
from nncore.models.inception import googlenet, inception_v3
from nncore.models.networks import Autoencoder, Classifier, Network, Regressor
from nncore.models.nin import cifar10_nin
from nncore.models.parameters import load_parameters, read_parameters
from nncore.models.residual import preactivation_resnet, resnet50, resnet_cifar
from nncore.models.segmentation import unet
from nncore.models.vgg import vgg16, vgg19, vgg_cnn_s
from nncore.models.video import c3d
from nncore.models.zoo import cnn, lenet, mlp

__all__ = [
    "NAMES",
    "Autoencoder",
    "Classifier",
    "Network",
    "Regressor",
    "build",
    "c3d",
    "caffe_reference",
    "cifar10_nin",
    "cnn",
    "googlenet",
    "inception_v3",
    "lenet",
    "load_parameters",
    "mlp",
    "options",
    "preactivation_resnet",
    "read_parameters",
    "resnet50",
    "resnet_cifar",
    "unet",
    "vgg16",
    "vgg19",
    "vgg_cnn_s",
]

_BUILDERS: dict[str, Callable[..., Any]] = {"mlp": mlp, "lenet": lenet, "cnn": cnn}

#: What :func:`build` knows.
NAMES = tuple(_BUILDERS)

_COMMON = {"input_shape", "num_classes", "implementation", "input_var"}


def _unknown(what: str, name: str, known: Sequence[str]) -> UnknownNameError:
    hint = did_you_mean(name, known)
    return UnknownNameError(f"{name!r} is not {what}.{hint} Known: {', '.join(known)}.")


def _options_of(name: str) -> dict[str, Any]:
    if name not in _BUILDERS:
        raise _unknown("a known model", name, NAMES)
    parameters = inspect.signature(_BUILDERS[name]).parameters
    return {key: p.default for key, p in parameters.items() if key not in _COMMON}


def options(name: str) -> dict[str, Any]:
    """List what can be chosen about a model, with the defaults.

    Parameters
    ----------
    name : str
        ``"mlp"``, ``"lenet"`` or ``"cnn"``.

    Returns
    -------
    dict
        The default of each option.

    Raises
    ------
    nncore.errors.UnknownNameError
        If there is no such model.

    Examples
    --------
    >>> from nncore.models import options
    >>> options("mlp")
    {'hidden': (800, 800), 'input_dropout': 0.2, 'dropout': 0.5}
    """
    return _options_of(name)


def build(
    name: str,
    input_shape: Sequence[int],
    num_classes: int,
    *,
    implementation: str | None = None,
    input_var: Any = None,
    **options: Any,
) -> Any:
    """Build a network by name.

    Parameters
    ----------
    name : str
        ``"mlp"``, ``"lenet"`` or ``"cnn"``; see the functions of these names.
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``.
    num_classes : int
        Number of classes, at least 2.
    implementation : str, optional
        Implementation of the convolutions. Default: the best one available.
    input_var : expression, optional
        The input, ``(batch, channels, rows, cols)``. Default: a new variable.
    **options
        Options of the model; :func:`nncore.models.options` lists them.

    Returns
    -------
    Layer
        The output layer: probabilities ``(batch, num_classes)``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If the model or an option is unknown; the message has the known ones.
    nncore.errors.DataError
        If the images are too small for the model.

    Examples
    --------
    >>> from nncore.models import build
    >>> build("lenet", (1, 8, 8), 10, num_units=32).output_shape
    (None, 10)
    """
    known = _options_of(name)
    for option in options:
        if option not in known:
            raise _unknown(f"an option of the model {name!r}", option, tuple(known))
    builder = _BUILDERS[name]
    return builder(
        input_shape, num_classes, implementation=implementation, input_var=input_var, **options
    )
