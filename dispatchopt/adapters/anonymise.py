"""A copy of a problem to share: hashed ids, no names, no free text, places moved a little.

It plans to about the same result: times, priorities, skills, parts, windows, locks and prices stay
as they are, and equal ids and equal points stay equal. Who holds the salt can tell ids again;
without it they cannot be guessed back. Times are kept: whoever knows when a customer reported a
fault may still recognise the ticket.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dispatchopt.models import (
    Engineer,
    Matrix,
    Plan,
    Point,
    Policy,
    Problem,
    Profiles,
    Route,
    Shift,
    Ticket,
    Travel,
    Unserved,
)
from dispatchopt.models.base import Model
from dispatchopt.models.masking import shown
from dispatchopt.travel import great_circle_km

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dispatchopt.models import FaultType, Place

LEAST_SALT: Final = 16
"""Fewest bytes of a salt: ids are few, so a short one could be tried out."""

MOST_JITTER: Final = 100_000

_DIGITS: Final = 12
_M = TypeVar("_M", bound=Model)
_METRES_PER_DEGREE: Final = 111_195.0
_DECIMALS: Final = 6  # a decimetre
_NEAREST_THE_POLE: Final = 0.01


def anonymise(problem: Problem, *, salt: bytes, jitter_metres: int = 200) -> Problem:
    """Return a copy without personal data.

    Ids of tickets, cases, engineers, shifts, places, territories and network elements are replaced
    by a keyed hash, the same everywhere; an engineer's name, `attributes` and the texts of a plan
    in force are left out. Codes (fault types, skills, parts, tiers, travel profiles) stay, unless a
    phone or identity card number stands in one. Each point is moved by up to `jitter_metres`, equal
    ones alike; travel tables stay.

    Parameters
    ----------
    salt
        Secret, 16 bytes or more; the same salt gives the same copy.
    jitter_metres
        0 to 100 000.

    Raises
    ------
    ValueError
        If the salt is too short or the distance out of range.
    """
    if len(salt) < LEAST_SALT:
        raise ValueError(f"the salt has {len(salt)} bytes; give {LEAST_SALT} or more")
    if not 0 <= jitter_metres <= MOST_JITTER:
        raise ValueError(f"jitter_metres is {jitter_metres}; give 0 to {MOST_JITTER}")
    return _Veil(salt, jitter_metres).problem(problem)


class _Veil:
    """Replaces what may tell a person, the same way everywhere."""

    def __init__(self, salt: bytes, jitter_metres: int) -> None:
        self.salt = salt
        self.jitter_metres = jitter_metres

    def problem(self, problem: Problem) -> Problem:
        plan = problem.previous_plan
        return problem.model_copy(
            update={
                "tickets": tuple(self.ticket(ticket) for ticket in problem.tickets),
                "engineers": tuple(self.engineer(engineer) for engineer in problem.engineers),
                "travel": self.travel(problem.travel),
                "policy": self.policy(problem.policy),
                "fault_types": tuple(self.fault_type(fault) for fault in problem.fault_types),
                "previous_plan": None if plan is None else self.plan(plan),
            }
        )

    def ticket(self, ticket: Ticket) -> Ticket:
        changed: dict[str, Any] = {
            "id": self.id("T", ticket.id),
            "case_id": self.maybe("C", ticket.case_id),
            "fault_type": self.word(ticket.fault_type),
            "place": self.place(ticket.place),
            "customer_tier": None
            if ticket.customer_tier is None
            else self.word(ticket.customer_tier),
            "assigned_engineer": self.maybe("E", ticket.assigned_engineer),
            "skills": self.words(ticket.skills),
            "parts": self.words(ticket.parts),
            "preferred_engineers": self.all("E", ticket.preferred_engineers),
            "refused_engineers": self.all("E", ticket.refused_engineers),
            "territory": self.maybe("G", ticket.territory),
            "after": self.all("T", ticket.after),
            "network_element": self.maybe("N", ticket.network_element),
            "attributes": _kept(ticket.attributes),
        }
        return _with(ticket, changed)

    def engineer(self, engineer: Engineer) -> Engineer:
        profile = engineer.travel_profile
        changed: dict[str, Any] = {
            "id": self.id("E", engineer.id),
            "name": None,
            "skills": self.words(engineer.skills),
            "place": self.place(engineer.place),
            "territories": self.all("G", engineer.territories),
            "helper_territories": self.all("G", engineer.helper_territories),
            "shifts": tuple(self.shift(shift) for shift in engineer.shifts),
            "stock": self.words(engineer.stock),
            "travel_profile": None if profile is None else self.word(profile),
            "attributes": _kept(engineer.attributes),
        }
        return _with(engineer, changed)

    def shift(self, shift: Shift) -> Shift:
        places = {
            name: None if place is None else self.place(place)
            for name, place in (("start_place", shift.start_place), ("end_place", shift.end_place))
        }
        return _with(
            shift,
            {"id": self.id("S", shift.id), "stock": self.words(shift.stock), **places},
        )

    def travel(self, travel: Travel) -> Travel:
        if isinstance(travel, Matrix):
            places = tuple(self.id("P", place) for place in travel.places)
            return travel.model_copy(update={"places": places})
        if isinstance(travel, Profiles):
            tables = {self.word(name): self.travel(one) for name, one in travel.profiles.items()}
            return travel.model_copy(update={"profiles": tables})
        return travel

    def policy(self, policy: Policy) -> Policy:
        return policy.model_copy(update={"reserve_percent": self.words(policy.reserve_percent)})

    def fault_type(self, fault: FaultType) -> FaultType:
        names = {
            name: text if shown(text) == text else ""
            for name, text in (("name_en", fault.name_en), ("name_zh", fault.name_zh))
        }
        lists = {
            name: tuple(self.word(word) for word in words)
            for name, words in (("tools", fault.tools), ("parts", fault.parts))
        }
        code = {"code": self.word(fault.code), "skills": self.words(fault.skills)}
        return fault.model_copy(update={**names, **lists, **code})

    def plan(self, plan: Plan) -> Plan:
        """Return what the search reads of a plan in force: routes, and ids of what was left out."""
        unserved = (
            Unserved(ticket_id=self.id("T", one.ticket_id), reason=_code(one.reason))
            for one in plan.unserved
        )
        return Plan(
            schema_version=plan.schema_version,
            plan_id=self.id("PLAN", plan.plan_id),
            routes=tuple(self.route(route) for route in plan.routes),
            unserved=tuple(unserved),
            cost=plan.cost,
        )

    def route(self, route: Route) -> Route:
        visits = tuple(
            visit.model_copy(update={"ticket_id": self.id("T", visit.ticket_id)})
            for visit in route.visits
        )
        changed = {
            "shift_id": self.id("S", route.shift_id),
            "engineer_id": self.maybe("E", route.engineer_id),
            "visits": visits,
        }
        return _with(route, changed)

    def place(self, place: Place) -> Place:
        return self.point(place) if isinstance(place, Point) else self.id("P", place)

    def point(self, point: Point) -> Point:
        """Move a point to anywhere in a disc around it, all of it equally likely."""
        if not self.jitter_metres:
            return point
        digest = self.digest("point", f"{point.lat!r},{point.lon!r}")
        far, turn = (int.from_bytes(digest[i : i + 8], "big") / 2**64 for i in (0, 8))
        # A decimetre less: rounding moves by up to a fifth of one.
        degrees = (self.jitter_metres - 0.1) * math.sqrt(far) / _METRES_PER_DEGREE
        squeeze = max(_NEAREST_THE_POLE, math.cos(math.radians(point.lat)))
        while True:
            lat = point.lat + degrees * math.cos(2 * math.pi * turn)
            lon = point.lon + degrees * math.sin(2 * math.pi * turn) / squeeze
            # Beyond the pole or the date line the distance would be the same, the numbers not.
            lat, lon = min(90.0, max(-90.0, lat)), min(180.0, max(-180.0, lon))
            metres = 1000 * float(great_circle_km(point.lat, point.lon, lat, lon))
            if metres <= self.jitter_metres - 0.1:
                return Point(lat=round(lat, _DECIMALS), lon=round(lon, _DECIMALS))
            degrees *= 0.98  # meridians come nearer over long ways

    def id(self, kind: str, text: str) -> str:
        return f"{kind}-{self.digest(kind, text).hex()[:_DIGITS]}"

    def maybe(self, kind: str, text: str | None) -> str | None:
        return None if text is None else self.id(kind, text)

    def all(self, kind: str, texts: Iterable[str] | None) -> tuple[str, ...] | None:
        return None if texts is None else tuple(self.id(kind, text) for text in texts)

    def word(self, text: str) -> str:
        """Return a code as it is, unless it may be personal."""
        return text if shown(text) == text else self.id("X", text)

    def words(self, by_name: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if by_name is None:
            return None
        return {self.word(name): value for name, value in by_name.items()}

    def digest(self, kind: str, text: str) -> bytes:
        message = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.salt, message, hashlib.sha256).digest()


def _with(item: _M, changed: dict[str, Any]) -> _M:
    """Change fields that are there; an absent one stays absent (for some, null means more)."""
    given = item.model_fields_set
    return item.model_copy(update={name: v for name, v in changed.items() if name in given})


def _code(reason: str) -> str:
    """Return a reason that is a code; what somebody wrote in its place is left out."""
    return reason if _CODE.fullmatch(reason) else "LEFT_OUT"


_CODE: Final = re.compile(r"[A-Z]+(_[A-Z]+)*")


def _kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is no text of a person's: whose coordinates stand in for the item's own."""
    word = attributes.get("approximate")
    known = ("network_element", "estate", "grid", "address")
    return {"approximate": word} if word in known else {}
