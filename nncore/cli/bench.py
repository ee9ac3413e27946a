"""``nncore bench``: measures the implementations of convolution and pooling."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncore.cli.errors import CommandError, check_choice
from nncore.cli.options import Debug, Json, check_backend, help_text, make_console

if TYPE_CHECKING:
    from nncore.ops.geometry import Geometry

__all__ = ["bench"]

DTYPES = ("float32", "float64")

bench = typer.Typer(
    name="bench",
    rich_markup_mode="rich",
    no_args_is_help=False,
    help="Measure the implementations of convolution and pooling on a geometry.",
)

Input = Annotated[
    str,
    typer.Option(
        "--input", metavar="SIZES", help="batch,channels,rows,cols (one to three lengths)."
    ),
]
Stride = Annotated[str | None, typer.Option("--stride", metavar="SIZES", help="One, or per axis.")]
Backend = Annotated[
    str, typer.Option("--backend", metavar="NAME", help="[bold]numba[/], jax or python.")
]
DType = Annotated[str, typer.Option("--dtype", metavar="NAME", help="[bold]float32[/] or float64.")]
Seconds = Annotated[
    float,
    typer.Option("--seconds", metavar="N", min=0.0, help="How long to repeat each measurement."),
]


def conv(
    input: Input = "128,64,32,32",
    filters: Annotated[
        str,
        typer.Option("--filters", metavar="SIZES", help="number,rows,cols: count and size."),
    ] = "64,3,3",
    stride: Stride = None,
    pad: Annotated[
        str,
        typer.Option("--pad", metavar="PAD", help="Zeros, one or per axis; valid, same or full."),
    ] = "0",
    dilation: Annotated[
        str | None, typer.Option("--dilation", metavar="SIZES", help="One, or per axis.")
    ] = None,
    groups: Annotated[
        int, typer.Option("--groups", metavar="N", min=1, help="Number of groups.")
    ] = 1,
    direction: Annotated[
        str,
        typer.Option(
            "--direction", metavar="NAME", help="forward, grad_input, grad_filters or [bold]all[/]."
        ),
    ] = "all",
    backend: Backend = "numba",
    dtype: DType = "float32",
    seconds: Seconds = 0.3,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure convolution.

    [bold]Examples:[/]

      nncore bench conv

      nncore bench conv --input 128,3,224,224 --filters 64,7,7 --stride 2 --pad 3

      nncore bench conv --input 32,16,1000 --filters 32,9 --pad same --direction forward

      nncore bench conv --backend jax --json
    """
    from nncore.ops.geometry import ConvGeometry, as_ints, as_pads

    shape, axes = _input_shape(input)
    taps = _numbers("--filters", filters)
    if len(taps) != axes + 1:
        raise CommandError(
            f"--filters: {filters} has {len(taps)} numbers; an input with {axes} lengths needs "
            f"{axes + 1}: the number of filters, then their size on each axis."
        )
    if shape[1] % groups:
        raise CommandError(
            f"--groups: {groups} does not divide the {shape[1]} channels of --input {input}."
        )
    pads: Any = pad if pad in ("valid", "same", "full") else _per_axis("--pad", pad, axes, 0)
    geometry = ConvGeometry(
        input_shape=shape,
        filters_shape=(taps[0], shape[1] // groups, *taps[1:]),
        stride=as_ints(_per_axis("--stride", stride or "1", axes, 1), axes, "--stride", 1),
        pad=as_pads(pads, axes, "--pad"),
        dilation=as_ints(_per_axis("--dilation", dilation or "1", axes, 1), axes, "--dilation", 1),
        groups=groups,
        flip=True,
        dtype=check_choice("--dtype", dtype, DTYPES),
    )
    _measure("conv", geometry, direction, backend, seconds, as_json)


def pool(
    input: Input = "128,64,32,32",
    window: Annotated[
        str, typer.Option("--window", metavar="SIZES", help="One size, or one per axis.")
    ] = "2",
    stride: Stride = None,
    pad: Annotated[str, typer.Option("--pad", metavar="SIZES", help="One, or per axis.")] = "0",
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            metavar="NAME",
            help="[bold]max[/], average_inc_pad, average_exc_pad or sum.",
        ),
    ] = "max",
    ignore_border: Annotated[
        bool,
        typer.Option(
            "--ignore-border/--include-border",
            help="Whether windows that reach over the end are left out.",
        ),
    ] = True,
    direction: Annotated[
        str,
        typer.Option(
            "--direction", metavar="NAME", help="forward, grad_input, grad_grad or [bold]all[/]."
        ),
    ] = "all",
    backend: Backend = "numba",
    dtype: DType = "float32",
    seconds: Seconds = 0.3,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure pooling.

    [bold]Examples:[/]

      nncore bench pool

      nncore bench pool --input 64,32,56,56 --window 3 --stride 2 --mode average_inc_pad
    """
    from nncore.ops.geometry import POOL_MODES, PoolGeometry

    shape, axes = _input_shape(input)
    sizes = _per_axis("--window", window, axes, 1)
    pads = _per_axis("--pad", pad, axes, 0)
    if any(p >= w for p, w in zip(pads, sizes, strict=True)):
        raise CommandError(f"--pad: {pad} must be less than the window ({window}) on each axis.")
    if mode != "max" and direction == "grad_grad":
        raise CommandError("--direction: 'grad_grad' is for --mode max only.")
    geometry = PoolGeometry(
        input_shape=shape,
        window=sizes,
        stride=_per_axis("--stride", stride, axes, 1) if stride else sizes,
        pad=tuple((p, p) for p in pads),
        mode=check_choice("--mode", mode, POOL_MODES),
        ignore_border=ignore_border,
        dtype=check_choice("--dtype", dtype, DTYPES),
    )
    _measure("pool", geometry, direction, backend, seconds, as_json)


for command in (conv, pool):
    bench.command(help=help_text(command))(command)


def _numbers(option: str, text: str, minimum: int = 1) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= minimum for part in parts):
        raise CommandError(
            f"{option}: {text!r} is not understood; give whole numbers of at least {minimum}, "
            "separated by commas."
        )
    return tuple(int(part) for part in parts)


def _per_axis(option: str, text: str, axes: int, minimum: int) -> tuple[int, ...]:
    found = _numbers(option, text, minimum)
    if len(found) not in (1, axes):
        raise CommandError(
            f"{option}: {text} has {len(found)} numbers; give one, or {axes}, one for each axis."
        )
    return found * axes if len(found) == 1 else found


def _input_shape(text: str) -> tuple[tuple[int, ...], int]:
    shape = _numbers("--input", text)
    if not 3 <= len(shape) <= 5:
        raise CommandError(
            f"--input: {text} has {len(shape)} numbers; give batch,channels and one to three "
            "lengths, for example 128,64,32,32."
        )
    return shape, len(shape) - 2


def _measure(
    kind: str, geometry: Geometry, direction: str, backend: str, seconds: float, as_json: bool
) -> None:
    """Measure and show."""
    from nncore import measure, registry, resolve
    from nncore.hookspecs import DIRECTIONS

    check_choice("--direction", direction, (*DIRECTIONS[kind], "all"))
    check_backend(backend)
    try:
        geometry.check(kind)
    except ValueError as error:
        raise CommandError(str(error)) from error
    directions = None if direction == "all" else [direction]
    found = measure.time_kernels(kind, backend, geometry, directions, seconds=seconds)
    left_out = [
        (registry.name_of(kind, implementation) or implementation.name, usable.reason)
        for _, implementation in registry.implementations(kind)
        if not (usable := resolve.usable(implementation, backend, geometry))
    ]
    if as_json:
        from nncore.cli.runs import plain

        content = {
            "kind": kind,
            "backend": backend,
            "geometry": str(geometry),
            "measurements": [
                {
                    "name": m.name,
                    "direction": m.direction,
                    "median_seconds": m.median_seconds,
                    "gflops": m.gflops,
                    "reason": m.reason,
                }
                for m in found
            ],
            "left_out": [{"name": name, "reason": reason} for name, reason in left_out],
        }
        print(json.dumps(plain(content), indent=2))
        return
    _show(geometry, backend, found, left_out)


def _duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{1e6 * seconds:.1f} µs"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _show(
    geometry: Geometry, backend: str, found: Sequence[Any], left_out: list[tuple[str, str]]
) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console = make_console()
    text = str(geometry)
    console.print(f"{escape(text[0].upper() + text[1:])}, {backend} backend", soft_wrap=True)
    rates = any(m.gflops is not None for m in found)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Direction")
    table.add_column("Implementation")
    for name in ("Time", *(("GFLOP/s",) if rates else ()), "Against the first"):
        table.add_column(name, justify="right")
    previous, fastest = None, math.nan
    for m in found:
        if m.direction != previous:
            if previous is not None:
                table.add_section()
            fastest = m.median_seconds
        failed = not math.isfinite(m.median_seconds)
        table.add_row(
            m.direction if m.direction != previous else "",
            escape(m.name),
            "failed" if failed else _duration(m.median_seconds),
            *(("" if m.gflops is None else f"{m.gflops:,.1f}",) if rates else ()),
            escape(m.reason) if failed else f"{m.median_seconds / fastest:.2f} x",
        )
        previous = m.direction
    console.print(table)
    for name, reason in left_out:
        console.print(f"[dim]not measured: {escape(name)}: {escape(reason)}[/]", soft_wrap=True)
