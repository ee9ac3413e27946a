"""Networks that give back what they were given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from nncore.errors import DataError
from nncore.layers import get_output
from nncore.layers._docs import describe
from nncore.models.networks.arguments import PARAMETERS
from nncore.models.networks.base import Network
from nncore.models.recurrent import generator

__all__ = ["Autoencoder"]


@describe(PARAMETERS.replace("<loss>", '``"mse"``'))
class Autoencoder(Network):
    """A network that is trained to give back its input.

    Parameters
    ----------
    <parameters>

    Raises
    ------
    TypeError, ValueError
        If a layer is not possible, or the output has not the shape of the input.
    nncore.errors.UnknownNameError
        If a name is not known; with the nearest one.

    See Also
    --------
    Regressor : For other targets.

    Notes
    -----
    The targets are the input, so that the data are one array. With ``"tied"`` for layers of the
    decoder, they use the weights of those of the encoder, the last first. A denoising autoencoder
    is one that is trained with ``input_noise=`` or ``input_dropout=``: the targets are the data
    before that.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models import Autoencoder
    >>> network = Autoencoder([8, (3, "tanh"), ("tied", "linear")], backend="python")
    >>> x = np.random.default_rng(0).normal(size=(20, 8)).astype("float32")
    >>> network.encode(x).shape, network.predict(x).shape
    ((20, 3), (20, 8))
    """

    def _check(self) -> None:
        source = next(iter(self.layers.values())).output_shape
        if self.output.output_shape != source:
            raise ValueError(
                f"the output of an autoencoder must have the shape of its input, {source}, not "
                f"{self.output.output_shape}."
            )

    def _loss_defaults(self) -> dict[str, Any]:
        return {"target": next(iter(self.layers.values())).name}

    def _code(self, layer: str | int | None) -> Any:
        if layer is None:
            layer = (len(self.layers) - self.masked) // 2
        return self.find(layer)

    def encode(
        self, x: Any, layer: str | int | None = None, sample: bool = False, **kwargs: Any
    ) -> np.ndarray[Any, Any]:
        """The output of a hidden layer.

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.
        layer : str or int, optional
            The name of the layer or its place, 0 for the input. Default: the middle one.
        sample : bool
            Whether to take the output as the probabilities of ones and draw these. `rng`, an
            argument of regularizers, is the seed. Default: False.

        Returns
        -------
        array
            Shape ``(samples, ...)``.

        Raises
        ------
        ValueError
            If `sample` is true and the output is not from 0 to 1.
        """
        code = self._forward([self._code(layer)], x, kwargs)[0]
        if not sample:
            return code
        if code.size and not 0 <= code.min() <= code.max() <= 1:
            raise ValueError(
                "sample=True needs a layer whose output is from 0 to 1, such as one with the "
                f"activation 'sigmoid', but it is from {code.min():g} to {code.max():g}."
            )
        drawn = generator(kwargs.get("rng")).random(code.shape) < code
        return drawn.astype(code.dtype)

    def decode(self, z: Any, layer: str | int | None = None, **kwargs: Any) -> np.ndarray[Any, Any]:
        """The output of the network for an output of a hidden layer.

        Parameters
        ----------
        z : array
            The output of the layer, ``(samples, ...)``.
        layer : str or int, optional
            As for :meth:`encode`.
        **kwargs
            Options for layers, as for :func:`nncore.layers.get_output`.

        Returns
        -------
        array
            Shape ``(samples, ...)``.

        Raises
        ------
        nncore.errors.DataError
            If `z` has another shape than the layer's output.
        """
        code = self._code(layer)
        z = np.asarray(z)
        wanted = code.output_shape
        if len(z.shape) != len(wanted) or any(
            size is not None and size != found for size, found in zip(wanted, z.shape, strict=True)
        ):
            raise DataError(
                f"z has the shape {z.shape}, but the output of {code.name!r} is {wanted}."
            )

        def build() -> Any:
            variable = pt.tensor("z", dtype=get_output(code).dtype, shape=wanted)
            given = {code: variable}
            inputs = [one for one in self.inputs if one.name == "mask" and self.masked]
            output = get_output(self.output, given, **{"deterministic": True, **kwargs})
            return self._compiled([variable, *(one.input_var for one in inputs)], output)

        function = build() if kwargs else self._cached(("decode", code), build)
        values = [z.astype(function.maker.fgraph.inputs[0].dtype)]
        if self.masked:
            values.append(np.ones(z.shape[:2], self.layers["mask"].input_var.dtype))
        return np.asarray(function(*values))

    def score(self, x: Any, w: Any = None, **kwargs: Any) -> float:  # type: ignore[override]
        """The coefficient of determination of the output, R².

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.
        w : array, optional
            As for :meth:`Regressor.score`.

        Returns
        -------
        float
            1 for a perfect output.
        """
        source = x[0] if isinstance(x, tuple) else x
        return super().score(
            x, source.toarray() if hasattr(source, "toarray") else source, w, **kwargs
        )
