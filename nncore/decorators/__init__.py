"""Layers, initializers, objectives and update rules, each made out of one function.

What a decorator gives back stands under the function's own name, so that pickle finds it there,
and is what a class or a function written at length would be: a plugin may register it, and a
layer of it is copied, pickled and saved like any other.

Examples
--------
>>> from nncore.decorators import layer
>>> from nncore.layers import DenseLayer, InputLayer
>>> @layer
... def Scaled(input, factor=2.0):
...     return input * factor
>>> Scaled(DenseLayer(InputLayer((None, 3)), 4), factor=0.5).output_shape
(None, 4)
"""

from nncore.decorators.initializers import initializer as initializer
from nncore.decorators.layers import layer as layer
from nncore.decorators.objectives import objective as objective
from nncore.decorators.updates import update_rule as update_rule

__all__ = ["initializer", "layer", "objective", "update_rule"]
