# ruff: noqa: B008  (initializers have no state)
"""Batch normalization with the restrictions of cuDNN's."""

from __future__ import annotations

from typing import Any

from nncore import init
from nncore.layers import BatchNormLayer, batch_norm

__all__ = ["BatchNormDNNLayer", "batch_norm_dnn"]


class BatchNormDNNLayer(BatchNormLayer):
    """A batch normalization layer with the restrictions of cuDNN's.

    It computes what :class:`nncore.layers.BatchNormLayer` computes, by the same expression, which
    XLA fuses; so it runs everywhere, and with the restrictions of Lasagne's layer of this name.

    Parameters
    ----------
    incoming, alpha, beta, gamma, mean, inv_std
        As for :class:`nncore.layers.BatchNormLayer`.
    axes : 'auto', int or tuple of int
        Axes to normalize over: ``(0,)``, or all but the second, which is ``'auto'``.
        Default: 'auto'.
    epsilon : float
        Added to the variance; at least 1e-5. Default: 1e-4.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        For other axes, or a smaller `epsilon`.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import BatchNormDNNLayer
    >>> BatchNormDNNLayer(InputLayer((None, 3, 8, 8))).axes
    (0, 2, 3)
    """

    def __init__(
        self,
        incoming: Any,
        axes: Any = "auto",
        epsilon: float = 1e-4,
        alpha: float = 0.1,
        beta: Any = init.Constant(0),
        gamma: Any = init.Constant(1),
        mean: Any = init.Constant(0),
        inv_std: Any = init.Constant(1),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, axes, epsilon, alpha, beta, gamma, mean, inv_std, **kwargs)
        label = f"{type(self).__name__}{f' {self.name!r}' if self.name else ''}"
        per_channel = (0, *range(2, len(self.input_shape)))
        if tuple(sorted(self.axes)) not in ((0,), per_channel):
            raise ValueError(
                f"{label}: axes={axes!r} must be (0,), or all but the second, {per_channel}; use "
                "BatchNormLayer for others."
            )
        if self.epsilon < 1e-5:
            raise ValueError(
                f"{label}: epsilon={epsilon!r} must be at least 1e-5, the least that cuDNN takes; "
                "use BatchNormLayer for less."
            )


def batch_norm_dnn(layer: Any, **kwargs: Any) -> Any:
    """Add batch normalization to a layer: :func:`nncore.layers.batch_norm`, with its DNN layer.

    Parameters
    ----------
    layer : Layer
        The layer. It is changed: its bias is removed, as the normalization would cancel it, and
        its nonlinearity is moved behind the normalization.
    **kwargs
        Passed to :class:`BatchNormDNNLayer`. The default for ``name`` is the layer's name and
        ``"_bn"``.

    Returns
    -------
    BatchNormDNNLayer or nncore.layers.NonlinearityLayer
        The last of the new layers.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, get_all_layers
    >>> from nncore_cudnn import batch_norm_dnn
    >>> network = batch_norm_dnn(DenseLayer(InputLayer((None, 3)), 2, name="hidden"))
    >>> get_all_layers(network)[2:]
    [<BatchNormDNNLayer 'hidden_bn'>, <NonlinearityLayer 'hidden_bn_nonlin'>]
    """
    return batch_norm(layer, layer_class=BatchNormDNNLayer, **kwargs)
