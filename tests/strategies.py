"""Random small problems over every rule, for `hypothesis`.

`LINES` has one line for each rule: the fields that make it matter. A problem switches some of the
rules on and draws their fields; all others stay absent. Numbers come from small grids, so that ties
and boundaries occur.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from dispatchopt.models import (
    Engineer,
    FaultType,
    Plan,
    Policy,
    Problem,
    Route,
    Shift,
    Ticket,
    Visit,
)
from tests import small

ABSENT = object()
"""Stands for a field that is not given at all (an explicit None may mean something else)."""

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
OPENING = MIDNIGHT + timedelta(hours=8)
PLACES = ("a", "b", "c", "d")
TRAVEL_MINUTES = (0, 0, 15, 15, 15, 30, 30, 30, 60, None)  # None: no way
RATES = (0, 0, 100, 3600, 5400, 7001)
PRICES = (0, 0, 300, 1800, 7201)
HEAVY = (144_000, 21_600, 36_000, 1000, 0)

FAULT_TYPES = (
    FaultType.model_validate({"code": "plain", "duration": {"mean": 1800}}),
    FaultType.model_validate(
        {"code": "wired", "skills": {"fibre": 2}, "duration": {"mean": 900}, "parts": ["ont"]}
    ),
)

Fields = dict[str, st.SearchStrategy[Any]]


class Line(NamedTuple):
    """The fields that make one rule matter, by the model that they belong to."""

    ticket: Fields = {}
    engineer: Fields = {}
    shift: Fields = {}
    policy: Fields = {}
    problem: Fields = {}


def maybe(*values: Any, absent: int = 1) -> st.SearchStrategy[Any]:
    """Draw one of the values, or nothing; `absent` weighs nothing."""
    return st.sampled_from((*[ABSENT] * absent, *values))


def at_times(strategy: st.SearchStrategy[Any], absent: int = 1) -> st.SearchStrategy[Any]:
    """Draw from the strategy, or nothing; `absent` weighs nothing."""
    return st.sampled_from((False,) * absent + (True,)).flatmap(
        lambda given: strategy if given else st.just(ABSENT)
    )


def minutes(*values: int, absent: int = 1) -> st.SearchStrategy[Any]:
    """Draw a time so many minutes after the first shift could begin."""
    return maybe(*(OPENING + timedelta(minutes=m) for m in values), absent=absent)


def by_priority(values: tuple[int, ...]) -> st.SearchStrategy[dict[int, int]]:
    return st.fixed_dictionaries({level: st.sampled_from(values) for level in (1, 2, 3, 4)})


def _window(opens: int, length: int) -> dict[str, datetime]:
    start = OPENING + timedelta(minutes=opens)
    return {"open": start, "close": start + timedelta(minutes=length)}


_WINDOW = st.builds(
    _window,
    st.sampled_from((-60, 0, 15, 30, 60, 90, 120, 180, 360, 1440)),
    st.sampled_from((60, 600, 30, 15, 0)),
)
_IDS = st.sampled_from((("t0",), ("t1",), ("t0", "t2"), ()))
_ENGINEERS = st.sampled_from((("e1",), ("e0",), ("e0", "e1"), ()))
_SKILL = st.sampled_from(
    (
        2,
        3,
        1,
        {"level": 3, "expires": MIDNIGHT.date()},
        {"level": 2, "expires": date(2026, 3, 1)},
    )
)


_AREAS: Fields = {"territory": maybe("north", "south", absent=2)}
_AREAS_SERVED: Fields = {
    "territories": maybe(("north",), ("south", "north"), ()),
    "helper_territories": maybe(("south",), ("north",), ()),
}


def _break(earliest: int, slack: int, duration: int) -> dict[str, Any]:
    return {"earliest": earliest, "latest": earliest + slack, "duration": 60 * duration}


_BREAK = st.builds(  # minutes after the shift's start; `_shift` makes them times
    _break,
    st.sampled_from((60, 30, 90, 120, 0, -30)),
    st.sampled_from((30, 15, 0, 60)),
    st.sampled_from((30, 15, 0)),
)

LINES: dict[str, Line] = {
    "travel_time": Line(engineer={"travel_profile": maybe("bike", "van")}),
    "service_time": Line(
        ticket={"duration": maybe(1, 900, 1800, 3600, 5000)},
        engineer={"duration_percent": maybe(67, 150)},
    ),
    "shift_hours": Line(
        shift={
            "available_from": minutes(-60, 15, 60, absent=2),
            "start_place": maybe(*PLACES, absent=2),
            "end_place": maybe(None, None, *PLACES),
        }
    ),
    "breaks": Line(shift={"breaks": st.tuples(_BREAK) | st.tuples(_BREAK, _BREAK)}),
    "windows": Line(
        ticket={
            "windows": at_times(st.lists(_WINDOW, max_size=3)),
            "appointment": at_times(_WINDOW, absent=3),
            "earliest": minutes(0, 30, 60, absent=3),
            "known_at": minutes(-600, 30, absent=3),
        }
    ),
    "latest": Line(ticket={"latest": minutes(60, 75, 90, 120, 180, 1500)}),
    "skills": Line(
        ticket={"skills": maybe({}, {"fibre": 1}, {"fibre": 2, "iptv": 1})},
        engineer={"skills": st.fixed_dictionaries({"fibre": _SKILL}, optional={"iptv": _SKILL})},
        problem={"timezone": maybe("Asia/Shanghai", "America/New_York")},
    ),
    "territory": Line(
        ticket=_AREAS,
        engineer=_AREAS_SERVED,
        policy={"territory_open_to": st.sampled_from(((), (1,), (1, 2)))},
    ),
    "refused_engineers": Line(ticket={"refused_engineers": at_times(_ENGINEERS, absent=3)}),
    "crew": Line(ticket={"crew_size": maybe(2, absent=3)}, shift={"members": maybe(2)}),
    "prerequisites": Line(ticket={"after": at_times(_IDS, absent=4)}),
    "standby": Line(shift={"min_priority": maybe(3, 2, 1, absent=2)}),
    "parts": Line(
        ticket={"parts": maybe({}, {"ont": 1}, {"ont": 2}, {"ont": 1, "cable": 3}, absent=3)},
        engineer={"stock": maybe({"ont": 2}, {"ont": 1, "cable": 5}, {})},
        shift={"stock": maybe({"ont": 3, "cable": 3}, {})},
    ),
    "max_visits": Line(shift={"max_visits": maybe(2, 1, 1, 0)}),
    "travel": Line(policy={"travel_per_hour": st.sampled_from(RATES)}),
    "delay": Line(policy={"delay_per_hour": by_priority(RATES)}),
    "lateness": Line(
        ticket={"due": minutes(-1500, 0, 30, 60, 75, 120, 300, 2000)},
        policy={"late_cost": by_priority(PRICES), "late_per_hour": by_priority(RATES)},
    ),
    "window_margin": Line(
        ticket={"appointment": at_times(_WINDOW)},
        policy={
            "margin_minutes": st.sampled_from((30, 0, 15, 60, 1000)),
            "margin_per_hour": st.sampled_from(RATES),
        },
    ),
    "overtime": Line(
        shift={
            "max_overtime": maybe(900, 3600),
            "reserved_minutes": maybe(90, 30, 60, 600, absent=3),
        },
        policy={"overtime_per_hour": st.sampled_from(RATES)},
    ),
    "balance": Line(
        engineer={"recent": maybe((30, 60), (60, 60), (100, 70), (0, 60))},
        shift={"reserved_minutes": maybe(15, 30)},
        policy={"balance_per_hour": st.sampled_from(RATES)},
    ),
    "reserve": Line(
        policy={
            "reserve_percent": st.sampled_from(({}, {"*": 10}, {"fibre": 50, "*": 0}, {"*": 100})),
            "reserve_per_hour": st.sampled_from(RATES),
        }
    ),
    "overskill": Line(policy={"overskill_cost": st.sampled_from(PRICES)}),
    "helper_territory": Line(
        ticket=_AREAS,
        engineer=_AREAS_SERVED,
        policy={"helper_territory_cost": st.sampled_from(PRICES)},
    ),
    "preferred_engineers": Line(
        ticket={"preferred_engineers": at_times(_ENGINEERS)},
        policy={"not_preferred_cost": st.sampled_from(PRICES)},
    ),
    "change": Line(
        policy={"change_cost": st.sampled_from(PRICES)},
        problem={"previous_plan": st.lists(st.sampled_from((None, "s0", "s1")), max_size=8)},
    ),
    "unserved": Line(
        ticket={
            "carried_over": maybe(1, 3),
            "reported_at": minutes(-60, -1500, -4000),
        },
        policy={
            "unserved_cost": by_priority(HEAVY),
            "unserved_per_hour": by_priority(RATES),
            "age_per_day": st.sampled_from(PRICES),
            "priorities": st.sampled_from(("priced", "priced", "lexicographic")),
        },
    ),
    "broken_promise": Line(policy={"broken_promise_cost": st.sampled_from((*HEAVY, 3_600_000))}),
    "locks": Line(
        ticket={
            "status": maybe("started", "parked", "done", "cancelled", absent=12),
            "lock": maybe("engineer", "visit", "visit", "started"),
            "assigned_engineer": st.sampled_from(("e0", "e0", "e1")),
            "assigned_start": minutes(-30, 0, 15, 30, 30, 60, 120, 400, 3000, absent=0),
        },
        problem={"now": minutes(-60, 0, 30, 60, 90, absent=2)},
    ),
}
"""One line for each rule of the registry."""


_SWITCHES = st.tuples(*[st.sampled_from((False, False, True))] * len(LINES))


@st.composite
def problems(
    draw: st.DrawFn, *, max_tickets: int = 4, max_shifts: int = 2, always: str = ""
) -> Problem:
    """Draw a valid problem with at most so many tickets and shifts, and any set of rules.

    `always` names a rule whose fields are drawn in each of them.
    """
    switches = zip(LINES.items(), draw(_SWITCHES), strict=True)
    lines = [line for (name, line), on in switches if on or name == always]
    whole = _draw(draw, {}, [line.problem for line in lines])
    now = whole.get("now")
    roster = _roster(draw, lines, max_shifts)
    count = draw(st.sampled_from(range(max_tickets, 0, -1)))
    tickets = [_ticket(draw, lines, f"t{i}", count, len(roster), now) for i in range(count)]
    previous = whole.pop("previous_plan", None)
    return Problem(
        horizon={"start": MIDNIGHT, "end": MIDNIGHT + timedelta(days=2 + max_shifts // 2)},
        fault_types=FAULT_TYPES,
        tickets=tickets,
        engineers=roster,
        travel=_travel(draw),
        policy=_policy(draw, lines),
        previous_plan=None if previous is None else _previous_plan(previous),
        **whole,
    )


def _draw(draw: st.DrawFn, base: Fields, groups: list[Fields]) -> dict[str, Any]:
    """Draw the base fields and those of the groups; a field of several groups is drawn once."""
    fields = dict(base)
    for group in groups:
        fields.update(group)
    values = {name: draw(strategy) for name, strategy in fields.items()}
    return {name: value for name, value in values.items() if value is not ABSENT}


def _policy(draw: st.DrawFn, lines: list[Line]) -> Policy:
    base: Fields = {"preset": st.sampled_from(("balanced", "balanced", "city_day", "strict"))}
    return Policy(**_draw(draw, base, [line.policy for line in lines]))


_TABLE = st.lists(st.sampled_from(TRAVEL_MINUTES), min_size=16, max_size=16)


def _travel(draw: st.DrawFn) -> dict[str, Any]:
    """Two profiles over the places, as different and as asymmetric as can be."""
    return {
        "kind": "profiles",
        "profiles": {name: _matrix(draw(_TABLE)) for name in ("bike", "van")},
    }


def _matrix(cells: list[int | None]) -> dict[str, Any]:
    rows: list[list[int | None]] = []
    for i in range(4):
        row = [None if cell is None else 60 * cell for cell in cells[4 * i : 4 * i + 4]]
        # The diagonal is mostly 0 in the field, but nothing in the format says so.
        row[i] = 900 if row[i] == 3600 else 0
        rows.append(row)
    return {"kind": "matrix", "places": PLACES, "seconds": rows}


def _roster(draw: st.DrawFn, lines: list[Line], max_shifts: int) -> list[Engineer]:
    """Engineers with shifts one after the other: mornings, afternoons, the next day."""
    num_shifts = draw(st.sampled_from(range(max_shifts, 0, -1)))
    owners = [0]
    for _ in range(num_shifts - 1):
        owners.append(owners[-1] + draw(st.sampled_from((1, 1, 0))))
    shifts: dict[int, list[Shift]] = {}
    for s, owner in enumerate(owners):
        own = shifts.setdefault(owner, [])
        own.append(_shift(draw, lines, f"s{s}", len(own)))
    base: Fields = {
        "place": st.sampled_from(PLACES),
        "skills": st.sampled_from(({"fibre": 3, "iptv": 2}, {"fibre": 2}, {"fibre": 2}, {})),
    }
    roster = [_engineer(draw, lines, base, f"e{e}", own) for e, own in sorted(shifts.items())]
    if draw(st.sampled_from((False, False, True))):
        # Equal shifts are a case of their own for solvers.
        roster = [_clone(engineer, roster[0]) for engineer in roster]
    return roster


def _engineer(
    draw: st.DrawFn, lines: list[Line], base: Fields, engineer_id: str, shifts: list[Shift]
) -> Engineer:
    fields = _draw(draw, base, [line.engineer for line in lines])
    worked, paid = fields.pop("recent", (0, 0))
    return Engineer(
        id=engineer_id,
        shifts=tuple(shifts),
        recent_minutes=worked,
        recent_paid_minutes=paid,
        **fields,
    )


def _clone(engineer: Engineer, model: Engineer) -> Engineer:
    """Make an engineer of as many shifts as before, each like one of the model's."""
    shifts = tuple(
        like.model_copy(update={"id": own.id})
        for own, like in zip(engineer.shifts, model.shifts, strict=False)
    )
    return model.model_copy(update={"id": engineer.id, "shifts": shifts})


def _shift(draw: st.DrawFn, lines: list[Line], shift_id: str, number: int) -> Shift:
    """Draw shift `number` of an engineer: 08:00 or 14:00 of a day, and at most 6 h in all."""
    base: Fields = {
        "late_start": st.sampled_from((0, 30)),
        "length": st.sampled_from((240, 180, 120, 90)),
    }
    fields = _draw(draw, base, [line.shift for line in lines])
    start = OPENING + timedelta(days=number // 2, hours=6 * (number % 2))
    start += timedelta(minutes=fields.pop("late_start"))
    length = fields.pop("length")
    latest_end = length + fields.get("max_overtime", 0) / 60
    fields["breaks"] = tuple(
        {
            "earliest": start + timedelta(minutes=pause["earliest"]),
            "latest": start + timedelta(minutes=pause["latest"]),
            "duration": pause["duration"],
        }
        for pause in fields.get("breaks", ())
        if pause["latest"] >= 0 and pause["earliest"] < latest_end  # others are refused at input
    )
    end = start + timedelta(minutes=length)
    return Shift(id=shift_id, start=start, end=end, **fields)


_TICKET: Fields = {
    "place": st.sampled_from(PLACES),
    "priority": st.sampled_from((1, 2, 3, 4)),
    "fault_type": st.sampled_from(("plain", "plain", "plain", "wired")),
}


def _ticket(
    draw: st.DrawFn,
    lines: list[Line],
    ticket_id: str,
    num_tickets: int,
    num_engineers: int,
    now: datetime | None,
) -> Ticket:
    fields = _draw(draw, _TICKET, [line.ticket for line in lines])
    if "latest" in fields and "earliest" in fields:
        fields["latest"] = max(fields["latest"], fields["earliest"])
    ids = {f"t{i}" for i in range(num_tickets)} - {ticket_id}
    if "after" in fields:
        fields["after"] = tuple(other for other in fields["after"] if other in ids)
    if fields.get("assigned_engineer") == "e1" and num_engineers < 2:
        fields["assigned_engineer"] = "e0"
    is_started = "started" in (fields.get("status"), fields.get("lock"))
    if is_started and now is not None:
        fields["assigned_start"] = min(fields["assigned_start"], now)
    return Ticket(id=ticket_id, **fields)


def _previous_plan(shift_of: list[str | None]) -> Plan:
    """Build a plan in force with orders only; it may name what the problem no longer knows."""
    return Plan(
        routes=tuple(
            Route(
                shift_id=shift_id,
                visits=tuple(
                    Visit(ticket_id=f"t{i}") for i, s in enumerate(shift_of) if s == shift_id
                ),
            )
            for shift_id in ("s0", "s1")
        )
    )


@st.composite
def break_problems(draw: st.DrawFn) -> Problem:
    """Draw a problem of one long day in which two breaks are hard to place.

    Long ways, so that both may lie on one leg in either order; ends anywhere; a started visit.
    """
    pauses: list[dict[str, Any]] = [
        {
            "earliest": OPENING + timedelta(minutes=draw(st.sampled_from((0, 30, 60, 75, 90)))),
            "duration": 60 * draw(st.sampled_from((30, 60, 15))),
        }
        for _ in range(2)
    ]
    for pause in pauses:
        pause["latest"] = pause["earliest"] + timedelta(minutes=draw(st.sampled_from((0, 15, 90))))
    shift = {
        "breaks": pauses,
        "end": OPENING + timedelta(minutes=draw(st.sampled_from((240, 150, 135)))),
        "max_overtime": 60 * draw(st.sampled_from((0, 90))),
        **draw(st.sampled_from(({}, {}, {"end_place": None}))),
    }
    started = {
        "status": "started",
        "assigned_engineer": "e0",
        "assigned_start": OPENING,
        "place": draw(st.sampled_from(("a", "b"))),
    }
    tickets = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "duration": st.sampled_from((900, 1800, 3600)),
                    "place": st.sampled_from(("b", "a")),
                    "windows": st.lists(_WINDOW, max_size=1),
                }
            ),
            max_size=2,
        )
    )
    way = 60 * draw(st.sampled_from((60, 30, 45)))
    return small.problem(
        [*tickets, started] if draw(st.sampled_from((False, False, True))) else tickets,
        seconds=[[0, way], [way, 0]],
        shift=shift,
    )
