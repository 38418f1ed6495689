"""What no reader refuses and yet cannot be: times, doubles, crews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.doctor.findings import Finding, Level, row_key, safe_id

if TYPE_CHECKING:
    from dispatchopt.adapters.tables import Item, Sheet
    from dispatchopt.models import FaultType

REPEAT_DAYS: Final = 30
SERVICE_KEYS: Final = (
    "service_id", "service", "account", "customer_id", "业务号码", "宽带账号", "产品号码", "账号",
)  # fmt: skip
"""Keys under `attributes` that tell which service a ticket is about."""

_OLD: Final = timedelta(days=180)
_LONG_SHIFT: Final = timedelta(hours=16)
_BRIEF, _LENGTHY = 5 * 60, 10 * 3600

Values = Mapping[str, Any]  # Any: values of cells by column
_Test = Callable[[Values, datetime], bool]


def _both(values: Values, first: str, second: str) -> tuple[datetime, datetime] | None:
    one, other = values.get(first), values.get(second)
    is_pair = isinstance(one, datetime) and isinstance(other, datetime)
    return (one, other) if is_pair else None  # type: ignore[return-value]


def _before(first: str, second: str) -> _Test:
    """Return a test whether the first time lies before the second."""

    def test(values: Values, _now: datetime) -> bool:
        pair = _both(values, first, second)
        return pair is not None and pair[0] < pair[1]

    return test


def _is_open(values: Values) -> bool:
    return values.get("status", "open") in ("open", "started")


def _reported(values: Values) -> datetime | None:
    when = values.get("reported_at")
    return when if isinstance(when, datetime) else None


_TICKET_TESTS: Final[tuple[tuple[str, str, _Test], ...]] = (
    ("reported_at", "reported in the future; is the column or the time zone another?",
     lambda v, now: (when := _reported(v)) is not None and when > now
     and not (isinstance(known := v.get("known_at"), datetime) and known >= when)),
    ("reported_at", f"reported more than {_OLD.days} days ago and still open; is it stale?",
     lambda v, now: _is_open(v) and (when := _reported(v)) is not None and when < now - _OLD),
    ("due", "due before it was reported", _before("due", "reported_at")),
    ("latest", "latest before it was reported", _before("latest", "reported_at")),
    ("known_at", "known before it was reported", _before("known_at", "reported_at")),
    ("appointment_end", "the appointment ends before the report",
     _before("appointment_end", "reported_at")),
    ("assigned_start", "assigned to begin before the report",
     _before("assigned_start", "reported_at")),
    ("appointment_end", "the appointment is over and the ticket still open; book again",
     lambda v, now: _is_open(v) and v.get("status") != "started"
     and isinstance(end := v.get("appointment_end"), datetime) and end < now),
    ("parked", "parked before it was reported or in the future",
     lambda v, now: any(
         span["end"] > now or ((when := _reported(v)) is not None and span["start"] < when)
         for span in v.get("parked", ()))),
    ("duration_minutes", "less than 5 minutes or more than 10 hours on site; are the units right?",
     lambda v, _now: "duration_minutes" in v
     and not _BRIEF <= v["duration_minutes"] <= _LENGTHY),
)  # fmt: skip


def odd_times(tickets: Sheet, shifts: Sheet, now: datetime) -> Iterator[Finding]:
    """Yield times and durations that cannot be, or hardly."""
    for column, text, test in _TICKET_TESTS:
        yield from _found("doubt", tickets, column, text, _at(test, now))
    yield from _found(
        "doubt", shifts, "end", f"a shift of more than {_LONG_SHIFT / timedelta(hours=1):g} hours",
        lambda v: (pair := _both(v, "start", "end")) is not None
        and pair[1] - pair[0] > _LONG_SHIFT,
    )  # fmt: skip


def _at(test: _Test, now: datetime) -> Callable[[Values], bool]:
    return lambda values: test(values, now)


def doubles(tickets: Sheet) -> Iterator[Finding]:
    """Yield tickets that stand twice under two ids, and repeats within 30 days."""
    twice = Finding(
        "doubt", tickets.header_of("id"),
        "the same fault of the same case or service, reported at the same time under another id; "
        "close one of them", tickets.file,
    )  # fmt: skip
    again = Finding(
        "note",
        tickets.header_of("case_id"),
        f"another ticket of the same case or service within {REPEAT_DAYS} days: a repeat fault",
        tickets.file,
    )
    by_service: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in tickets.items:
        key = _service(item.values)
        if key is not None:
            by_service[key].append(item)
    for items in by_service.values():
        _pairs(items, twice, again)
    yield from (finding for finding in (twice, again) if finding.count)


def _service(values: Values) -> tuple[str, str] | None:
    """Return what two tickets of one service share."""
    attributes = values.get("attributes", {})
    for key in SERVICE_KEYS:
        found = attributes.get(key)
        if isinstance(found, str) and found.strip():
            return key, found.strip()
    return ("case_id", values["case_id"]) if "case_id" in values else None


def _pairs(items: list[Item], twice: Finding, again: Finding) -> None:
    timed = sorted(
        (item for item in items if _reported(item.values) is not None),
        key=lambda item: (item.values["reported_at"], item.line),
    )
    for before, item in zip(timed, timed[1:], strict=False):
        apart = item.values["reported_at"] - before.values["reported_at"]
        same = ("fault_type", "visit_no", "case_id")
        is_double = not apart and all(
            before.values.get(name) == item.values.get(name) for name in same
        )
        # One that is closed already takes no second visit.
        is_double &= _is_open(before.values) and _is_open(item.values)
        if before.id != item.id and apart <= timedelta(days=REPEAT_DAYS):
            text = f"{safe_id(item.id)} (line {item.line}) after {safe_id(before.id)}"
            (twice if is_double else again).note("ticket", row_key(item.id, item.line), text)


def crews(
    tickets: Sheet, engineers: Sheet, shifts: Sheet, catalogue: Mapping[str, FaultType]
) -> Iterator[Finding]:
    """Yield engineers who cannot work, and tickets that nobody can do."""
    working = {item.values.get("engineer_id") for item in shifts.items}
    if shifts.items:
        yield from _found("note", engineers, "id", "an engineer without a shift",
                          lambda v: v.get("id") not in working)  # fmt: skip
    if not engineers.items:
        return
    yield from _found("doubt", engineers, "skills", "an engineer without any skill",
                      lambda v: not v.get("skills"))  # fmt: skip
    best: dict[str, int] = {}
    for item in engineers.items:
        for name, skill in _mapping(item.values.get("skills")).items():
            best[name] = max(best.get(name, 0), _level(skill))

    def is_beyond_all(values: Values) -> bool:
        fault = catalogue.get(values.get("fault_type", ""))
        needs = values.get("skills", fault.skills if fault else {})
        return any(_level(level) > best.get(name, 0) for name, level in _mapping(needs).items())

    text = "asks for a skill or a level that no engineer has"
    yield from _found("doubt", tickets, "skills", text, is_beyond_all)


def _mapping(value: Any) -> Mapping[str, Any]:  # Any: a value of JSON
    return value if isinstance(value, Mapping) else {}


def _level(skill: Any) -> int:  # Any: a level, alone or with its expiry
    level = skill.get("level") if isinstance(skill, Mapping) else skill
    return level if isinstance(level, int) else 0


def _found(
    level: Level, sheet: Sheet, column: str, text: str, test: Callable[[Values], bool]
) -> Iterable[Finding]:
    """Return the finding of a test over the rows, if there is any."""
    header = sheet.headers.get(column, column)
    finding = Finding(level, header, text, sheet.file)
    for item in sheet.items:
        if test(item.values):
            example = f"{safe_id(item.id)}{f' (line {item.line})' if item.line else ''}"
            finding.note(item.kind, row_key(item.id, item.line), example)
    return [finding] if finding.count else []
