"""Restricted Boltzmann machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore import nonlinearities
from nncore.layers._random import RandomStream
from nncore.models.sda.autoencoder import ZEROS, apply_rule, default_weights
from nncore.utils import create_param

__all__ = ["RBM"]


class RBM:
    r"""A restricted Boltzmann machine of binary units [1]_.

    Its energy is :math:`E(v, h) = -v W h - b_v v - b_h h`. It learns by contrastive divergence,
    from the data or from persistent chains [2]_.

    Parameters
    ----------
    num_visible, num_units : int
        The numbers of visible and of hidden units.
    W : shared variable, array or callable, optional
        The weights, ``(num_visible, num_units)``. Default: Glorot's uniform initialization, four
        times as wide.
    b, b_visible : shared variable, array or callable
        The biases of the hidden and of the visible units. Default: zeros.
    name : str, optional
        Put before the names of the parameters.

    References
    ----------
    .. [1] Hinton, G. E. (2002): Training products of experts by minimizing contrastive
           divergence. Neural Computation 14, 1771-1800.
    .. [2] Tieleman, T. (2008): Training restricted Boltzmann machines using approximations to
           the likelihood gradient. ICML.

    Examples
    --------
    >>> import numpy as np, pytensor, pytensor.tensor as pt
    >>> from nncore.backends import get_mode
    >>> from nncore.models.sda import RBM
    >>> machine = RBM(6, 4)
    >>> v = pt.matrix("v")
    >>> cost, updates = machine.get_cost_updates(
    ...     v, learning_rate=0.1, persistent=3, k=2
    ... )
    >>> step = pytensor.function([v], cost, updates=updates, mode=get_mode("python"))
    >>> bool(np.isfinite(step(np.eye(6, dtype="float32"))))
    True
    """

    def __init__(
        self,
        num_visible: int,
        num_units: int,
        *,
        W: Any = None,
        b: Any = ZEROS,
        b_visible: Any = ZEROS,
        name: str | None = None,
    ) -> None:
        self.num_visible = num_visible
        self.num_units = num_units
        self.name = name
        prefix = "" if name is None else f"{name}."
        spec = default_weights(nonlinearities.sigmoid) if W is None else W
        self.W = create_param(spec, (num_visible, num_units), name=f"{prefix}W")
        self.b = create_param(b, (num_units,), name=f"{prefix}b")
        self.b_visible = create_param(b_visible, (num_visible,), name=f"{prefix}visible.b")
        self._stream = RandomStream()

    @property
    def params(self) -> list[Any]:
        """The shared variables that training changes."""
        return [self.W, self.b, self.b_visible]

    @property
    def kind(self) -> tuple[Any, ...]:
        """What two machines have in common whose training functions are the same."""
        return (type(self), self.num_visible, self.num_units)

    @property
    def binary(self) -> bool:
        """Whether it takes inputs from 0 to 1: it does."""
        return True

    def twin(self) -> Self:
        """Build a machine of the same kind with parameters of its own.

        Returns
        -------
        RBM
            With new initial values.
        """
        return type(self)(self.num_visible, self.num_units, name=self.name)

    def free_energy(self, visible: Any) -> Any:
        r"""Build the free energy, :math:`-v b_v - \sum_j \log(1 + e^{(v W + b_h)_j})`.

        Parameters
        ----------
        visible : expression
            ``(batch, num_visible)``.

        Returns
        -------
        expression
            ``(batch,)``.
        """
        activation = pt.dot(visible, self.W) + self.b
        return -pt.dot(visible, self.b_visible) - pt.softplus(activation).sum(axis=1)

    def propup(self, visible: Any) -> Any:
        """Build the probabilities of the hidden units.

        Parameters
        ----------
        visible : expression
            ``(batch, num_visible)``.

        Returns
        -------
        expression
            ``(batch, num_units)``.
        """
        return pt.sigmoid(pt.dot(visible, self.W) + self.b)

    def propdown(self, hidden: Any) -> Any:
        """Build the probabilities of the visible units.

        Parameters
        ----------
        hidden : expression
            ``(batch, num_units)``.

        Returns
        -------
        expression
            ``(batch, num_visible)``.
        """
        return pt.sigmoid(pt.dot(hidden, self.W.T) + self.b_visible)

    #: The name that stacks call it by.
    get_hidden_values = propup

    def _sample(self, probabilities: Any, count: int, rows: Any) -> Any:
        numbers = self._stream.uniform((rows, count))
        return pt.lt(numbers, probabilities).astype(pytensor.config.floatX)

    def sample_h_given_v(self, visible: Any) -> tuple[Any, Any]:
        """Draw the hidden units.

        Parameters
        ----------
        visible : expression
            ``(batch, num_visible)``.

        Returns
        -------
        probabilities, sample : expression
            ``(batch, num_units)``.
        """
        mean = self.propup(visible)
        return mean, self._sample(mean, self.num_units, visible.shape[0])

    def sample_v_given_h(self, hidden: Any) -> tuple[Any, Any]:
        """Draw the visible units.

        Parameters
        ----------
        hidden : expression
            ``(batch, num_units)``.

        Returns
        -------
        probabilities, sample : expression
            ``(batch, num_visible)``.
        """
        mean = self.propdown(hidden)
        return mean, self._sample(mean, self.num_visible, hidden.shape[0])

    def gibbs_hvh(self, hidden: Any) -> tuple[Any, Any, Any, Any]:
        """Make a Gibbs step from the hidden units.

        Parameters
        ----------
        hidden : expression
            ``(batch, num_units)``.

        Returns
        -------
        visible_mean, visible_sample, hidden_mean, hidden_sample : expression
            What is drawn in turn.
        """
        visible = self.sample_v_given_h(hidden)
        return (*visible, *self.sample_h_given_v(visible[1]))

    def gibbs_vhv(self, visible: Any) -> tuple[Any, Any, Any, Any]:
        """Make a Gibbs step from the visible units.

        Parameters
        ----------
        visible : expression
            ``(batch, num_visible)``.

        Returns
        -------
        hidden_mean, hidden_sample, visible_mean, visible_sample : expression
            What is drawn in turn.
        """
        hidden = self.sample_h_given_v(visible)
        return (*hidden, *self.sample_v_given_h(hidden[1]))

    def chains(self, count: int) -> Any:
        """Make the state of persistent chains.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        shared variable
            Hidden units, ``(count, num_units)``, all zero.
        """
        zeros = np.zeros((count, self.num_units), dtype=pytensor.config.floatX)
        return pytensor.shared(zeros, name="chains", shape=zeros.shape)

    def get_cost_updates(
        self,
        input: Any,
        learning_rate: Any = 0.1,
        *,
        persistent: Any = None,
        k: int = 1,
        updates: str | Callable[..., Any] = "sgd",
        update_options: Mapping[str, Any] | None = None,
    ) -> tuple[Any, dict[Any, Any]]:
        """Build a cost to watch, and what a step of contrastive divergence changes.

        Parameters
        ----------
        input : expression
            ``(batch, num_visible)``, from 0 to 1.
        learning_rate : float or expression
            Default: 0.1.
        persistent : shared variable or int, optional
            The state of chains, as from :meth:`chains`, that goes on from step to step; or how
            many new ones there shall be. Default: each step starts new chains at the batch.
        k : int
            Number of Gibbs steps. Default: 1.
        updates : str or callable
            A registered update rule, or a function of ``(grads, params, ...)``.
            Default: ``"sgd"``.
        update_options : dict, optional
            More arguments of the rule.

        Returns
        -------
        cost : expression
            A scalar that falls: without persistent chains the cross-entropy of the last
            reconstruction, and with them minus the pseudo-likelihood.
        updates : dict
            From shared variable to new value.

        Raises
        ------
        ValueError
            If `k` is not at least 1.
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k={k!r} is the number of Gibbs steps; give an integer from 1 on.")
        if isinstance(persistent, int):
            persistent = self.chains(persistent)
        hidden = self.sample_h_given_v(input)[1] if persistent is None else persistent
        for _ in range(k):
            visible_mean, visible, _, hidden = self.gibbs_hvh(hidden)
        difference = self.free_energy(input).mean() - self.free_energy(visible).mean()
        grads = pt.grad(difference, self.params, consider_constant=[visible])
        changes = apply_rule(updates, grads, self.params, learning_rate, update_options)
        if persistent is not None:
            changes[persistent] = pt.specify_shape(hidden, persistent.type.shape)
            return self.get_pseudo_likelihood_cost(input, changes), changes
        return self.get_reconstruction_cost(input, visible_mean), changes

    def get_reconstruction_cost(self, input: Any, visible_mean: Any) -> Any:
        """Build the cross-entropy of a reconstruction.

        Parameters
        ----------
        input : expression
            ``(batch, num_visible)``.
        visible_mean : expression
            Probabilities as from :meth:`propdown`, of the same shape.

        Returns
        -------
        expression
            A scalar: the sum over the units, the mean over the batch.
        """
        logits = visible_mean.owner.inputs[0]
        return (pt.softplus(logits) - input * logits).sum(axis=1).mean()

    def get_pseudo_likelihood_cost(self, input: Any, updates: dict[Any, Any]) -> Any:
        r"""Build minus the logarithm of the pseudo-likelihood, estimated from one unit.

        :math:`\log PL(v) \approx n \log \sigma(F(\tilde v_i) - F(v))`, where :math:`\tilde v_i`
        has unit :math:`i` flipped; the next step takes the next unit.

        Parameters
        ----------
        input : expression
            ``(batch, num_visible)``; it is rounded to 0 and 1.
        updates : dict
            Gets the update of the unit's number.

        Returns
        -------
        expression
            A scalar, the mean over the batch.
        """
        unit = pytensor.shared(np.asarray(0, dtype="int32"), name="unit")
        binary = pt.round(input)
        flipped = pt.set_subtensor(binary[:, unit], 1 - binary[:, unit])
        gain = self.free_energy(flipped) - self.free_energy(binary)
        updates[unit] = ((unit + 1) % self.num_visible).astype("int32")
        return (self.num_visible * pt.softplus(-gain)).mean()
