"""The innermost step of a matrix product: one tile of the result, held in vector registers.

The tile is emitted as LLVM code, since a compiler does not keep so many accumulators in registers
by itself. Its shape follows from the vector registers of the CPU: on AVX-512 it is 8 x 48 in
float32, which takes 24 of the 32 registers for the accumulators and leaves room for the operands.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

__all__ = ["tile", "tile_columns", "tile_rows"]


def _shape() -> tuple[int, int, int]:
    """Bytes of a vector register, and rows and vectors of a tile, on this CPU."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 8, 3
    if features.get("avx2") and features.get("fma"):
        return 32, 6, 2
    if features.get("neon"):
        return 16, 8, 3
    return 16, 4, 2


_BYTES, _ROWS, _VECTORS = _shape()


def tile_rows(array: Any) -> int:
    """Rows of a tile, for compiled code.

    Parameters
    ----------
    array : array
        Of the data type in question.

    Returns
    -------
    int
        A constant of the CPU.
    """
    raise NotImplementedError("for compiled code only")


def tile_columns(array: Any) -> int:
    """Columns of a tile, for compiled code.

    Parameters
    ----------
    array : array
        Of the data type in question.

    Returns
    -------
    int
        A constant of the CPU and the data type.
    """
    raise NotImplementedError("for compiled code only")


@overload(tile_rows, inline="always")
def _tile_rows(array):
    rows = _ROWS
    return lambda array: rows


@overload(tile_columns, inline="always")
def _tile_columns(array):
    columns = _VECTORS * _BYTES // (array.dtype.bitwidth // 8)
    return lambda array: columns


@intrinsic
def tile(typingctx, a, a0, b, b0, c, c0, stride, depth, accumulate):
    """Compute one tile: ``c[r, j] (+)= sum over k of a[k, r] * b[k, j]``.

    ``a`` is packed as ``(depth, rows)`` from the flat index ``a0``, ``b`` as ``(depth, columns)``
    from ``b0``; row ``r`` of the result begins at ``c0 + r * stride``. The caller sees to it that
    all of the tile exists.
    """
    if not all(isinstance(t, types.Array) and t.ndim == 1 for t in (a, b, c)):
        return None
    scalar = ir.FloatType() if a.dtype == types.float32 else ir.DoubleType()
    lanes = _BYTES // (a.dtype.bitwidth // 8)
    width = lanes * _VECTORS
    vector = ir.VectorType(scalar, lanes)
    integer = ir.IntType(64)
    align = a.dtype.bitwidth // 8

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        types_ = signature.args
        data = [
            context.make_array(t)(context, builder, value).data
            for t, value in ((types_[i], args[i]) for i in (0, 2, 4))
        ]
        starts = [
            builder.gep(pointer, [args[i]]) for pointer, i in zip(data, (1, 3, 5), strict=True)
        ]
        step, depth_, add = args[6], args[7], args[8]

        def vector_pointer(pointer: Any) -> Any:
            return builder.bitcast(pointer, vector.as_pointer())

        # Fused where the CPU can, and two instructions where it cannot.
        multiply_add = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector] * 3),
            f"llvm.fmuladd.v{lanes}f{a.dtype.bitwidth}",
        )
        zero = ir.Constant(vector, [ir.Constant(scalar, 0.0)] * lanes)
        before = builder.block
        head = builder.append_basic_block("tile.depth")
        after = builder.append_basic_block("tile.store")
        # A depth of zero does not occur: a filter has at least one tap.
        builder.branch(head)

        builder.position_at_end(head)
        k = builder.phi(integer)
        k.add_incoming(ir.Constant(integer, 0), before)
        sums = []
        for _ in range(_ROWS * _VECTORS):
            phi = builder.phi(vector)
            phi.add_incoming(zero, before)
            sums.append(phi)
        row = builder.gep(starts[0], [builder.mul(k, ir.Constant(integer, _ROWS))])
        column = builder.gep(starts[1], [builder.mul(k, ir.Constant(integer, width))])
        operands = []
        for v in range(_VECTORS):
            pointer = builder.gep(column, [ir.Constant(integer, v * lanes)])
            operands.append(builder.load(vector_pointer(pointer), align=align))
        results = []
        for r in range(_ROWS):
            element = builder.load(builder.gep(row, [ir.Constant(integer, r)]), align=align)
            lane = builder.insert_element(
                ir.Constant(vector, ir.Undefined), element, ir.Constant(ir.IntType(32), 0)
            )
            mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            spread = builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), mask)
            for v in range(_VECTORS):
                total = sums[r * _VECTORS + v]
                results.append(builder.call(multiply_add, [spread, operands[v], total]))
        following = builder.add(k, ir.Constant(integer, 1))
        k.add_incoming(following, head)
        for phi, result in zip(sums, results, strict=True):
            phi.add_incoming(result, head)
        more = builder.icmp_signed("<", following, depth_)
        builder.cbranch(more, head, after)

        builder.position_at_end(after)
        for r in range(_ROWS):
            line = builder.gep(starts[2], [builder.mul(step, ir.Constant(integer, r))])
            for v in range(_VECTORS):
                pointer = vector_pointer(builder.gep(line, [ir.Constant(integer, v * lanes)]))
                result = results[r * _VECTORS + v]
                old = cgutils.alloca_once_value(builder, zero)
                with builder.if_then(cgutils.is_not_null(builder, add)):
                    builder.store(builder.load(pointer, align=align), old)
                total = builder.fadd(result, builder.load(old))
                builder.store(total, pointer, align=align)
        return context.get_dummy_value()

    signature = types.void(
        a,
        types.int64,
        b,
        types.int64,
        c,
        types.int64,
        types.int64,
        types.int64,
        types.boolean,
    )
    return signature, codegen
