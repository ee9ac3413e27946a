"""Noise on the outputs of layers, while a network is trained."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt

from nncore.errors import DataError
from nncore.graph import NetworkGraph
from nncore.layers._random import RandomStream, sizes_of
from nncore.regularization.base import Regularizer

__all__ = ["BernoulliDropout", "GaussianNoise", "seed_for"]


def seed_for(seed: int, *names: str) -> int:
    """A seed of its own for each use of one seed."""
    words = [zlib.crc32(name.encode()) for name in names]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0])


class _Noise(Regularizer):
    """What noises share: where they act, and their random numbers."""

    _label = "noise"

    def __init__(
        self, pattern: str | Sequence[str] = "*:out", weight: Any = 0.0, rng: int = 13
    ) -> None:
        super().__init__(pattern, weight)
        self.rng = rng

    def modified_layers(self, graph: NetworkGraph) -> list[Any]:
        """The layers of the pattern."""
        return graph.layers(self.pattern)

    def modify(self, graph: NetworkGraph, layer: Any, output: Any) -> tuple[str, Any]:
        """The name for the output before, and the noisy output."""
        name = graph.names[layer]
        if np.dtype(output.dtype).kind != "f":
            raise DataError(
                f"{type(self).__name__} cannot act on the output of {name}, which is of type "
                f"{output.dtype}; name a layer above it that gives floating-point numbers."
            )
        # A new stream each time: equal networks get equal noise, and equal layers different noise.
        stream = RandomStream(seed_for(self.rng, type(self).__name__, name))
        return self._label, self._noisy(stream, output, sizes_of(output, layer.output_shape))

    def _noisy(self, stream: RandomStream, output: Any, size: Any) -> Any:
        raise NotImplementedError


class GaussianNoise(_Noise):
    """Normally distributed noise that is added to outputs.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over names of layers. Default: ``"*:out"``, every layer.
    weight : float or scalar expression
        The standard deviation. Default: 0.
    rng : int
        The seed. Default: 13.

    Notes
    -----
    The output without noise stays to be had as ``hid1:out-prenoise`` from
    :meth:`nncore.graph.NetworkGraph.expressions`. Nothing is changed when a network is evaluated.

    References
    ----------
    .. [1] Pascal Vincent, Hugo Larochelle, Yoshua Bengio and Pierre-Antoine Manzagol (2008):
           Extracting and composing robust features with denoising autoencoders. ICML.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import GaussianNoise
    >>> network = DenseLayer(InputLayer((None, 3)), 2)
    >>> graph = NetworkGraph(network, [GaussianNoise("in", 0.1)])
    >>> list(graph.before)
    ['in:out-prenoise']
    """

    _label = "prenoise"

    def _noisy(self, stream: RandomStream, output: Any, size: Any) -> Any:
        return output + stream.normal(size, std=self.weight, dtype=output.dtype)


class BernoulliDropout(_Noise):
    r"""Outputs that are set to 0 at random, and the others multiplied by :math:`1 / (1 - p)`.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over names of layers. Default: ``"*:out"``, every layer.
    weight : float or scalar expression
        The probability :math:`p` of being set to 0, at least 0 and less than 1. Default: 0.
    rng : int
        The seed. Default: 13.

    Raises
    ------
    ValueError
        If the weight is not possible.

    Notes
    -----
    The output before stays to be had as ``hid1:out-predrop``. Nothing is changed when a network is
    evaluated.

    References
    ----------
    .. [1] Geoffrey E. Hinton et al. (2012): Improving neural networks by preventing co-adaptation
           of feature detectors. arXiv:1207.0580.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import BernoulliDropout
    >>> network = DenseLayer(InputLayer((None, 3)), 2)
    >>> graph = NetworkGraph(network, [BernoulliDropout("in", 0.5)])
    >>> list(graph.before)
    ['in:out-predrop']
    """

    _label = "predrop"

    def __init__(
        self, pattern: str | Sequence[str] = "*:out", weight: Any = 0.0, rng: int = 13
    ) -> None:
        super().__init__(pattern, weight, rng)
        if isinstance(self.weight, float) and self.weight >= 1:
            raise ValueError(
                f"BernoulliDropout: weight={weight!r} is the probability of dropping an output, so "
                "it must be at least 0 and less than 1."
            )

    def _noisy(self, stream: RandomStream, output: Any, size: Any) -> Any:
        retained = 1 - pt.cast(self.weight, output.dtype)
        mask = pt.lt(stream.uniform(size, dtype=output.dtype), retained)
        return pt.cast(mask, output.dtype) * output / retained
