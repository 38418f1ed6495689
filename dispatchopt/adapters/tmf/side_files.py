"""Files beside trouble tickets: where the sites are, and what the codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from dispatchopt.adapters.cell_numbers import parse_decimal
from dispatchopt.adapters.cells import parse_id
from dispatchopt.adapters.coordinates import DECIMALS, CoordinateSystem, convert
from dispatchopt.adapters.headers import PLACE_COLUMNS, header_index, normal_header
from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.mapping import MAPPING_SETTINGS
from dispatchopt.adapters.mapping.notes import Notes
from dispatchopt.adapters.raw import read_raw
from dispatchopt.adapters.strict_json import load_json
from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
from dispatchopt.models import Point

if TYPE_CHECKING:
    from pathlib import Path

    from dispatchopt.adapters.raw import Row

_NEEDED: Final = ("id", "lon", "lat")


@dataclass(frozen=True)
class CodeMaps:
    """What codes mean, as `tickets_from_tmf621` takes it."""

    fault_types: Mapping[str, str] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    timezone: str | None = None


def read_documents(path: Path) -> list[Any]:
    """Read a JSON file with a list of documents, or one.

    Raises
    ------
    AdapterError
        If it cannot be read or is no JSON; names line and column.
    """
    data, repeated = load_json(path)
    if repeated:
        raise AdapterError(f"{path}: the key '{repeated[0][:60]}' stands twice in one object.")
    return data if isinstance(data, list) else [data]


def read_sites(path: Path, *, coordinates: CoordinateSystem = "wgs84") -> dict[str, Point]:
    """Read where sites are from a table with the columns ``id``, ``lon`` and ``lat``.

    Parameters
    ----------
    coordinates
        System of the table; others than WGS 84 are converted.

    Raises
    ------
    AdapterError
        If the file cannot be read.
    InvalidProblemError
        With every fault of the table.
    """
    faults: list[Issue] = []
    table = next(iter(read_raw(path, faults)))
    index = header_index(PLACE_COLUMNS)
    columns = {
        found.name: i
        for i, header in enumerate(table.headers)
        if (found := index.get(normal_header(header))) is not None
    }
    absent = [name for name in _NEEDED if name not in columns]
    if absent:
        message = f"the table needs the columns {', '.join(_NEEDED)}"
        faults.append(Issue("place", "", absent[0], "", message, path.name))
        raise InvalidProblemError(faults)
    found_sites: dict[str, tuple[float, float]] = {}
    for row in table.rows:
        _take(row, columns, found_sites, faults, path.name)
    if faults:
        raise InvalidProblemError(faults)
    return _points(found_sites, coordinates)


def read_codes(path: Path) -> CodeMaps:
    """Read a ``mapping.toml``: ``[codes.fault_type]``, ``[codes.priority]``, ``[codes.status]``.

    A `timezone` beside them is the zone of times without an offset. Other tables are for exports.
    ``started`` counts as open: a trouble ticket does not say who is on site, and since when.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no TOML.
    InvalidProblemError
        With every fault of its tables.
    """
    text = decode_utf8(read_bytes(path), str(path))
    raw = parse_toml(text, str(path))
    codes = raw.get("codes", {})
    faults: list[Issue] = []
    Notes(path.name, text, faults).known([], raw, MAPPING_SETTINGS)
    levels = _table(codes, "priority", faults, path.name)
    known = {str(level): level for level in (1, 2, 3, 4)}
    for code, level in levels.items():
        if level not in known:
            message = "must be 1 (most urgent) to 4"
            faults.append(Issue("problem", "", f"codes.priority.{code}", level, message, path.name))
    maps = CodeMaps(
        fault_types=_table(codes, "fault_type", faults, path.name),
        priorities={code: known.get(level, 4) for code, level in levels.items()},
        statuses={
            code: "open" if status == "started" else status
            for code, status in _table(codes, "status", faults, path.name).items()
        },
        timezone=raw.get("timezone") if isinstance(raw.get("timezone"), str) else None,
    )
    for code, status in maps.statuses.items():
        if status not in ("open", "parked", "done", "cancelled"):
            message = "must be open, parked, done or cancelled"
            faults.append(Issue("problem", "", f"codes.status.{code}", status, message, path.name))
    if faults:
        raise InvalidProblemError(faults)
    return maps


def _table(codes: Any, name: str, faults: list[Issue], file: str) -> dict[str, str]:  # Any: TOML
    found = codes.get(name, {}) if isinstance(codes, Mapping) else None
    if not isinstance(found, Mapping) or not all(
        isinstance(value, str | int) and not isinstance(value, bool) for value in found.values()
    ):
        message = "must be a table of codes, such as LOS = 'FTTH_LOS_DROP'"
        faults.append(Issue("problem", "", f"codes.{name}", "", message, file))
        return {}
    return {code: str(value).strip() for code, value in found.items()}


def _take(
    row: Row,
    columns: Mapping[str, int],
    sites: dict[str, tuple[float, float]],
    faults: list[Issue],
    file: str,
) -> None:
    def cell(name: str) -> str:
        at = columns[name]
        value = row.cells[at] if at < len(row.cells) else None
        return "" if value is None else str(value).strip()

    name = ""
    try:
        name = parse_id(cell("id"))
        if not name:
            raise CellFault("the id is blank")
        lon, lat = (parse_decimal(cell(axis)) for axis in ("lon", "lat"))
        Point(lon=lon, lat=lat)
        if sites.setdefault(name, (lon, lat)) != (lon, lat):
            raise CellFault("stands twice with different coordinates; keep one")
    except (CellFault, ValidationError) as fault:
        is_range = isinstance(fault, ValidationError)
        message = "no longitude and latitude; are they swapped?" if is_range else str(fault)
        faults.append(Issue("place", name, "", "", message, file, row.line))


def _points(sites: Mapping[str, tuple[float, float]], source: CoordinateSystem) -> dict[str, Point]:
    if source == "wgs84":
        return {name: Point(lon=lon, lat=lat) for name, (lon, lat) in sites.items()}
    pairs = np.array(list(sites.values()), dtype=np.float64).reshape(-1, 2)
    lons, lats = convert(pairs[:, 0], pairs[:, 1], source=source, target="wgs84")
    rounded = zip(np.round(lons, DECIMALS).tolist(), np.round(lats, DECIMALS).tolist(), strict=True)
    return {name: Point(lon=lon, lat=lat) for name, (lon, lat) in zip(sites, rounded, strict=True)}
