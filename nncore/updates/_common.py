"""What the rules share: names, dtypes, state and moving averages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

__all__ = ["Updates", "averaged", "count_steps", "labels", "like", "state"]

Updates = OrderedDict[SharedVariable, Any]


def labels(params: Sequence[SharedVariable]) -> list[str]:
    """Give each parameter a different name."""
    names = [param.name or "param" for param in params]
    return [
        name if param.name and names.count(name) == 1 else f"{name}[{index}]"
        for index, (name, param) in enumerate(zip(names, params, strict=True))
    ]


def like(value: Any, param: SharedVariable) -> Any:
    """Convert a number or expression to the dtype of a parameter."""
    dtype = param.type.dtype
    if isinstance(value, Variable):
        return value if value.type.dtype == dtype else pt.cast(value, dtype)
    return pt.constant(np.asarray(value, dtype=dtype))


def state(param: SharedVariable, name: str) -> SharedVariable:
    """Zeros in a shared variable of the same type as a parameter."""
    value = param.get_value(borrow=True)
    zeros = np.zeros(value.shape, dtype=value.dtype)
    return pytensor.shared(zeros, name=name, shape=param.type.shape)


def count_steps(updates: Updates, params: Sequence[SharedVariable], rule: str) -> Any:
    """Add a step counter to the updates; it is named after the first parameter."""
    name = f"{labels(params)[0]}.{rule}.t" if params else f"{rule}.t"
    counter = pytensor.shared(np.zeros((), dtype=pytensor.config.floatX), name=name)
    updates[counter] = counter + pt.ones((), dtype=counter.type.dtype)
    return updates[counter]


def averaged(average: Any, value: Any, decay: Any, param: SharedVariable) -> Any:
    """One step of an exponential moving average."""
    kept = like(decay, param)
    return kept * average + (1 - kept) * value
