"""pandas DataFrames <-> problems and plans.

Columns are those of CSV folders (`headers`), in English or Chinese. Cells may be text as in a file,
or objects: numbers, `Timestamp`, `Timedelta`, lists, dicts. NaN, NaT, NA and None are absent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.csv_write import ANYWHERE, field_value
from dispatchopt.adapters.from_tables import problem_from_tables, travel_from_rows
from dispatchopt.adapters.headers import (
    END_ANYWHERE_WORDS,
    ENGINEER_COLUMNS,
    PLACE_COLUMNS,
    SHIFT_COLUMNS,
    TICKET_COLUMNS,
    Column,
    header_index,
    normal_header,
)
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.objects import is_missing, read_object
from dispatchopt.adapters.raw import Row
from dispatchopt.adapters.tables import Table
from dispatchopt.adapters.travel_rows import is_long
from dispatchopt.adapters.visit_rows import RowTable, unserved_rows, visit_rows
from dispatchopt.errors import AdapterError, Issue
from dispatchopt.models import (
    Engineer,
    FaultType,
    Plan,
    Policy,
    Problem,
    Shift,
    Span,
    Ticket,
    Travel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.adapters.assemble import OnBadRow
    from dispatchopt.adapters.places import Geocoder
    from dispatchopt.models.intake import Intake


class Frames(NamedTuple):
    """A problem as frames, and what frames do not hold: ``problem_from_frames(**f._asdict())``."""

    tickets: pd.DataFrame
    engineers: pd.DataFrame
    shifts: pd.DataFrame
    travel: Travel
    policy: Policy
    timezone: str
    horizon: Span
    now: datetime | None
    fault_types: tuple[FaultType, ...]
    previous_plan: Plan | None
    schema_version: str


def problem_from_frames(
    tickets: pd.DataFrame,
    engineers: pd.DataFrame,
    shifts: pd.DataFrame,
    *,
    travel: Travel | Mapping[str, Any] | pd.DataFrame | None = None,  # Any: raw data
    policy: Policy | Mapping[str, Any] | None = None,  # Any: raw data
    timezone: str | None = None,
    horizon: Span | tuple[datetime, datetime] | None = None,
    now: datetime | None = None,
    fault_types: Sequence[FaultType | Mapping[str, Any]] = (),  # Any: raw data
    previous_plan: Plan | None = None,
    schema_version: str = "1",
    limits: str | Mapping[str, Any] | None = None,  # Any: raw data
    coordinates: str | Mapping[str, Any] | None = None,  # Any: raw data
    places: pd.DataFrame | None = None,
    geocoder: Geocoder | None = None,
    on_bad_row: OnBadRow = "error",
) -> Intake:
    """Make a problem from frames; the frames stay as they are.

    Parameters
    ----------
    tickets, engineers, shifts
        Columns as in CSV folders; an index that bears the name of a column counts as one.
    travel
        A model, its raw form, or a frame: ``origin, destination, seconds``, or a square one with
        ids as index and columns. Default: the straight line.
    timezone
        Zone of times without one; required if there are any.
    limits
        By which service limits an absent `due` is computed: the name of a preset, or the fields of
        a folder's ``[limits]`` table. Default: it stays absent.
    coordinates
        The system of all coordinates (``wgs84``, ``gcj02``, ``bd09``), or the fields of a folder's
        ``[coordinates]`` table.
    places, geocoder
        Stand-ins for coordinates that lack: a frame as ``places.csv``, and whom to ask for the
        place of an address (geopy's interface).
    horizon
        Default: the local days that cover all shifts.
    on_bad_row
        ``reject``: faulty tickets are left out and reported, and so are engineers with a fault of
        their own or of one of their shifts.

    Raises
    ------
    InvalidProblemError
        With every fault found; `line` counts the rows of a frame from 1.
    """
    issues: list[Issue] = []
    warnings: list[Issue] = []
    return problem_from_tables(
        {
            "engineers": _table(engineers, "engineers", ENGINEER_COLUMNS),
            "shifts": _table(shifts, "shifts", SHIFT_COLUMNS),
            "tickets": _table(tickets, "tickets", TICKET_COLUMNS),
            "places": None if places is None else _table(places, "places", PLACE_COLUMNS),
        },
        _ObjectCells(),
        _travel(travel, issues, warnings),
        issues,
        warnings,
        policy=policy,
        timezone=timezone,
        horizon=horizon,
        now=now,
        fault_types=fault_types,
        previous_plan=previous_plan,
        schema_version=schema_version,
        limits=limits,
        coordinates=coordinates,
        geocoder=geocoder,
        on_bad_row=on_bad_row,
    )


def problem_to_frames(problem: Problem) -> Frames:
    """Return a problem as frames with English columns; times are local `Timestamp`.

    Lists stay lists (skills, parts, windows …), so that `problem_from_frames` gives it back.

    Raises
    ------
    AdapterError
        If an id or a name would read back otherwise; all such are listed.
    """
    lost: list[str] = []
    zone = problem.timezone
    shifts = [(engineer, shift) for engineer in problem.engineers for shift in engineer.shifts]
    shift_frame = _frame(SHIFT_COLUMNS, "shift", [shift for _, shift in shifts], zone, lost)
    owners = [engineer.id for engineer, _ in shifts]
    shift_frame.insert(0, "engineer_id", pd.Series(owners, dtype=object))
    frames = Frames(
        tickets=_frame(TICKET_COLUMNS, "ticket", problem.tickets, zone, lost),
        engineers=_frame(ENGINEER_COLUMNS, "engineer", problem.engineers, zone, lost),
        shifts=shift_frame,
        travel=problem.travel,
        policy=problem.policy,
        timezone=problem.timezone,
        horizon=problem.horizon,
        now=problem.now,
        fault_types=problem.fault_types,
        previous_plan=problem.previous_plan,
        schema_version=problem.schema_version,
    )
    if lost:
        listing = "\n".join(f"  - {item}" for item in lost[:20])
        raise AdapterError(f"Frames cannot carry {len(lost)} cells of this problem:\n{listing}")
    return frames


def plan_to_frame(
    plan: Plan, problem: Problem | None = None, *, timezone: str | None = None
) -> pd.DataFrame:
    """Return one row for each visit, in the order of routes and visits.

    Parameters
    ----------
    problem
        Adds what the ticket says.
    timezone
        IANA name of the zone of the times; default: that of the problem, without one UTC.

    Raises
    ------
    AdapterError
        If there is no such zone.
    """
    return _rows_frame(visit_rows(plan, problem), problem, timezone)


def unserved_to_frame(
    plan: Plan, problem: Problem | None = None, *, timezone: str | None = None
) -> pd.DataFrame:
    """Return one row for each ticket left out, with its reason and the facts behind it.

    Parameters
    ----------
    problem, timezone
        As for `plan_to_frame`.

    Raises
    ------
    AdapterError
        If there is no such zone.
    """
    return _rows_frame(unserved_rows(plan, problem), problem, timezone)


def _travel(travel: Any, issues: list[Issue], warnings: list[Issue]) -> Any:  # Any: raw data
    if travel is None:
        return {"kind": "straight_line"}
    if not isinstance(travel, pd.DataFrame):
        return travel
    frame = travel if is_long([str(c) for c in travel.columns]) else _with_index(travel)
    cells = [frame.iloc[:, i].tolist() for i in range(frame.shape[1])]
    header = [str(column) for column in frame.columns]
    return travel_from_rows(header, zip(*cells, strict=True), issues, warnings)


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.copy(deep=False)
    plain.insert(0, "", frame.index.to_numpy(), allow_duplicates=True)
    return plain


def _table(frame: pd.DataFrame, name: str, columns: tuple[Column, ...]) -> Table:
    if not isinstance(frame, pd.DataFrame):
        raise AdapterError(f"{name}: must be a DataFrame, not {type(frame).__name__}.")
    known = header_index(columns)
    levels = [i for i in frame.index.names if i is not None and normal_header(str(i)) in known]
    if levels and not any(level in frame.columns for level in levels):
        frame = frame.reset_index(levels)
    cells = [frame.iloc[:, i].tolist() for i in range(frame.shape[1])]
    rows = [
        Row(line, [None if is_missing(cell) else cell for cell in row])
        for line, row in enumerate(zip(*cells, strict=True), start=1)
    ]
    return Table(name, [str(column) for column in frame.columns], rows, header_line=0)


class _ObjectCells:
    """Reads the cells of frames."""

    def read(self, column: Column, cell: Any, clock: Clock) -> Any:  # Any: differs by column
        return read_object(column.kind, cell, clock)

    def echo(self, cell: Any) -> Any:  # Any: an object
        return cell.strip() if isinstance(cell, str) else cell


_Item = TypeVar("_Item", Ticket, Engineer, Shift)


def _frame(
    columns: tuple[Column, ...], kind: str, items: Sequence[_Item], zone: str, lost: list[str]
) -> pd.DataFrame:
    filled: dict[str, pd.Series[Any]] = {}
    for column in columns:
        if column.name == "engineer_id" or not column.is_written:
            continue
        values = [_object(column, item, kind, lost) for item in items]
        if column.required or any(value is not None for value in values):
            filled[column.name] = _series(values, column, zone)
    return pd.DataFrame(filled)


_TIME: Final = "s"  # whole seconds; nanoseconds would end the calendar in 2262


def _series(values: list[Any], column: Column, zone: str) -> pd.Series[Any]:
    if column.kind == "instant":
        return pd.Series(values, dtype=pd.DatetimeTZDtype(unit=_TIME, tz=zone))
    if column.kind in ("int", "priority"):
        return pd.Series(values, dtype="Int64")
    if column.kind in ("lat", "lon", "float"):
        return pd.Series(values, dtype="float64")
    if column.kind == "minutes":
        minutes = [None if value is None else value / 60 for value in values]
        return pd.Series(minutes, dtype="float64")
    return pd.Series(values, dtype=object)


def _object(column: Column, item: Any, kind: str, lost: list[str]) -> Any:  # Any: by column
    value = field_value(item, column)
    if value is ANYWHERE:
        return END_ANYWHERE_WORDS[0]
    if isinstance(value, str):
        try:
            back = parse_cell(column.kind, value, _UTC_CLOCK)
        except CellFault:
            back = None
        if back != value or not value.strip():
            lost.append(f"{kind} '{item.id}', {column.field}: would read back otherwise")
    if column.kind == "skills":
        return {name: skill.model_dump() for name, skill in value.items()}
    if column.kind in ("windows", "spans", "breaks") and value is not None:
        return [window.model_dump() for window in value]
    return value


_UTC_CLOCK: Final = Clock(UTC)


def _rows_frame(table: RowTable, problem: Problem | None, timezone: str | None) -> pd.DataFrame:
    zone = timezone or ("UTC" if problem is None else problem.timezone)
    try:
        ZoneInfo(zone)
    except (OSError, KeyError, ValueError, TypeError):
        raise AdapterError(
            f"{zone!r} is no IANA time zone. Pass for example Asia/Shanghai."
        ) from None
    dtypes: dict[str, Any] = {
        "text": object,
        "int": "Int64",
        "float": "float64",
        "flag": "boolean",
        "time": pd.DatetimeTZDtype(unit=_TIME, tz=zone),
    }
    return pd.DataFrame(
        {
            name: pd.Series([row[i] for row in table.rows], dtype=dtypes[kind])
            for i, (name, kind) in enumerate(table.columns.items())
        }
    )
