"""How travel times are given; `dispatchopt.travel` computes them."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from dispatchopt.models.base import MAX_SECONDS, Id, Model, Seconds

UNREACHABLE = MAX_SECONDS
"""Travel seconds of a pair without a way: beyond every shift, and sums of two fit in int32."""


def _to_matrix(value: Any) -> npt.NDArray[np.int32]:  # Any: input before validation
    rows = value if isinstance(value, np.ndarray) else _from_rows(value)
    if rows.ndim != 2 or rows.shape[0] != rows.shape[1]:
        raise ValueError(f"must be a square table, has shape {rows.shape}")
    if not np.issubdtype(rows.dtype, np.number):
        raise ValueError("must hold numbers of seconds, null where there is no way")
    if np.issubdtype(rows.dtype, np.complexfloating):
        raise ValueError("must hold plain numbers of seconds, null where there is no way")
    if rows.dtype == np.int32 and not rows.flags.writeable and _is_settled(rows):
        return rows  # no second copy of a large table
    if np.issubdtype(rows.dtype, np.floating):
        rows = np.nan_to_num(rows, nan=-1.0, posinf=-1.0, neginf=-math.inf)
    _refuse_odd(rows)
    if np.issubdtype(rows.dtype, np.floating):
        rows = np.ceil(rows)
    # A 64-bit number widens the table first: in 16 bits UNREACHABLE would wrap round to 0.
    no_way = np.int64(UNREACHABLE)
    seconds = np.where((rows < 0) | (rows >= UNREACHABLE), no_way, rows).astype(np.int32)
    seconds.flags.writeable = False
    return seconds


def _refuse_odd(rows: npt.NDArray[Any]) -> None:  # Any: numbers of any type
    """Refuse what is neither a number of seconds nor a sign that there is no way."""
    odd = ((rows < 0) & (rows != -1)) | (rows > UNREACHABLE)
    at = np.argwhere(odd)
    if len(at):
        named = ", ".join(
            f"{rows[r, c]} in row {r + 1}, column {c + 1}" for r, c in at[:3].tolist()
        )
        more = f" and {len(at) - 3} more" if len(at) > 3 else ""
        raise ValueError(
            f"{named}{more}: seconds must be 0 to {UNREACHABLE - 1}; "
            "null, or -1, where there is no way"
        )


def _is_settled(rows: npt.NDArray[np.int32]) -> bool:
    return rows.size == 0 or (int(rows.min()) >= 0 and int(rows.max()) <= UNREACHABLE)


def _from_rows(value: Any) -> npt.NDArray[Any]:  # Any: input before validation
    if not isinstance(value, list | tuple) or not all(isinstance(r, list | tuple) for r in value):
        raise ValueError("must be a list of rows of seconds")
    lengths = {len(row) for row in value}
    if len(lengths) > 1:
        raise ValueError(f"rows differ in length: {sorted(lengths)[:5]}")
    if not value:
        return np.zeros((0, 0), dtype=np.int64)
    table = np.array(value, dtype=object) if _has_odd(value) else np.asarray(value)
    if table.dtype == object:
        flat = [_cell(cell) for cell in table.ravel().tolist()]
        table = np.array(flat, dtype=np.float64).reshape(table.shape)
    return table


def _has_odd(rows: Any) -> bool:  # Any: input before validation
    return any(
        None in row or any(isinstance(c, bool | str | list | dict) for c in row) for row in rows
    )


def _cell(cell: Any) -> float:  # Any: input before validation
    if cell is None:
        return -1.0
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise ValueError(f"{str(cell)[:40]!r} is no number of seconds; null where there is no way")
    try:
        return float(cell)
    except OverflowError:
        return sys.float_info.max if cell > 0 else -sys.float_info.max


def _to_rows(seconds: npt.NDArray[np.int32]) -> list[list[int | None]]:
    rows: list[list[int | None]] = seconds.tolist()
    if bool((seconds >= UNREACHABLE).any()):
        return [
            [None if cell is None or cell >= UNREACHABLE else cell for cell in row] for row in rows
        ]
    return rows


SecondsTable = Annotated[
    npt.NDArray[np.int32],
    BeforeValidator(_to_matrix),
    PlainSerializer(_to_rows, when_used="always"),
    WithJsonSchema(
        {"type": "array", "items": {"type": "array", "items": {"type": ["number", "null"]}}}
    ),
]


class StraightLine(Model):
    """Great-circle distance x `detour` / `speed_kmh` + `stop_overhead_s` (parking, walking).

    Between two different places only; from a place to itself it is 0.
    """

    kind: Literal["straight_line"]
    detour: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 1.3
    speed_kmh: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 25.0
    stop_overhead_s: Seconds = 180


class Matrix(Model):
    """Given seconds, row = origin, column = destination; null or -1: no way.

    In an array NaN, infinity and `UNREACHABLE` say so, too. Any other number below 0 or beyond
    `UNREACHABLE` is a fault. Fractions are rounded up. The table may be asymmetric.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["matrix"]
    places: tuple[Id, ...]
    seconds: SecondsTable

    def __eq__(self, other: object) -> bool:
        """Compare places and seconds (arrays have no plain equality)."""
        if not isinstance(other, Matrix):
            return NotImplemented
        return self.places == other.places and np.array_equal(self.seconds, other.seconds)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Lock the table again: numpy forgets it when pickled."""
        super().__setstate__(state)
        self.seconds.flags.writeable = False

    def __hash__(self) -> int:
        """Hash of the places alone: equal tables have equal places."""
        return hash(self.places)


class Profiles(Model):
    """Several travel models by name, e.g. ``ebike`` and ``van``; the first is the default."""

    kind: Literal["profiles"]
    profiles: Annotated[
        dict[Id, Annotated[StraightLine | Matrix, Field(discriminator="kind")]],
        Field(min_length=1),
    ]


Travel = Annotated[StraightLine | Matrix | Profiles, Field(discriminator="kind")]
