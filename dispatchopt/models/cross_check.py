"""Contradictions between the parts of a problem, all of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from dispatchopt.errors import Issue
from dispatchopt.models.base import Place, Point, Window
from dispatchopt.models.catalogue import FaultType
from dispatchopt.models.engineer import Engineer, Shift
from dispatchopt.models.nearest import nearest, sharing_a_part
from dispatchopt.models.ticket import Ticket
from dispatchopt.models.travel import Matrix, Profiles, StraightLine, Travel

if TYPE_CHECKING:
    from dispatchopt.models.problem import Problem


def cross_check(problem: Problem) -> list[Issue]:
    """Return every contradiction between the parts, in input order; empty if there is none.

    Facts that only keep a ticket from being served (a window without a shift, a missing skill) are
    no faults: such a ticket ends unserved, with its reason.
    """
    places = _PlaceCheck(problem.travel)
    engineer_ids = {engineer.id for engineer in problem.engineers}
    return [
        *_horizon(problem),
        *_travel(problem.travel),
        *_duplicates("fault_type", (fault.code for fault in problem.fault_types)),
        *_duplicates("engineer", (engineer.id for engineer in problem.engineers)),
        *_duplicates("shift", (s.id for engineer in problem.engineers for s in engineer.shifts)),
        *(i for engineer in problem.engineers for i in _engineer(problem, engineer, places)),
        *_duplicates("ticket", (ticket.id for ticket in problem.tickets)),
        *_tickets(problem, engineer_ids, places, {ticket.id for ticket in problem.tickets}),
    ]


def check_ticket(problem: Problem, ticket: Ticket, others: set[str]) -> list[Issue]:
    """Return every contradiction between one more ticket and a problem.

    Parameters
    ----------
    others
        Ids of the tickets that it may wait for.
    """
    with_it = problem.model_copy(update={"tickets": (ticket,)})
    engineers = {engineer.id for engineer in problem.engineers}
    return list(_tickets(with_it, engineers, _PlaceCheck(problem.travel), others))


def _horizon(problem: Problem) -> Iterator[Issue]:
    if problem.horizon.end <= problem.horizon.start:
        yield Issue("problem", "", "horizon", "", "end must lie after start")
    elif problem.horizon.end - problem.horizon.start > timedelta(days=366):
        yield Issue("problem", "", "horizon", "", "longer than a year; plan fewer days at once")


def _duplicates(kind: str, ids: Iterable[str]) -> Iterator[Issue]:
    for item_id, count in Counter(ids).items():
        if count > 1:
            yield Issue(kind, item_id, "id", "", f"stands {count} times; ids must be unique")


def _travel(travel: Travel) -> Iterator[Issue]:
    tables: Mapping[str, StraightLine | Matrix] = (
        travel.profiles if isinstance(travel, Profiles) else {"": travel}
    )
    for name, table in tables.items():
        if isinstance(table, Matrix):
            if len(table.places) != table.seconds.shape[0]:
                yield Issue(
                    "travel",
                    name,
                    "seconds",
                    str(table.seconds.shape),
                    f"the table needs one row and one column for each of the "
                    f"{len(table.places)} places",
                )
            yield from _duplicates("travel", table.places)


class _PlaceCheck:
    """Tells whether a place can be used with every travel profile."""

    def __init__(self, travel: Travel) -> None:
        tables = list(travel.profiles.values()) if isinstance(travel, Profiles) else [travel]
        self.needs_point = any(isinstance(table, StraightLine) for table in tables)
        self.ids = [frozenset(table.places) for table in tables if isinstance(table, Matrix)]
        self.profiles = frozenset(travel.profiles) if isinstance(travel, Profiles) else frozenset()

    def fault(self, place: Place) -> str | None:
        """Return what is wrong with the place, None if nothing."""
        if isinstance(place, Point):
            if self.ids:
                return "travel is a table of places; name one of them instead of a point"
        elif self.needs_point:
            return 'straight-line travel needs a point {"lat", "lon"}, not the id of a place'
        elif not all(place in ids for ids in self.ids):
            return "no such place in the travel table; add its row and column or correct the id"
        return None


def _place_id(place: Place | None) -> str:
    """Return the id of a place; a point is somebody's address, and not told."""
    return place if isinstance(place, str) else ""


def _engineer(problem: Problem, engineer: Engineer, places: _PlaceCheck) -> Iterator[Issue]:
    fault = places.fault(engineer.place)
    if fault:
        yield Issue("engineer", engineer.id, "place", _place_id(engineer.place), fault)
    profile = engineer.travel_profile
    if profile is not None and profile not in places.profiles:
        known = sorted(places.profiles) or "none; travel has no profiles"
        yield Issue("engineer", engineer.id, "travel_profile", profile, f"known profiles: {known}")
    if engineer.recent_minutes and not engineer.recent_paid_minutes:
        yield Issue(
            "engineer",
            engineer.id,
            "recent_minutes",
            str(engineer.recent_minutes),
            "needs recent_paid_minutes above 0",
        )
    for shift in engineer.shifts:
        yield from _shift(problem, shift, places)
    ordered = sorted(engineer.shifts, key=lambda shift: (shift.start, shift.end))
    for first, second in pairwise(ordered):
        if first.end + timedelta(seconds=first.max_overtime) > second.start:
            yield Issue(
                "shift",
                second.id,
                "start",
                _local(problem, second.start),
                f"overlaps shift '{first.id}' of the same engineer (its overtime included)",
            )


def _shift(problem: Problem, shift: Shift, places: _PlaceCheck) -> Iterator[Issue]:
    if shift.end <= shift.start:
        yield Issue("shift", shift.id, "end", _local(problem, shift.end), "must lie after start")
    latest_end = shift.end + timedelta(seconds=shift.max_overtime)
    horizon = problem.horizon
    if horizon.start < horizon.end and (shift.start < horizon.start or latest_end > horizon.end):
        yield Issue(
            "shift",
            shift.id,
            "start",
            _local(problem, shift.start),
            "the shift, its overtime included, must lie within the horizon; widen the horizon",
        )
    for field, place in (("start_place", shift.start_place), ("end_place", shift.end_place)):
        fault = None if place is None else places.fault(place)
        if fault:
            yield Issue("shift", shift.id, field, _place_id(place), fault)
    for index, pause in enumerate(shift.breaks):
        if pause.latest < pause.earliest:
            yield Issue(
                "shift",
                shift.id,
                f"breaks[{index}]",
                _local(problem, pause.latest),
                "latest lies before earliest",
            )
    if shift.start < shift.end:
        yield from _breaks(problem, shift)


def _breaks(problem: Problem, shift: Shift) -> Iterator[Issue]:
    """Yield breaks that nobody can take within the shift, and all if they leave no time."""
    latest_end = shift.end + timedelta(seconds=shift.max_overtime)
    for index, pause in enumerate(shift.breaks):
        if pause.earliest <= pause.latest and (
            pause.latest < shift.start or pause.earliest >= latest_end
        ):
            yield Issue(
                "shift",
                shift.id,
                f"breaks[{index}]",
                f"{_local(problem, pause.earliest)}/{_local(problem, pause.latest)}",
                f"lies outside the shift, {_local(problem, shift.start)} to "
                f"{_local(problem, latest_end)}; correct its times or remove it",
            )
    length = int((shift.end - shift.start).total_seconds())
    resting = sum(pause.duration for pause in shift.breaks)
    if resting >= length:
        yield Issue(
            "shift",
            shift.id,
            "breaks",
            f"{resting / 60:g} minutes",
            f"takes the whole shift of {length / 60:g} minutes; shorten it, or remove the shift "
            "if nobody works",
        )


def _tickets(
    problem: Problem, engineer_ids: set[str], places: _PlaceCheck, ticket_ids: set[str]
) -> Iterator[Issue]:
    catalogue = problem.catalogue()
    unknown = _UnknownFaultTypes(catalogue)
    for ticket in problem.tickets:
        if ticket.fault_type not in catalogue:
            yield unknown.issue(ticket)
        yield from _ticket_needs(ticket, catalogue, places)
        yield from _ticket_times(problem, ticket)
        yield from _ticket_lock(problem, ticket, engineer_ids)
        for other in ticket.after or ():
            if other not in ticket_ids or other == ticket.id:
                yield Issue(
                    "ticket",
                    ticket.id,
                    "after",
                    other,
                    "must name another ticket of the problem; add it (status done) or drop the id",
                )


_MOST_MEANT = 3
"""A part of a name that more fault types share says nothing."""


class _UnknownFaultTypes:
    """Tells for each unknown fault type what was meant, and once which there are."""

    def __init__(self, catalogue: Mapping[str, FaultType]) -> None:
        names = {n: code for code, f in catalogue.items() for n in (f.name_zh, f.name_en) if n}
        self.codes = {**names, **{code: code for code in catalogue}}
        self.known = f". Known: {', '.join(sorted(catalogue))}"
        self.hints: dict[str, str] = {}

    def issue(self, ticket: Ticket) -> Issue:
        code = ticket.fault_type
        known = "" if self.hints else self.known
        if code not in self.hints:
            meant = " or ".join(f"'{other}'" for other in self._meant(code))
            self.hints[code] = f"did you mean {meant}? Correct" if meant else "correct"
        message = f"unknown; {self.hints[code]} it or add it to fault_types{known}"
        return Issue("ticket", ticket.id, "fault_type", code, message)

    def _meant(self, code: str) -> list[str]:
        """Return the code most alike by name, else those that share a part of it with few."""
        alike = nearest(code, self.codes)
        if alike:
            return [self.codes[alike]]
        sharing = list(dict.fromkeys(self.codes[name] for name in sharing_a_part(code, self.codes)))
        return sharing if len(sharing) <= _MOST_MEANT else []


def _ticket_needs(
    ticket: Ticket, catalogue: Mapping[str, FaultType], places: _PlaceCheck
) -> Iterator[Issue]:
    duration = ticket.duration
    if duration is None and ticket.fault_type in catalogue:
        duration = catalogue[ticket.fault_type].duration.mean
    if duration == 0:
        yield Issue(
            "ticket",
            ticket.id,
            "duration",
            "0",
            "must be at least 1 second; leave it out to take the fault type's mean",
        )
    fault = places.fault(ticket.place)
    if fault:
        yield Issue("ticket", ticket.id, "place", _place_id(ticket.place), fault)


def _ticket_times(problem: Problem, ticket: Ticket) -> Iterator[Issue]:
    named: list[tuple[str, Window]] = [(f"windows[{i}]", w) for i, w in enumerate(ticket.windows)]
    if ticket.appointment is not None:
        named.append(("appointment", ticket.appointment))
    for field, window in named:
        if window.close < window.open:
            yield Issue(
                "ticket",
                ticket.id,
                field,
                f"{_local(problem, window.open)}/{_local(problem, window.close)}",
                "the window closes before it opens; swap or correct the times",
            )
    for index, span in enumerate(ticket.parked):
        if span.end <= span.start:
            yield Issue(
                "ticket",
                ticket.id,
                f"parked[{index}]",
                f"{_local(problem, span.start)}/{_local(problem, span.end)}",
                "ends before it begins; swap or correct the times",
            )
    if ticket.latest and ticket.earliest and ticket.latest < ticket.earliest:
        yield Issue(
            "ticket",
            ticket.id,
            "latest",
            _local(problem, ticket.latest),
            f"lies before earliest {_local(problem, ticket.earliest)}",
        )


def _local(problem: Problem, when: datetime) -> str:
    """Return a time as the problem's people read it."""
    return when.astimezone(problem.zone).isoformat()


def _ticket_lock(problem: Problem, ticket: Ticket, engineer_ids: set[str]) -> Iterator[Issue]:
    if ticket.lock == "none" and ticket.status != "started":
        return
    what = "a started ticket" if ticket.is_started else f"lock {ticket.lock}"
    if ticket.assigned_engineer is None:
        yield Issue("ticket", ticket.id, "assigned_engineer", "", f"{what} needs it")
    elif ticket.assigned_engineer not in engineer_ids:
        yield Issue(
            "ticket",
            ticket.id,
            "assigned_engineer",
            ticket.assigned_engineer,
            "no such engineer; add the engineer (shifts may be empty) or drop the lock",
        )
    if ticket.assigned_start is None:
        if ticket.is_started or ticket.lock == "visit":
            yield Issue("ticket", ticket.id, "assigned_start", "", f"{what} needs it")
    elif ticket.is_started and problem.now is not None and ticket.assigned_start > problem.now:
        yield Issue(
            "ticket",
            ticket.id,
            "assigned_start",
            _local(problem, ticket.assigned_start),
            f"a started ticket cannot begin after now {_local(problem, problem.now)}",
        )
