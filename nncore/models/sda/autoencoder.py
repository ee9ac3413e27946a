"""Autoencoders of one hidden layer, which learn to restore what they see."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore import init, nonlinearities, registry
from nncore.layers import DenseLayer, DropoutLayer, InputLayer, Layer, get_output

__all__ = [
    "ZEROS",
    "ContractiveAutoencoder",
    "DenoisingAutoencoder",
    "apply_rule",
    "default_weights",
]

#: What biases start from.
ZEROS = init.Constant(0.0)


def default_weights(nonlinearity: Any) -> init.Initializer:
    """The initializer of weights that suits a nonlinearity.

    Parameters
    ----------
    nonlinearity : callable
        What follows the product with the weights.

    Returns
    -------
    nncore.init.Initializer
        Glorot's uniform initialization, four times as wide for the sigmoid, whose slope at zero
        is a quarter of that of tanh.
    """
    return init.GlorotUniform(gain=4.0 if nonlinearity is nonlinearities.sigmoid else 1.0)


def apply_rule(
    rule: str | Callable[..., Any],
    loss_or_grads: Any,
    params: list[Any],
    learning_rate: Any,
    options: Mapping[str, Any] | None = None,
) -> dict[Any, Any]:
    """Make the updates of parameters by a rule.

    Parameters
    ----------
    rule : str or callable
        A registered update rule, or a function of ``(loss_or_grads, params, ...)``.
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients.
    params : list of SharedVariable
        The parameters.
    learning_rate : float or expression
        Passed to the rule if it takes one.
    options : dict, optional
        More arguments of the rule.

    Returns
    -------
    dict
        From shared variable to new value.

    Raises
    ------
    nncore.errors.UnknownNameError
        If no rule of the name is registered.
    """
    function = registry.get("update", rule) if isinstance(rule, str) else rule
    arguments = dict(options or {})
    if "learning_rate" in inspect.signature(function).parameters:
        arguments["learning_rate"] = learning_rate
    return dict(function(loss_or_grads, params, **arguments))


def _cross_entropy(logits: Any, targets: Any) -> Any:
    # One exponential for each element, and a gradient of sigmoid(logits) - targets.
    return pt.softplus(logits) - targets * logits


class DenoisingAutoencoder:
    r"""An autoencoder that restores its input from a corrupted copy [1]_.

    It consists of layers: a :class:`nncore.layers.DropoutLayer` without rescaling that sets
    random inputs to zero, and two dense layers, the second of which has the transposed weights
    of the first. With :math:`\tilde x` the corrupted input,
    :math:`h = s(\tilde x W + b)` and :math:`z = s(h W^T + b')`.

    Parameters
    ----------
    incoming : Layer, tuple or int
        Where the input comes from, its shape, or the number of visible units. Axes after the
        first are flattened.
    num_units : int
        The number of hidden units.
    corruption : float or None
        Probability with which an input is set to zero, at least 0 and below 1; None for an
        autoencoder without corruption. Default: 0.3.
    W : shared variable, expression, array or callable, optional
        The weights, ``(num_visible, num_units)``. Default: Glorot's uniform initialization,
        four times as wide for the sigmoid.
    b, b_visible : shared variable, expression, array or callable
        The biases, ``(num_units,)`` and ``(num_visible,)``. Default: zeros.
    nonlinearity : callable
        Of the hidden units. Default: the sigmoid.
    visible_nonlinearity : callable or None
        Of the restored input. Default: the sigmoid. With it the loss is the cross-entropy,
        for inputs from 0 to 1, and with any other the squared error, each summed over the
        visible units.
    tied : bool
        Whether the second layer has the weights of the first. Default: True.
    name : str, optional
        Put before the names of the parameters.

    Attributes
    ----------
    encoder, decoder : nncore.layers.DenseLayer
        The two layers.
    corruption : shared variable or None
        The level of corruption, a scalar; its value may be changed between steps.

    Raises
    ------
    ValueError
        If the corruption is out of range.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A. (2010): Stacked
           denoising autoencoders: learning useful representations in a deep network with a local
           denoising criterion. JMLR 11, 3371-3408.

    Examples
    --------
    >>> import numpy as np, pytensor, pytensor.tensor as pt
    >>> from nncore.backends import get_mode
    >>> from nncore.models.sda import DenoisingAutoencoder
    >>> autoencoder = DenoisingAutoencoder(6, 4, corruption=0.2)
    >>> x = pt.matrix("x")
    >>> cost, updates = autoencoder.get_cost_updates(x, learning_rate=0.5)
    >>> step = pytensor.function([x], cost, updates=updates, mode=get_mode("python"))
    >>> batch = np.eye(6, dtype="float32")
    >>> costs = [float(step(batch)) for _ in range(50)]
    >>> costs[-1] < costs[0]
    True
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        corruption: float | None = 0.3,
        *,
        W: Any = None,
        b: Any = ZEROS,
        b_visible: Any = ZEROS,
        nonlinearity: Any = nonlinearities.sigmoid,
        visible_nonlinearity: Any = nonlinearities.sigmoid,
        tied: bool = True,
        name: str | None = None,
    ) -> None:
        if not isinstance(incoming, Layer):
            shape = (None, incoming) if isinstance(incoming, int) else incoming
            incoming = InputLayer(shape)
        self.input_layer = incoming
        self.corruption: Any = None
        noisy = incoming
        if corruption is not None:
            self.corruption = pytensor.shared(_level(corruption), name=_named(name, "corruption"))
            noisy = DropoutLayer(incoming, p=self.corruption, rescale=False)
        weights = default_weights(nonlinearity) if W is None else W
        self.encoder = DenseLayer(
            noisy, num_units, W=weights, b=b, nonlinearity=nonlinearity, name=name
        )
        self.num_units = self.encoder.num_units
        self.num_visible = int(np.prod(incoming.output_shape[1:]))
        self.tied = tied
        self.decoder = DenseLayer(
            self.encoder,
            self.num_visible,
            W=self.encoder.W.T if tied else default_weights(visible_nonlinearity),
            b=b_visible,
            nonlinearity=visible_nonlinearity,
            name=_named(name, "visible"),
        )

    @property
    def params(self) -> list[Any]:
        """The shared variables that training changes."""
        found = [self.encoder.W, self.encoder.b, self.decoder.b]
        return found if self.tied else [*found, self.decoder.W]

    @property
    def kind(self) -> tuple[Any, ...]:
        """What two autoencoders have in common whose training functions are the same."""
        return (
            type(self),
            self.num_visible,
            self.num_units,
            self.encoder.nonlinearity,
            self.decoder.nonlinearity,
            self.tied,
            self.corruption is None,
        )

    @property
    def binary(self) -> bool:
        """Whether the loss is the cross-entropy, which takes inputs from 0 to 1."""
        return bool(self.decoder.nonlinearity is nonlinearities.sigmoid)

    def twin(self) -> Self:
        """Build an autoencoder of the same kind with parameters of its own.

        Returns
        -------
        DenoisingAutoencoder
            With new initial values.
        """
        return type(self)(
            self.num_visible,
            self.num_units,
            None if self.corruption is None else float(self.corruption.get_value()),
            nonlinearity=self.encoder.nonlinearity,
            visible_nonlinearity=self.decoder.nonlinearity,
            tied=self.tied,
            name=self.encoder.name,
        )

    def set_corruption(self, level: float) -> None:
        """Change the level of corruption of all functions that were compiled from the layers.

        Parameters
        ----------
        level : float
            At least 0 and below 1.

        Raises
        ------
        ValueError
            If it is out of range, or the autoencoder was built without corruption.
        """
        if self.corruption is None:
            raise ValueError(
                "the autoencoder was built with corruption=None, so its level cannot be set; "
                "build it with a number."
            )
        self.corruption.set_value(_level(level))

    def get_hidden_values(self, input: Any) -> Any:
        """Encode an input without corruption.

        Parameters
        ----------
        input : expression
            ``(batch, ...)``.

        Returns
        -------
        expression
            ``(batch, num_units)``.
        """
        return get_output(self.encoder, {self.input_layer: input}, deterministic=True)

    def get_reconstructed_input(self, hidden: Any) -> Any:
        """Decode hidden values.

        Parameters
        ----------
        hidden : expression
            ``(batch, num_units)``.

        Returns
        -------
        expression
            ``(batch, num_visible)``.
        """
        return get_output(self.decoder, {self.encoder: hidden}, deterministic=True)

    def get_loss(self, input: Any, deterministic: bool = False) -> Any:
        """Build the loss of a batch.

        Parameters
        ----------
        input : expression
            ``(batch, ...)``.
        deterministic : bool
            Whether to leave the input as it is. Default: False.

        Returns
        -------
        expression
            A scalar: the sum over the visible units, the mean over the batch.
        """
        restored = get_output(self.decoder, {self.input_layer: input}, deterministic=deterministic)
        target = input if input.ndim == 2 else input.reshape((input.shape[0], self.num_visible))
        if self.binary:
            losses = _cross_entropy(restored.owner.inputs[0], target)
        else:
            losses = pt.sqr(restored - target)
        return losses.sum(axis=1).mean()

    def get_cost_updates(
        self,
        input: Any,
        learning_rate: Any = 0.1,
        *,
        updates: str | Callable[..., Any] = "sgd",
        update_options: Mapping[str, Any] | None = None,
    ) -> tuple[Any, dict[Any, Any]]:
        """Build the cost of a batch and what a step of training changes.

        Parameters
        ----------
        input : expression
            ``(batch, ...)``.
        learning_rate : float or expression
            Default: 0.1.
        updates : str or callable
            A registered update rule, or a function of ``(loss, params, ...)``.
            Default: ``"sgd"``.
        update_options : dict, optional
            More arguments of the rule.

        Returns
        -------
        cost : expression
            A scalar.
        updates : dict
            From shared variable to new value.

        Raises
        ------
        nncore.errors.UnknownNameError
            If no rule of the name is registered.
        """
        cost = self.get_loss(input)
        return cost, apply_rule(updates, cost, self.params, learning_rate, update_options)


class ContractiveAutoencoder(DenoisingAutoencoder):
    r"""An autoencoder whose code changes little when its input does [1]_.

    To the loss is added a multiple of the squared Frobenius norm of the Jacobian of the hidden
    units by the input, :math:`\|J\|_F^2 = \sum_j s'(a_j)^2 \sum_i W_{ij}^2`, where
    :math:`s'(a_j) = h_j (1 - h_j)` for the sigmoid.

    Parameters
    ----------
    incoming : Layer, tuple or int
        Where the input comes from, its shape, or the number of visible units.
    num_units : int
        The number of hidden units.
    corruption : float or None
        As for :class:`DenoisingAutoencoder`. Default: None.
    contraction : float
        The multiple of the norm, at least 0. Default: 0.1.
    **kwargs
        As for :class:`DenoisingAutoencoder`; the nonlinearity of the hidden units must act on
        each element by itself.

    Raises
    ------
    ValueError
        If the contraction is negative.

    References
    ----------
    .. [1] Rifai, S., Vincent, P., Muller, X., Glorot, X. and Bengio, Y. (2011): Contractive
           auto-encoders: explicit invariance during feature extraction. ICML.

    Examples
    --------
    >>> import numpy as np, pytensor.tensor as pt
    >>> from nncore.models.sda import ContractiveAutoencoder
    >>> autoencoder = ContractiveAutoencoder(3, 2, W=np.ones((3, 2), "float32"))
    >>> norm = autoencoder.get_jacobian_norm(pt.zeros((1, 3)))
    >>> float(norm.eval())  # six weights of 1, and a slope of 1/4
    0.375
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        corruption: float | None = None,
        *,
        contraction: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, num_units, corruption, **kwargs)
        if not contraction >= 0:
            raise ValueError(f"contraction={contraction!r} must be a number of at least 0.")
        self.contraction = float(contraction)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What two autoencoders have in common whose training functions are the same."""
        return (*super().kind, self.contraction)

    def twin(self) -> Self:
        """Build an autoencoder of the same kind with parameters of its own.

        Returns
        -------
        ContractiveAutoencoder
            With new initial values.
        """
        twin = super().twin()
        twin.contraction = self.contraction
        return twin

    def get_jacobian_norm(self, input: Any) -> Any:
        """Build the squared Frobenius norm of the Jacobian of the hidden units by the input.

        Parameters
        ----------
        input : expression
            ``(batch, ...)``.

        Returns
        -------
        expression
            A scalar: the mean over the batch.
        """
        rows = input if input.ndim == 2 else input.reshape((input.shape[0], self.num_visible))
        activation = pt.dot(rows, self.encoder.W) + self.encoder.b
        hidden = self.encoder.nonlinearity(activation)
        slope = pt.grad(hidden.sum(), activation)
        return pt.dot(pt.sqr(slope), pt.sqr(self.encoder.W).sum(axis=0)).mean()

    def get_loss(self, input: Any, deterministic: bool = False) -> Any:
        """Build the loss of a batch, with the norm.

        Parameters
        ----------
        input : expression
            ``(batch, ...)``.
        deterministic : bool
            Whether to leave the input as it is. Default: False.

        Returns
        -------
        expression
            A scalar.
        """
        loss = super().get_loss(input, deterministic)
        return loss + self.contraction * self.get_jacobian_norm(input)


def _named(prefix: str | None, name: str) -> str:
    return name if prefix is None else f"{prefix}.{name}"


def _level(value: float) -> np.ndarray:
    if not 0 <= value < 1:
        raise ValueError(
            f"corruption={value!r} is the probability of setting an input to zero, so it must be "
            "at least 0 and less than 1."
        )
    return np.asarray(value, dtype=pytensor.config.floatX)
