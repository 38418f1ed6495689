"""Whatever is called in whatever order: no promise moves without consent, and all can be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import dispatchopt as do
from dispatchopt.booking import Desk, Ledger
from dispatchopt.booking.agreed import with_bookings, with_late_bookings
from dispatchopt.errors import BookingConflictError
from tests.unit.booking_day import Clock, caller, day_problem, planned, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.booking import Booking, Rebased
    from dispatchopt.models import Plan, Problem, Window

CUSTOMERS = ("t0", "t1", "n0", "n1", "n2", "n3")
WINDOWS = (
    window("08:00", "10:00"),
    window("09:00", "09:30"),
    window("10:00", "12:00"),
    window("14:00", "15:00"),
    window("08:00", "09:00", day=1),
    window("13:00", "16:00", day=1),
)

_who = st.sampled_from(CUSTOMERS)
_when = st.sampled_from(WINDOWS)
_long = st.sampled_from((30, 60, 120))


class DeskModel(RuleBasedStateMachine):
    """Two desks on one ledger, and a dictionary of what customers were promised."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.ledger = Ledger(clock=self.clock)
        problem = day_problem(engineers=2)
        plan = planned(problem)
        self.desks = [Desk(problem, plan, self.ledger, clock=self.clock) for _ in range(2)]
        self.promised: dict[str, Window] = {}
        self.minutes = dict.fromkeys(CUSTOMERS, 60) | {"t0": 30, "t1": 30}
        self.number = 0

    def call(self, call: Callable[[Desk, str], Booking]) -> Booking | None:
        """Make a call at either desk; None if it is a conflict."""
        self.number += 1
        try:
            return call(self.desks[self.number % 2], f"r{self.number}")
        except BookingConflictError:
            return None

    def version(self, ticket_id: str) -> int:
        booking = self.ledger.booking(ticket_id)
        return 0 if booking is None else booking.version

    def ticket(self, ticket_id: str) -> do.Ticket:
        return caller(ticket_id, self.minutes[ticket_id], place="abcd"[int(ticket_id[1]) % 4])

    @rule(who=_who, when=_when)
    def hold(self, who: str, when: Window) -> None:
        self.call(lambda desk, r: desk.hold(self.ticket(who), when, request_id=r))

    @rule(who=_who, best=st.integers(0, 2), yes=st.sampled_from((True, True, False)))
    def take_an_offer(self, who: str, best: int, yes: bool) -> None:
        offers = self.desks[self.number % 2].offer(self.ticket(who))
        known = self.ledger.booking(who)
        if len(offers) <= best or (known is not None and known.state in ("confirmed", "done")):
            return
        # Nobody else came between: what is offered can be had, and be promised.
        held = self.call(lambda d, r: d.hold(self.ticket(who), offers[best], request_id=r))
        assert held is not None
        assert (held.window, held.is_placed) == (offers[best].window, True)
        if yes:
            self.confirm(who)
            assert who in self.promised

    @rule(who=_who)
    def confirm(self, who: str) -> None:
        done = self.call(lambda d, r: d.confirm(who, request_id=r, version=self.version(who)))
        if done is not None:
            assert done.window is not None
            self.promised[who] = done.window

    @rule(who=_who, when=_when)
    def reschedule(self, who: str, when: Window) -> None:
        done = self.call(
            lambda d, r: d.reschedule(
                who, when, consent_of="customer", request_id=r, version=self.version(who)
            )
        )
        if done is not None:
            self.promised[who] = when

    @rule(who=_who, when=_when)
    def report(self, who: str, when: Window) -> None:
        done = self.call(lambda d, r: d.report_window(self.ticket(who), when, request_id=r))
        if done is not None:
            self.promised[who] = when

    @rule(who=_who, kind=st.sampled_from(("release", "cancel", "done", "missed", "park")))
    def end(self, who: str, kind: str) -> None:
        more = ("us",) if kind == "missed" else ()
        done = self.call(
            lambda d, r: getattr(d, kind)(who, *more, request_id=r, version=self.version(who))
        )
        if done is not None:
            self.promised.pop(who, None)

    @rule(who=_who, minutes=_long)
    def change(self, who: str, minutes: int) -> None:
        self.minutes[who] = minutes
        self.desks[self.number % 2].apply(self.ticket(who))

    @rule(minutes=st.sampled_from((15, 30)))
    def wait(self, minutes: int) -> None:
        self.clock.pass_(minutes)

    @rule(seed=st.sampled_from((0, 1)), meanwhile=st.booleans())
    def plan_anew(self, seed: int, meanwhile: bool) -> None:
        """Make a night: plan with what is booked, book on, publish."""
        before = self.desks[0].plan()
        sure = {
            visit.ticket_id
            for route in before.routes
            for visit in route.visits
            if (visit.kept_probability or 0) >= 0.9
        }
        problem = self.desks[0].problem().model_copy(update={"previous_plan": before})
        problem = with_bookings(problem, self.ledger).problem
        plan = planned(problem, seed=seed)
        if meanwhile:
            self.hold("n3", WINDOWS[3])
            self.confirm("n3")
            problem, plan, _ = with_late_bookings(problem, plan, self.ledger)
            assert do.check(problem, plan).violations == ()
        else:
            self.confirm("n3")
            self.end("n2", "cancel")
        rebased = self.publish(problem, plan)
        # What was sure is kept, and what is not is told.
        assert not self.lost() & sure
        assert self.lost() == set(rebased.conflicts)

    def publish(self, problem: Problem, plan: Plan) -> Rebased:
        first = self.desks[0].rebase(problem, plan)
        assert self.desks[1].rebase(problem, plan) == first
        return first

    def lost(self) -> set[str]:
        """Tell who was promised a window and has no place on any route."""
        return {b.ticket_id for b in self.ledger.bookings("confirmed") if not b.is_placed}

    @invariant()
    def promises_stand(self) -> None:
        if not hasattr(self, "ledger"):
            return
        found = {b.ticket_id: b.window for b in self.ledger.bookings("confirmed")}
        assert found == self.promised

    @invariant()
    def desks_agree(self) -> None:
        if hasattr(self, "desks"):
            for desk in self.desks:
                desk.sync()
            assert self.desks[0].version == self.desks[1].version

    @invariant()
    def the_checker_finds_every_promise_kept(self) -> None:
        if not hasattr(self, "desks"):
            return
        desk = self.desks[0]
        problem, plan = desk.problem(), desk.plan()
        report = do.check(problem, plan)
        assert report.violations == ()
        visits = {v.ticket_id: (r.shift_id, v) for r in plan.routes for v in r.visits}
        appointments = {t.id: t.appointment for t in problem.tickets}
        for booking in self.ledger.bookings("held", "confirmed"):
            ticket_id = booking.ticket_id
            assert appointments[ticket_id] == booking.window
            if booking.is_placed:
                shift_id, visit = visits[ticket_id]
                assert (shift_id, visit.promised) == (booking.shift_id, booking.window)
            else:
                assert ticket_id in report.broken_promises

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()


TestDeskModel = DeskModel.TestCase
TestDeskModel.settings = settings(stateful_step_count=10, print_blob=False)
