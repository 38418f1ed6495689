"""Problems made up whole: the days of one city branch."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.generator import demand
from dispatchopt.generator.calendar import Calendar
from dispatchopt.generator.city import RealPlaces, city_of, make_city
from dispatchopt.generator.crew import (
    BREAK_MINUTES,
    DAY_SHIFT,
    PAID_MINUTES,
    make_engineers,
    with_standby,
)
from dispatchopt.generator.drafts import Fields, make_drafts, set_aside, to_ticket
from dispatchopt.generator.promises import make_promises
from dispatchopt.models import (
    Engineer,
    FaultType,
    Matrix,
    Policy,
    Problem,
    Profiles,
    Shift,
    Skill,
    StraightLine,
    Ticket,
    Travel,
    builtin_fault_types,
)
from dispatchopt.models.presets import PRESETS
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_START = date(2026, 11, 23)
"""A Monday; never the clock, so that the same call gives the same problem on every day."""

TRAVEL_MINUTES = 9
"""Expected travel per visit in a good plan of the made-up city."""

_RESERVED_MINUTES = 8
_ATTENDANCE = 0.95
_PLANNABLE = 0.95


def generate(
    *,
    tickets: int,
    days: int = 1,
    seed: int = 0,
    engineers: int | None = None,
    pressure: float = 1.1,
    start: date = DEFAULT_START,
    timezone: str = "Asia/Shanghai",
    policy: str | Policy = "balanced",
    due_rule: demand.DueRule = "mixed",
    appointment_percent: int = 15,
    places: RealPlaces | None = None,
) -> Problem:
    """Make up believable days of one city branch, with nearly every field of the format in use.

    Tickets come from the built-in catalogue: homes in estates, business at sites, faults of the
    network. Engineers ride e-bikes or drive vans, most in their own grid; a few have the scarce
    skills. Appointments and locks can all be kept by one plan. Shares, speeds and hours are
    proposals, neither measured nor sourced.

    Parameters
    ----------
    tickets
        Number of tickets, all days together; about 5 % of them parked, done or cancelled.
    days
        Number of days planned at once, each with its shifts.
    seed
        Same options and seed, same problem.
    engineers
        Number of engineers, a fixed pair counting as one; None: as many as `pressure` asks for,
        about one for 7.5 tickets a day.
    pressure
        Work (services and expected travel) over working time; above 1 some tickets must stay out.
        Unused if `engineers` is given.
    start
        First day.
    timezone
        IANA name.
    policy
        Name of a preset, or a whole policy.
    due_rule
        Service-level limits of homes: statutory 48/72 h, the same day, or by customer.
    appointment_percent
        Share of all tickets that get a confirmed appointment, at most: one is given only to an open
        ticket with wished windows, up to three a shift, and only if one plan can keep all of them.
    places
        Real places with their travel table, all engineers in vans; None: a made-up city.

    Raises
    ------
    InvalidProblemError
        An option is out of its range.
    """
    calendar = _calendar(
        tickets,
        days,
        engineers,
        pressure,
        start,
        timezone,
        policy=policy if isinstance(policy, str) else "balanced",
        appointment_percent=appointment_percent,
    )
    rng = np.random.default_rng(seed)
    faults = builtin_fault_types()
    net = PAID_MINUTES - BREAK_MINUTES - _RESERVED_MINUTES
    num = engineers or with_standby(_regular(tickets * _PLANNABLE, days, pressure, net, faults))
    travel: Travel
    if places is None:
        city, travel = make_city(rng, tickets=tickets, engineers=num), _profiles()
    else:
        city, travel = city_of(rng, places=places, engineers=num), places.travel
    team = make_engineers(rng, city=city, calendar=calendar, num=num)
    drafts = make_drafts(
        rng,
        num=tickets,
        faults=faults,
        engineers=team,
        city=city,
        calendar=calendar,
        due_rule=due_rule,
    )
    set_aside(rng, drafts)
    make_promises(
        rng,
        tickets=drafts,
        engineers=team,
        catalogue={fault.code: fault for fault in faults},
        travel=travel,
        zone=calendar.zone,
        num=round(tickets * appointment_percent / 100),
    )
    return Problem(
        horizon=calendar.horizon(),
        timezone=timezone,
        tickets=tuple(to_ticket(draft) for draft in drafts),
        engineers=team,
        travel=travel,
        policy=Policy.model_validate({"preset": policy}) if isinstance(policy, str) else policy,
    )


def generate_plain(
    *,
    tickets: int,
    days: int = 1,
    seed: int = 0,
    engineers: int | None = None,
    pressure: float = 1.1,
    start: date = DEFAULT_START,
    timezone: str = "Asia/Shanghai",
    travel: Literal["points", "matrix"] = "matrix",
) -> Problem:
    """Make up days of the same branch in which only windows, skills and shift hours matter.

    The policy is ``city_day``: no breaks, due times, appointments, territories, stock, overtime or
    load, one speed for all, at most one window a ticket; comparable with plain routing engines.

    Parameters
    ----------
    tickets, days, seed, engineers, pressure, start, timezone
        As for `generate`; every ticket is open.
    travel
        ``points``: straight lines between coordinates; ``matrix``: the same times as a table.

    Raises
    ------
    InvalidProblemError
        An option is out of its range.
    """
    calendar = _calendar(tickets, days, engineers, pressure, start, timezone)
    rng = np.random.default_rng(seed)
    faults = tuple(fault for fault in builtin_fault_types() if fault.crew_size == 1)
    num = engineers or _regular(tickets, days, pressure, PAID_MINUTES, faults)
    city = make_city(rng, tickets=tickets, engineers=num)
    team = make_engineers(rng, city=city, calendar=calendar, num=num)
    team = tuple(_plain_engineer(engineer, calendar) for engineer in team)
    drafts = make_drafts(
        rng,
        num=tickets,
        faults=faults,
        engineers=team,
        city=city,
        calendar=calendar,
        due_rule="statutory",
    )
    catalogue = {fault.code: fault for fault in faults}
    problem = Problem(
        horizon=calendar.horizon(),
        timezone=timezone,
        tickets=tuple(_plain_ticket(draft, catalogue[draft["fault_type"]]) for draft in drafts),
        engineers=team,
        travel=StraightLine(kind="straight_line"),
        policy=Policy(preset="city_day"),
    )
    return problem if travel == "points" else _with_matrix(problem)


def _calendar(
    tickets: int,
    days: int,
    engineers: int | None,
    pressure: float,
    start: date,
    timezone: str,
    *,
    policy: str = "city_day",
    appointment_percent: int = 0,
) -> Calendar:
    """Check the options and return the days."""
    issues = [
        Issue("problem", "", name, str(value), message)
        for name, value, is_good, message in (
            ("tickets", tickets, tickets >= 1, "needs at least 1"),
            ("days", days, 1 <= days <= 366, "must be 1 to 366"),
            ("engineers", engineers, engineers is None or engineers >= 1, "needs at least 1"),
            ("pressure", pressure, 0.1 <= pressure <= 10, "must be 0.1 to 10; 1.1 is usual"),
            ("start", start, 1971 <= start.year <= 2990, "must lie in the years 1971 to 2990"),
            ("policy", policy, policy in PRESETS, f"no such preset; there are {sorted(PRESETS)}"),
            (
                "appointment_percent",
                appointment_percent,
                0 <= appointment_percent <= 100,
                "must be 0 to 100",
            ),
        )
        if not is_good
    ]
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, OSError, ValueError):
        message = "no IANA time zone; write for example Asia/Shanghai"
        issues.append(Issue("problem", "", "timezone", timezone, message))
    if issues:
        raise InvalidProblemError(issues)
    return Calendar(start=start, days=days, zone=zone)


def _regular(
    tickets: float, days: int, pressure: float, net_minutes: int, faults: Sequence[FaultType]
) -> int:
    """Return how many engineers, standby aside, make the work `pressure` times the time."""
    work = tickets * (demand.mean_minutes(faults) + TRAVEL_MINUTES)
    attendance = 1.0 if days == 1 else _ATTENDANCE
    return max(1, round(work / (pressure * net_minutes * attendance * days)))


def _profiles() -> Profiles:
    return Profiles(
        kind="profiles",
        profiles={
            "ebike": StraightLine(
                kind="straight_line", detour=1.25, speed_kmh=18.0, stop_overhead_s=120
            ),
            "van": StraightLine(
                kind="straight_line", detour=1.4, speed_kmh=26.0, stop_overhead_s=300
            ),
        },
    )


def _plain_engineer(engineer: Engineer, calendar: Calendar) -> Engineer:
    """Keep skills, place and shift hours; standby becomes a day shift."""
    return Engineer(
        id=engineer.id,
        skills={name: Skill(level=skill.level) for name, skill in engineer.skills.items()},
        place=engineer.place,
        shifts=tuple(_plain_shift(shift, calendar) for shift in engineer.shifts),
    )


def _plain_shift(shift: Shift, calendar: Calendar) -> Shift:
    if shift.min_priority is None:
        return Shift(id=shift.id, start=shift.start, end=shift.end)
    day = (shift.start.astimezone(calendar.zone).date() - calendar.start).days
    start, end = (calendar.at(day, minute) for minute in DAY_SHIFT)
    return Shift(id=shift.id, start=start, end=end)


def _plain_ticket(draft: Fields, fault: FaultType) -> Ticket:
    """Keep what any routing engine can be told: one window, skills spelled out."""
    kept = ("id", "fault_type", "place", "priority", "duration")
    plain = {name: draft[name] for name in kept}
    return to_ticket({**plain, "windows": draft["windows"][:1], "skills": dict(fault.skills)})


def _with_matrix(problem: Problem) -> Problem:
    """Replace the coordinates by a table with a place for each engineer and ticket."""
    # A place of its own for each owner, though two may share a point: the table is what counts.
    owners: list[Engineer | Ticket] = [*problem.engineers, *problem.tickets]
    points = [owner.place for owner in owners]
    times = TravelTimes.of(problem.travel, points, [None])
    index = np.array([times.place_index[point] for point in points])
    table = Matrix(
        kind="matrix",
        places=tuple(owner.id for owner in owners),
        seconds=times.seconds[0][np.ix_(index, index)],
    )
    parts = {
        "engineers": tuple(e.model_copy(update={"place": e.id}) for e in problem.engineers),
        "tickets": tuple(t.model_copy(update={"place": t.id}) for t in problem.tickets),
        "travel": table,
    }
    return problem.model_copy(update=parts)
