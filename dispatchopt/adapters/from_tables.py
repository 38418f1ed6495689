"""Three tables of objects and the settings beside them -> a problem: frames and databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack
from zoneinfo import ZoneInfo

from dispatchopt.adapters.assemble import OnBadRow, Settings, assemble
from dispatchopt.adapters.days import day_of
from dispatchopt.adapters.headers import (
    ENGINEER_COLUMNS,
    SHIFT_COLUMNS,
    TICKET_COLUMNS,
    Column,
)
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.objects import is_missing, read_instant
from dispatchopt.adapters.places import (
    CoordinateSettings,
    Geocoder,
    Whereabouts,
    checked_coordinates,
    read_places,
)
from dispatchopt.adapters.tables import CellReader, Sheet, Table, read_sheet
from dispatchopt.adapters.travel_rows import TravelFault, missing_pairs, table_from_rows
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.limits.apply import LimitSettings, checked_settings
from dispatchopt.models import FaultType, Plan, Policy, Span

if TYPE_CHECKING:
    from datetime import tzinfo

    from dispatchopt.adapters.day_parts import Hours
    from dispatchopt.adapters.days import PlanDay
    from dispatchopt.adapters.roster import Names
    from dispatchopt.models.intake import Intake


class Given(TypedDict, total=False):
    """What stands beside the tables, raw or as models; see `frames.problem_from_frames`."""

    policy: Policy | Mapping[str, Any] | None  # Any: raw data
    timezone: str | None
    horizon: Span | tuple[datetime, datetime] | None
    now: datetime | None
    fault_types: Sequence[FaultType | Mapping[str, Any]]  # Any: raw data
    previous_plan: Plan | None
    schema_version: str
    limits: str | Mapping[str, Any] | None  # Any: raw data
    coordinates: str | Mapping[str, Any] | None  # Any: raw data
    geocoder: Geocoder | None
    day_parts: Mapping[str, Hours] | None
    shift_hours: Names | None
    appointment_minutes: int | None
    plan_day: PlanDay | None


def problem_from_tables(
    tables: Mapping[str, Table | None],
    cells: CellReader,
    travel: Any,  # Any: a model or raw data
    issues: list[Issue],
    warnings: list[Issue],
    *,
    on_bad_row: OnBadRow,
    **given: Unpack[Given],
) -> Intake:
    """Make a problem from tables.

    Parameters
    ----------
    tables
        By name: ``tickets``, ``engineers``, ``shifts``; None if one could not be read. Also
        ``places``, if there are stand-ins for coordinates that lack.
    cells
        Reads the cells that are not absent.
    issues, warnings
        The reader's own.

    Raises
    ------
    InvalidProblemError
        With every fault found; `line` counts the rows of a table from 1.
    """
    zone = _zone(given.get("timezone"), issues)
    clock = Clock(zone, given.get("day_parts"))
    book = tables.get("places")
    whereabouts = _whereabouts(given, book, cells, clock, issues, warnings)
    needs_place = not (whereabouts.book or whereabouts.geocoder)
    sheets = {
        name: _sheet(tables[name], name, columns, clock, issues, cells, needs_place)
        for name, columns in _COLUMNS.items()
    }
    policy = given.get("policy")
    head: dict[str, Any] = {
        "schema_version": given.get("schema_version", "1"),
        "travel": travel,
        "policy": Policy() if policy is None else policy,
        "fault_types": given.get("fault_types", ()),
        "previous_plan": given.get("previous_plan"),
        "now": _setting(given.get("now"), "now", clock, issues),
        "timezone": given.get("timezone") if zone is not None else None,
        "horizon": _horizon(given.get("horizon"), clock, issues),
    }
    if clock.naive_count and given.get("timezone") is None:
        issues.append(_missing_zone(clock))
    settings = Settings(
        head={key: value for key, value in head.items() if value is not None},
        zone=zone,
        travel_known=not any(issue.kind == "travel" for issue in issues),
        engineers_known=bool(sheets["engineers"].headers),
        file_order=("", "places", *_COLUMNS),
        warnings=tuple(warnings),
        whereabouts=whereabouts,
        limits=_limits(given.get("limits"), issues),
        day_parts=given.get("day_parts"),
        shift_hours=given.get("shift_hours"),
        appointment_minutes=given.get("appointment_minutes"),
        day=day_of(given.get("plan_day"), head["now"] or datetime.now(UTC), zone),
    )
    return assemble(
        sheets["tickets"],
        sheets["engineers"],
        sheets["shifts"],
        settings,
        issues,
        on_bad_row=on_bad_row,
    )


def travel_from_rows(
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],  # Any: cells
    issues: list[Issue],
    warnings: list[Issue],
) -> dict[str, Any]:  # Any: raw data
    """Return the raw travel table of rows in the long or the square form."""
    texts = [
        (line, ["" if is_missing(cell) else str(cell) for cell in row])
        for line, row in enumerate(rows, start=1)
    ]
    try:
        places, seconds = table_from_rows([(0, list(header)), *texts], "travel")
    except TravelFault as fault:
        issues.extend(fault.issues)
        return {"kind": "matrix", "places": (), "seconds": ()}
    warnings.extend(missing_pairs(places, seconds, "travel"))
    return {"kind": "matrix", "places": places, "seconds": seconds}


_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "engineers": ENGINEER_COLUMNS,
    "shifts": SHIFT_COLUMNS,
    "tickets": TICKET_COLUMNS,
}


def _sheet(
    table: Table | None,
    name: str,
    columns: tuple[Column, ...],
    clock: Clock,
    issues: list[Issue],
    cells: CellReader,
    needs_place: bool,
) -> Sheet:
    if table is None:
        return Sheet(name, columns, complete=False)
    kind = name.removesuffix("s")
    return read_sheet(table, columns, kind, clock, issues, cells, needs_place=needs_place)


def _whereabouts(
    given: Given,
    places: Table | None,
    cells: CellReader,
    clock: Clock,
    issues: list[Issue],
    warnings: list[Issue],
) -> Whereabouts:
    raw = given.get("coordinates")
    settings = CoordinateSettings()
    try:
        settings = checked_coordinates({} if raw is None else raw)
    except InvalidProblemError as error:
        issues.extend(error.issues)
    found = Whereabouts(settings, geocoder=given.get("geocoder"))
    if places is not None:
        found.book = read_places(places, settings, clock, issues, warnings, cells)
        found.book_file = "places"
    return found


def _zone(name: str | None, issues: list[Issue]) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError, TypeError):
        message = "no IANA time zone; write for example Asia/Shanghai"
        issues.append(Issue("problem", "", "timezone", str(name)[:60], message))
        return None


def _limits(raw: Any, issues: list[Issue]) -> LimitSettings | None:  # Any: raw data
    if raw is None:
        return None
    try:
        return checked_settings({"preset": raw} if isinstance(raw, str) else raw)
    except InvalidProblemError as error:
        issues.extend(error.issues)
        return None


def _missing_zone(clock: Clock) -> Issue:
    where = "the settings"
    if clock.first_naive is not None:
        file, line, header = clock.first_naive
        where = f"{file}, row {line}, {header}"
    return Issue(
        "problem", "", "timezone", "",
        f"is required: {clock.naive_count} times have no zone, the first at {where}. "
        'Pass timezone="Asia/Shanghai", or localise the columns',
    )  # fmt: skip


def _setting(value: Any, field: str, clock: Clock, issues: list[Issue]) -> datetime | None:
    if is_missing(value):
        return None
    try:
        return read_instant(value, clock)
    except CellFault as fault:
        issues.append(Issue("problem", "", field, str(value)[:60], str(fault)))
        return None


def _horizon(horizon: Any, clock: Clock, issues: list[Issue]) -> Any:  # Any: raw data
    if horizon is None or isinstance(horizon, Span | Mapping):
        return horizon
    if not isinstance(horizon, tuple | list) or len(horizon) != 2:
        issues.append(Issue("problem", "", "horizon", "", "must be a pair of times, or a Span"))
        return None
    start = _setting(horizon[0], "horizon.start", clock, issues)
    end = _setting(horizon[1], "horizon.end", clock, issues)
    return None if start is None or end is None else {"start": start, "end": end}
