"""More days like the public city days: drawn from the same shares, any number of them.

The three city days of 100 tickets in the data folder are too few to count days by; these are made
the same way. What they have in common was read off those files: 7.5 tickets an engineer, one shift
of nine hours, kinds of tickets with their skills, shares and mean durations (log-normal), the share
of engineers with each skill, windows of two hours (45 %), half a day (30 %) and a day (25 %),
priorities 8 / 22 / 50 / 20 %, travel at 25 km/h along 1.3 of the straight line and three minutes.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from dispatchopt import Engineer, Matrix, Policy, Problem, Shift, Skill, Span, Ticket, Window

TICKETS_AN_ENGINEER = 7.5
SIDE_KM = 12.2
"""Side of the square that 100 tickets lie in; mean travel is then that of the public days."""

METRES_A_SECOND, DETOUR, STOP_SECONDS = 25 / 3.6, 1.3, 180
SPREAD = 0.18
"""Standard deviation of the logarithm of durations of one kind."""

BEGIN, ZONE = datetime(2026, 11, 23), ZoneInfo("Asia/Shanghai")


class _Kind(NamedTuple):
    share: float
    minutes: float
    skills: tuple[str, ...]


KINDS = (
    _Kind(0.39, 41, ()),
    _Kind(0.17, 76, ("FIBER_SPLICE",)),
    _Kind(0.16, 34, ("IPTV",)),
    _Kind(0.11, 97, ("ENTERPRISE_LINE",)),
    _Kind(0.07, 58, ("WIRELESS",)),
    _Kind(0.07, 112, ("FIBER_SPLICE", "WORK_AT_HEIGHT")),
    _Kind(0.03, 122, ("ENTERPRISE_LINE", "FIBER_SPLICE", "WORK_AT_HEIGHT")),
)
ENGINEERS_WITH = {
    "IPTV": 0.67,
    "FIBER_SPLICE": 0.5,
    "WIRELESS": 0.33,
    "WORK_AT_HEIGHT": 0.28,
    "ENTERPRISE_LINE": 0.23,
}
WINDOWS = (
    *((0.45 / 4, hour, hour + 2) for hour in (8.5, 10.5, 12.5, 14.5)),
    (0.15, 8.5, 12.0),
    (0.15, 13.0, 17.0),
    (0.25, 8.5, 17.0),
)
PRIORITIES = (0.08, 0.22, 0.50, 0.20)


def make_city_day(*, tickets: int, seed: int) -> Problem:
    """Return a day of so many tickets; every kind of ticket has an engineer who can do it."""
    rng = np.random.default_rng([seed, tickets])
    num = round(tickets / TICKETS_AN_ENGINEER)
    team = [set[str]() for _ in range(num)]
    for skills in team:
        skills.update(name for name, share in ENGINEERS_WITH.items() if rng.random() < share)
    for kind in KINDS:
        if not any(skills.issuperset(kind.skills) for skills in team):
            team[int(rng.integers(num))].update(kind.skills)
    side = SIDE_KM * math.sqrt(tickets / 100)
    where = rng.uniform(0, side, (num + tickets, 2))
    engineers = [f"E{i:04d}" for i in range(num)]
    ids = [f"T{i:05d}" for i in range(tickets)]
    return Problem(
        horizon=Span(start=_at(0), end=_at(24)),
        timezone="Asia/Shanghai",
        tickets=tuple(_ticket(rng, ticket_id) for ticket_id in ids),
        engineers=tuple(
            Engineer(
                id=e,
                place=e,
                skills={name: Skill(level=1) for name in ("BROADBAND", *sorted(skills))},
                shifts=(Shift(id=f"{e}-d0", start=_at(8.5), end=_at(17.5)),),
            )
            for e, skills in zip(engineers, team, strict=True)
        ),
        travel=Matrix(kind="matrix", places=(*engineers, *ids), seconds=_seconds(where)),
        policy=Policy(preset="city_day"),
    )


def _ticket(rng: np.random.Generator, ticket_id: str) -> Ticket:
    kind = KINDS[int(rng.choice(len(KINDS), p=[kind.share for kind in KINDS]))]
    spread = float(np.exp(rng.normal(-(SPREAD**2) / 2, SPREAD)))
    _, opens, closes = WINDOWS[int(rng.choice(len(WINDOWS), p=[share for share, *_ in WINDOWS]))]
    return Ticket(
        id=ticket_id,
        fault_type="ONT_REPLACE",
        place=ticket_id,
        priority=1 + int(rng.choice(4, p=PRIORITIES)),
        duration=60 * round(kind.minutes * spread),
        skills=dict.fromkeys(("BROADBAND", *kind.skills), 1),
        windows=(Window(open=_at(opens), close=_at(closes)),),
    )


def _at(hour: float) -> datetime:
    return (BEGIN + timedelta(hours=hour)).replace(tzinfo=ZONE)


def _seconds(where: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> list[list[int]]:
    """Return travel between points given in kilometres; none from a place to itself."""
    apart = np.hypot(*(where[:, None, :] - where[None, :, :]).transpose(2, 0, 1)) * 1000
    seconds = np.ceil(apart * DETOUR / METRES_A_SECOND).astype(np.int64) + STOP_SECONDS
    np.fill_diagonal(seconds, 0)
    rows: list[list[int]] = seconds.tolist()
    return rows
