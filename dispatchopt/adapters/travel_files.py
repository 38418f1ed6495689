"""Travel tables in files beside a problem: ``.npy``, or CSV as `travel_rows` has it."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dispatchopt.adapters.textfiles import decode_table, read_bytes
from dispatchopt.adapters.travel_rows import (
    Seconds,
    TravelFault,
    missing_pairs,
    read_travel_csv,
    travel_fault,
)
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dispatchopt.errors import Issue


def resolve_travel(
    raw: Any,  # Any: raw data
    folder: Path,
    issues: list[Issue],
    warnings: list[Issue],
) -> Any:
    """Put tables in place of ``{"file": name}``, in profiles too.

    Faults are added to `issues`, what looks like a slip to `warnings`. What is not understood is
    returned as it came: the door reports it.
    """
    if not isinstance(raw, dict):
        return raw
    if raw.get("kind") == "profiles" and isinstance(raw.get("profiles"), dict):
        tables = {
            name: resolve_travel(table, folder, issues, warnings) if _is_matrix(table) else table
            for name, table in raw["profiles"].items()
        }
        return {**raw, "profiles": tables}
    seconds = raw.get("seconds")
    if not _is_matrix(raw) or not isinstance(seconds, dict):
        return raw
    name = seconds.get("file")
    places = raw.get("places")
    wanted = places if isinstance(places, list | tuple) else None
    try:
        if not isinstance(name, str) or len(seconds) != 1:
            raise travel_fault("", 0, "seconds", "", 'must be rows, or {"file": "travel.npy"}')
        found, table = read_travel_file(folder, name, wanted)
        if not name.lower().endswith(".npy"):
            warnings.extend(missing_pairs(found, table, name))
        return {**raw, "places": found if places is None else places, "seconds": table}
    except TravelFault as fault:
        issues.extend(fault.issues)
        # A table of the right size stands in, so that the rest is checked nevertheless.
        size = len(wanted) if wanted is not None else 0
        return {**raw, "places": places or (), "seconds": np.zeros((size, size), np.int32)}


def files_named(raw: Any) -> set[str]:  # Any: raw data
    """Names of the files that a raw travel model refers to."""
    if not isinstance(raw, dict):
        return set()
    if isinstance(raw.get("profiles"), dict):
        return {name for table in raw["profiles"].values() for name in files_named(table)}
    seconds = raw.get("seconds")
    name = seconds.get("file") if isinstance(seconds, dict) else None
    return {name} if isinstance(name, str) else set()


def without_place_echoes(issues: Iterable[Issue]) -> list[Issue]:
    """Drop faults of places that only seem unknown because the travel table was not read."""
    return [
        issue
        for issue in issues
        if issue.field not in ("place", "start_place", "end_place") or "travel" not in issue.message
    ]


def _is_matrix(raw: Any) -> bool:  # Any: raw data
    return isinstance(raw, dict) and raw.get("kind") == "matrix"


def read_travel_file(
    folder: Path, name: str, places: list[Any] | tuple[Any, ...] | None
) -> tuple[list[Any], Seconds]:
    """Read a table of travel seconds.

    Parameters
    ----------
    folder
        Where the problem stands; the table must stand in it or below.
    name
        Relative path, ending in ``.npy``, ``.csv`` or ``.csv.gz``.
    places
        Ids in the order of the rows wanted; None: as in the file, which must then name them.

    Returns
    -------
    places, seconds
        Ids, and seconds with row = origin; -1 where there is no way, NaN where a CSV file in the
        long form has no row.

    Raises
    ------
    TravelFault
        With the faults of the table.
    """
    path = _inside(folder, name)
    if name.lower().endswith(".npy"):
        if places is None:
            raise travel_fault(name, 0, "places", "", "a .npy file names no places; list them")
        return list(places), _read_npy(path, name)
    if not name.lower().endswith((".csv", ".csv.gz")):
        raise travel_fault(name, 0, "seconds", "", "must end in .npy, .csv or .csv.gz")
    try:
        text = decode_table(read_bytes(path), name)
    except AdapterError as error:
        raise travel_fault(name, 0, "", "", str(error).removeprefix(f"{name}: ")) from error
    found, table = read_travel_csv(text, name)
    if places is None or list(places) == found:
        return found, table
    position = {place: row for row, place in enumerate(found)}
    missing = [place for place in places if not isinstance(place, str) or place not in position]
    if missing:
        raise travel_fault(
            name, 1, "places", str(missing[0])[:60], "no row and column for this place; add them"
        )
    rows = np.array([position[place] for place in places], dtype=np.intp)
    return list(places), table[np.ix_(rows, rows)]


def _inside(folder: Path, name: str) -> Path:
    try:
        root = folder.resolve()
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a loop of links
        raise travel_fault(name[:60], 0, "file", "", f"no path ({error})") from None
    if not path.is_relative_to(root) or path == root:
        raise travel_fault(
            name[:60], 0, "file", "", "must stand in the folder of the problem; copy it there"
        )
    return path


def _read_npy(path: Path, name: str) -> Seconds:
    data = io.BytesIO(_bytes(path, name))
    try:
        version = np.lib.format.read_magic(data)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(data)
        left = len(data.getbuffer()) - data.tell()
        # Checked before numpy reserves what the header asks for.
        if dtype.kind not in "iuf" or len(shape) != 2 or math.prod(shape) * dtype.itemsize != left:
            raise ValueError(f"shape {shape}, type {dtype}, {left} bytes of content")
        data.seek(0)
        table: Seconds = np.load(data, allow_pickle=False)
        return table
    # The header is Python source to numpy: it fails in as many ways as Python source can.
    except (ValueError, TypeError, SyntaxError, EOFError, OverflowError, RecursionError,
            MemoryError, KeyError, AttributeError, Warning) as error:  # fmt: skip
        raise travel_fault(
            name, 0, "seconds", "", f"no table of numbers ({str(error)[:100]}); write it with "
            "numpy.save(file, seconds)",
        ) from None  # fmt: skip


def _bytes(path: Path, name: str) -> bytes:
    try:
        return read_bytes(path)
    except AdapterError as error:
        raise travel_fault(name, 0, "", "", str(error).removeprefix(f"{path}: ")) from error


def npy_bytes(seconds: npt.NDArray[np.int32]) -> bytes:
    """Return the table as a ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(seconds), allow_pickle=False)
    return stream.getvalue()
