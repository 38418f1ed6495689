"""Engineers and shifts of a made-up city branch."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatchopt.generator.city import City, grid_id
from dispatchopt.models import Break, Engineer, Shift, Skill

if TYPE_CHECKING:
    from dispatchopt.generator.calendar import Calendar

DAY_SHIFT = (510, 1050)
LATE_SHIFT = (690, 1230)
STANDBY_SHIFT = (1050, 1380)
BREAK_MINUTES = 60
PAID_MINUTES = DAY_SHIFT[1] - DAY_SHIFT[0]

_HOME_SKILLS: tuple[dict[str, int], ...] = (
    {"BROADBAND": 2, "IPTV": 1, "HOME_NETWORK": 1, "FIBER_SPLICE": 2},
    {"BROADBAND": 2, "IPTV": 1, "HOME_NETWORK": 2, "FIBER_SPLICE": 1},
    {"BROADBAND": 1, "IPTV": 1, "HOME_NETWORK": 1, "COPPER_VOICE": 1},
    {"BROADBAND": 3, "IPTV": 2, "HOME_NETWORK": 2, "FIBER_SPLICE": 2, "COPPER_VOICE": 1},
    {"BROADBAND": 2, "IPTV": 1, "FIBER_SPLICE": 1},
)
_SKILLS: dict[str, dict[str, int]] = {
    "solo": {
        "BROADBAND": 2,
        "IPTV": 1,
        "HOME_NETWORK": 2,
        "FIBER_SPLICE": 2,
        "COPPER_VOICE": 1,
    },
    "rescue": {
        "BROADBAND": 2,
        "IPTV": 1,
        "HOME_NETWORK": 2,
        "FIBER_SPLICE": 3,
        "COPPER_VOICE": 2,
        "ENTERPRISE_LINE": 2,
        "WIRELESS": 2,
        "WORK_AT_HEIGHT": 1,
    },
    "line": {"BROADBAND": 1, "FIBER_SPLICE": 2, "COPPER_VOICE": 2, "WORK_AT_HEIGHT": 1},
    "line_pair": {"BROADBAND": 1, "FIBER_SPLICE": 3, "COPPER_VOICE": 2, "WORK_AT_HEIGHT": 1},
    "enterprise": {"BROADBAND": 1, "ENTERPRISE_LINE": 2, "FIBER_SPLICE": 2, "COPPER_VOICE": 1},
    "wireless": {"BROADBAND": 1, "FIBER_SPLICE": 1, "WIRELESS": 2, "WORK_AT_HEIGHT": 1},
    "standby": {"BROADBAND": 2, "IPTV": 1, "FIBER_SPLICE": 2, "WORK_AT_HEIGHT": 1},
}
_PAIRS = frozenset({"rescue", "line_pair", "wireless"})
_HOME_STOCK = ("光猫", "机顶盒", "路由器/组网子设备")


def with_standby(regular: int) -> int:
    """Return the size of a team that has `regular` engineers besides those on standby."""
    return regular + (max(1, regular // 15) if regular >= 8 else 0)


def make_engineers(
    rng: np.random.Generator, *, city: City, calendar: Calendar, num: int
) -> tuple[Engineer, ...]:
    """Make `num` engineers (a fixed pair counts as one), shift by shift.

    Most repair homes in their own grid and help in the next ones; a few line, enterprise and
    wireless crews work in the whole city and alone have the scarce skills.
    """
    roles = _roles(num)
    certificates = _certificates(rng, roles, calendar)
    return tuple(
        _engineer(rng, index, role, certificates[index], city, calendar)
        for index, role in enumerate(roles)
    )


def _roles(num: int) -> list[str]:
    if num == 1:
        return ["solo"]
    standby = max(1, num // 16) if num >= 9 else 0  # the inverse of `with_standby`
    regular = num - standby
    if regular < 8:
        return ["rescue", *["home"] * (num - 1)]
    lines = max(1, round(0.11 * regular))
    special = [
        *("line" if i % 3 else "line_pair" for i in range(lines)),
        *["enterprise"] * max(1, round(0.08 * regular)),
        *["wireless"] * round(0.03 * regular),
    ]
    return [*special, *["standby"] * standby, *["home"] * (regular - len(special))]


def _certificates(
    rng: np.random.Generator, roles: list[str], calendar: Calendar
) -> list[date | None]:
    """Return the last valid day of each work-at-height card; one runs out before the last day."""
    holders = [i for i, r in enumerate(roles) if "WORK_AT_HEIGHT" in _SKILLS.get(r, {})]
    cards: list[date | None] = [None] * len(roles)
    for index in holders:
        cards[index] = calendar.date(int(rng.integers(60, 2000)))
    singles = [i for i in holders if roles[i] not in _PAIRS]
    if singles:
        cards[singles[0]] = calendar.date(calendar.days // 2 - 1)
    elif holders:
        cards[holders[-1]] = calendar.date(calendar.days - 1)
    return cards


def _engineer(
    rng: np.random.Generator,
    index: int,
    role: str,
    certificate: date | None,
    city: City,
    calendar: Calendar,
) -> Engineer:
    grid = index % city.num_grids
    engineer_id = f"E{index + 1:03d}"
    is_home = role == "home"
    is_new = is_home and bool(rng.random() < 0.06)
    place = city.place_of_engineer(rng, grid)
    by_ebike = role == "solo" or (is_home and rng.random() < 0.8)
    paid = int(rng.integers(17, 22)) * (PAID_MINUTES - BREAK_MINUTES)
    roams = city.num_grids == 1 or not is_home
    return Engineer(
        id=engineer_id,
        name=f"抢修组 {index + 1:03d}" if role in _PAIRS else f"工程师 {index + 1:03d}",
        skills=_skills(rng, role, index, certificate, city.num_grids),
        place=place,
        territories=None if roams else (grid_id(grid),),
        helper_territories=None if roams else tuple(grid_id(g) for g in city.helpers[grid]),
        duration_percent=120 if is_new else int(rng.choice([90, 95, 100, 100, 100, 105, 110])),
        travel_profile=None if city.estate_ids else "ebike" if by_ebike else "van",
        recent_minutes=int(paid * rng.uniform(0.65, 1.0)),
        recent_paid_minutes=paid,
        shifts=tuple(
            _shift(rng, engineer_id, role, is_new, _is_late(role, index, city, day), day, calendar)
            for day in _working_days(rng, role, calendar)
        ),
    )


def _skills(
    rng: np.random.Generator, role: str, index: int, certificate: date | None, num_grids: int
) -> dict[str, Skill]:
    rank, grid = divmod(index, num_grids)
    levels = dict(_SKILLS.get(role) or _HOME_SKILLS[(rank + grid) % len(_HOME_SKILLS)])
    if role == "line_pair" and index == 0:
        levels["WIRELESS"] = 2
    if role == "enterprise" and rng.random() < 0.3:
        levels["ENTERPRISE_LINE"] = 3
    if role == "home" and rng.random() < 0.1:
        levels["BROADBAND"] = 3
    return {
        name: Skill(level=level, expires=certificate if name == "WORK_AT_HEIGHT" else None)
        for name, level in levels.items()
    }


def _is_late(role: str, index: int, city: City, day: int) -> bool:
    """Return whether the engineer works late; a third of the home crews of a grid do, in turn."""
    rank, grid = divmod(index, city.num_grids)
    return role == "home" and (rank + grid + day) % 3 == 0


def _working_days(rng: np.random.Generator, role: str, calendar: Calendar) -> list[int]:
    if calendar.days == 1 or role in ("solo", "rescue", "line_pair"):
        return list(range(calendar.days))
    off = [0.35 if calendar.date(d).weekday() >= 5 else 0.05 for d in range(calendar.days)]
    present = rng.random(calendar.days) >= np.array(off)
    return [day for day in range(calendar.days) if present[day]]


def _shift(
    rng: np.random.Generator,
    engineer_id: str,
    role: str,
    is_new: bool,
    is_late: bool,
    day: int,
    calendar: Calendar,
) -> Shift:
    hours = STANDBY_SHIFT if role == "standby" else LATE_SHIFT if is_late else DAY_SHIFT
    fields: dict[str, Any] = {
        "id": f"{engineer_id}-{calendar.date(day):%m%d}",
        "start": calendar.at(day, hours[0]),
        "end": calendar.at(day, hours[1]),
        "members": 2 if role in _PAIRS else 1,
    }
    if role == "standby":
        return Shift(**fields, min_priority=2)
    if rng.random() < 0.15:
        fields["reserved_minutes"] = int(rng.choice([30, 45, 60, 90]))
    if rng.random() < 0.4:
        fields["max_overtime"] = int(rng.choice([1800, 3600]))
    if rng.random() < 0.04:
        fields["available_from"] = fields["start"] + timedelta(minutes=60)
    if is_new:
        fields["max_visits"] = 6
    if is_late and rng.random() < 0.3:
        fields["end_place"] = None
    stock = _stock(rng, role)
    if stock is not None:
        fields["stock"] = stock
    return Shift(**fields, breaks=_breaks(rng, is_late, day, calendar))


def _stock(rng: np.random.Generator, role: str) -> dict[str, int] | None:
    if role == "home":
        return {part: int(rng.integers(0, 4)) for part in _HOME_STOCK}
    if role == "enterprise":
        return {"光模块": int(rng.integers(1, 4))}
    return None


def _breaks(
    rng: np.random.Generator, is_late: bool, day: int, calendar: Calendar
) -> tuple[Break, ...]:
    earliest, latest = (960, 1080) if is_late else (690, 780)
    meal = Break(
        earliest=calendar.at(day, earliest),
        latest=calendar.at(day, latest),
        duration=60 * (BREAK_MINUTES - (15 if rng.random() < 0.2 else 0)),
    )
    if rng.random() >= 0.08:
        return (meal,)
    at = (800, 860) if is_late else (900, 960)
    rest = Break(earliest=calendar.at(day, at[0]), latest=calendar.at(day, at[1]), duration=900)
    return tuple(sorted((meal, rest), key=lambda pause: pause.earliest))
