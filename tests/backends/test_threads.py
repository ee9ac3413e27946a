"""Numba's threads and those of BLAS."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import threadpoolctl

from nncore.backends import get_mode
from nncore.backends.threads import one_pool
from nncore.ops import pool


def blas_threads() -> set[int]:
    return {i["num_threads"] for i in threadpoolctl.threadpool_info() if i["user_api"] == "blas"}


def test_blas_has_one_thread_beside_a_convolution_and_all_of_them_after() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    before = blas_threads()
    x = pt.tensor4("x")
    with_pool = pytensor.function([x], pool(x, 2), mode=get_mode("numba"))
    with one_pool(with_pool):
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_blas_keeps_its_threads_where_nothing_else_uses_threads() -> None:
    before = blas_threads()
    x = pt.matrix("x")
    dense = pytensor.function([x], x @ x.T, mode=get_mode("numba"))
    python = pytensor.function([x], x @ x.T, mode=get_mode("python"))
    for function in (dense, python, lambda x: x):
        with one_pool(function):
            assert blas_threads() == before
