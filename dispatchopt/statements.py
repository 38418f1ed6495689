"""What a plan states about itself beside its routes, and is not so. Serves the checker.

A field that a plan leaves out states nothing. Of the reasons of tickets left out, what is certain
and cheap to find out is judged: see `_Reasons`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dispatchopt.models import UNREACHABLE, Overridden
from dispatchopt.rules import RULES, PlanView, RouteView, Stop, Violation, broken_promise, unserved
from dispatchopt.rules.overruled import WAIVED_FOR_VISITS
from dispatchopt.rules.wording import clock
from dispatchopt.schedule import schedule_route
from dispatchopt.timeline import FOREVER, service_start

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from dispatchopt.models import Cost, Plan, Unserved, Window
    from dispatchopt.rules import Context, Rule, ShiftFacts, TicketFacts


class Truth(NamedTuple):
    """What the checker found out about a plan."""

    view: PlanView
    cost: Cost
    broken_promises: tuple[str, ...]
    needs_customer_consent: tuple[str, ...]
    overridden: tuple[Overridden, ...]


def false_statements(ctx: Context, plan: Plan, truth: Truth) -> Iterator[Violation]:
    """Yield what the plan states of costs, promises, locks, ways and reasons, and is not so."""
    yield from _figures(plan, truth.cost.total, truth.cost)
    stated = plan.model_fields_set
    if "broken_promises" in stated:
        true = truth.broken_promises
        yield from _ids("promises", "a broken promise", plan.broken_promises, true)
    if "needs_customer_consent" in stated:
        true = truth.needs_customer_consent
        yield from _ids("consent", "moved though fixed", plan.needs_customer_consent, true)
    if "overridden" in stated:
        yield from _overridden(plan.overridden, truth.overridden)
    yield from _windows(ctx, plan)
    yield from _ways(ctx, plan, truth.view)
    yield from _Reasons(ctx, truth.view).false_ones(plan.unserved)


def _figures(plan: Plan, total: int, cost: Cost) -> Iterator[Violation]:
    if plan.cost is not None and plan.cost.total != total:
        yield Violation("cost", f"the plan states a cost of {plan.cost.total}, it is {total}")
    elif plan.cost is not None and plan.cost.by_rule and plan.cost.by_rule != cost.by_rule:
        message = f"the plan states the costs {plan.cost.by_rule}, not {cost.by_rule}"
        yield Violation("cost", message)
    if plan.bound is not None and plan.bound > total:
        message = f"the plan states the bound {plan.bound}, above its cost {total}"
        yield Violation("bound", message)
    if plan.gap is not None:
        if plan.bound is None:
            yield Violation("gap", f"the plan states a gap of {plan.gap} without a bound")
        elif plan.bound <= total and abs(plan.gap - (total - plan.bound) / max(total, 1)) > 1e-6:
            gap = (total - plan.bound) / max(total, 1)
            yield Violation("gap", f"the plan states a gap of {plan.gap:g}, it is {gap:g}")


def _ids(rule: str, what: str, stated: Iterable[str], true: Iterable[str]) -> Iterator[Violation]:
    stated, true = set(stated), set(true)
    for ticket_id in sorted(stated - true):
        yield Violation(rule, f"is stated as {what} and is not", ticket_id)
    for ticket_id in sorted(true - stated):
        yield Violation(rule, f"is {what}, which the plan does not state", ticket_id)


def _overridden(stated: Iterable[Overridden], true: Iterable[Overridden]) -> Iterator[Violation]:
    def keys(items: Iterable[Overridden]) -> dict[tuple[str, str | None, str | None], None]:
        return dict.fromkeys((item.rule, item.ticket_id, item.shift_id) for item in items)

    told, found = keys(stated), keys(true)
    for rule, ticket_id, shift_id in told:
        if (rule, ticket_id, shift_id) not in found:
            message = f"the rule {rule} is stated as overruled by a lock and is not"
            yield Violation("overridden", message, ticket_id, shift_id)
    for rule, ticket_id, shift_id in found:
        if (rule, ticket_id, shift_id) not in told:
            message = f"a lock overrules the rule {rule}, which the plan does not state"
            yield Violation("overridden", message, ticket_id, shift_id)


def _windows(ctx: Context, plan: Plan) -> Iterator[Violation]:
    """Yield the windows stated as promised that are not the customer's appointment."""

    def told(window: Window) -> str:
        return f"{clock(ctx, ctx.seconds(window.open))} to {clock(ctx, ctx.seconds(window.close))}"

    for route in plan.routes:
        for visit in route.visits:
            ticket = ctx.tickets.get(visit.ticket_id)
            if ticket is None or visit.promised is None:
                continue
            true = ticket.ticket.appointment
            if visit.promised != true:
                rest = "there is no appointment" if true is None else f"it is {told(true)}"
                message = f"is stated as promised for {told(visit.promised)}, {rest}"
                yield Violation("promises", message, ticket.id, route.shift_id)


def _ways(ctx: Context, plan: Plan, view: PlanView) -> Iterator[Violation]:
    """Yield the travel seconds stated that are not those of the way; without a way none is."""
    stated = {
        (route.shift_id, visit.ticket_id): visit.travel_seconds
        for route in plan.routes
        for visit in route.visits
    }
    for route in view.routes:
        place = route.shift.start_place
        for stop in route.stops:
            way = 0
            if stop.ticket.id != route.shift.started:
                way = ctx.travel_seconds(route.shift, place, stop.ticket.place)
                place = stop.ticket.place
            told = stated.get((route.shift.id, stop.ticket.id))
            if told is not None and told != way and way < UNREACHABLE:
                message = f"the way to it is stated as {told} s, it is {way} s"
                yield Violation("travel_seconds", message, stop.ticket.id, route.shift.id)


# --- Reasons ---

_TIMING = frozenset({"travel_time", "service_time", "shift_hours", "breaks", "windows", "latest"})
_PAIRS = tuple(rule for rule in RULES if rule.kind == "hard" and rule.name not in _TIMING)
"""Rules that forbid a ticket on a shift, whatever the time."""


class _Alone(NamedTuple):
    """A ticket alone on a shift, breaks apart; `start` None: every window is over."""

    way: int
    home: int
    start: int | None
    end: int
    latest: int


class _Reasons:
    """Refutes reasons of tickets left out.

    A code that one rule gives is false where the ticket alone would not break that rule on some
    shift that its lock leaves open, or where the rule's own reason is another.
    ``NO_FEASIBLE_SHIFT`` and ``NO_ROOM_BESIDE_PROMISES`` are false where it fits alone on a shift
    that has no promised visits, ``WOULD_WEAKEN_PROMISE`` where the shift told has none. Of that, of
    ``LOST_TO_OTHERS`` and of ``COSTS_MORE_THAN_PRICE`` the facts told are compared. Whether a
    better exchange exists is not asked, and codes of others state nothing.
    """

    def __init__(self, ctx: Context, view: PlanView) -> None:
        self._ctx = ctx
        self._served = {stop.ticket.id: route.shift.id for route, stop in view.visits()}
        promised = {r.shift.id for r, stop in view.visits() if stop.ticket.is_promised}
        self._unpromised = [s for s in ctx.shifts.values() if s.id not in promised]
        self._forbidden: dict[Hashable, bool] = {}

    def false_ones(self, items: Iterable[Unserved]) -> Iterator[Violation]:
        """Yield the reasons that are false."""
        for item in items:
            ticket = self._ctx.tickets.get(item.ticket_id)
            if ticket is None or ticket.id in self._served:
                continue
            why = self._refuted(ticket, item)
            if why is not None:
                message = f"the reason {item.reason} is false: {why}"
                yield Violation("reason", message, ticket.id)

    def _refuted(self, ticket: TicketFacts, item: Unserved) -> str | None:
        if item.reason in ("NO_FEASIBLE_SHIFT", "NO_ROOM_BESIDE_PROMISES"):
            fits = next((s.id for s in self._unpromised if self._fits(ticket, s)), None)
            return None if fits is None else f"it fits on shift {fits}, which has no promises"
        if item.reason in ("LOST_TO_OTHERS", "COSTS_MORE_THAN_PRICE", "WOULD_WEAKEN_PROMISE"):
            return self._false_facts(ticket, item)
        rules = [rule for rule in RULES if item.reason in rule.codes]
        found = [self._unblocked(ticket, rule, item.reason) for rule in rules]
        return None if None in found else next(iter(found), None)

    def _false_facts(self, ticket: TicketFacts, item: Unserved) -> str | None:
        ctx, detail = self._ctx, item.detail
        shift_id, others = detail.get("shift_id"), detail.get("tickets")
        for other in others if isinstance(others, list | tuple) else ():
            if not isinstance(other, str) or self._served.get(other) != shift_id:
                return f"ticket {other} is not visited on shift {shift_id}"
        price = unserved.price(ctx, ticket)
        price += broken_promise.price(ctx) if ticket.is_promised else 0
        told, added = detail.get("price"), detail.get("added_cost")
        if isinstance(told, int) and told != price:
            return f"its price is {price}, not {told}"
        if item.reason == "WOULD_WEAKEN_PROMISE":
            if isinstance(added, int) and added >= price:
                return f"it would cost {added}, no less than its price {price}"
            if any(shift.id == shift_id for shift in self._unpromised):
                return f"shift {shift_id} has no promised visits"
        elif isinstance(added, int) and added < price:
            return f"it would cost {added}, less than its price {price}"
        return None

    def _unblocked(self, ticket: TicketFacts, rule: Rule, code: str) -> str | None:
        """Say why the rule does not keep the ticket out of every shift that its lock leaves open.

        None where it does, as far as can be told.
        """
        true_code = rule.reason(self._ctx, ticket)
        if true_code != code:
            return f"by the rule {rule.name} it would be {true_code}"
        shifts = list(self._ctx.shifts.values())
        within = [s for s in shifts if not self._forbids(_rule("locks"), ticket, s)] or shifts
        is_blocked = self._is_untimely if rule.name in _TIMING else self._forbids
        free = next((s.id for s in within if not is_blocked(rule, ticket, s)), None)
        return None if free is None else f"the rule {rule.name} does not keep it off shift {free}"

    def _fits(self, ticket: TicketFacts, shift: ShiftFacts) -> bool:
        """Whether the ticket alone breaks no rule on the shift."""
        if any(self._forbids(rule, ticket, shift) for rule in _PAIRS):
            return False
        return not self._is_late(self._alone(ticket, shift), shift) and self._has_room(
            ticket, shift
        )

    def _forbids(self, rule: Rule, ticket: TicketFacts, shift: ShiftFacts) -> bool:
        """Whether the rule forbids the ticket on the shift at any time; equal cases asked once."""
        asked = ticket.ticket
        if asked.lock != "none" or asked.is_started:
            key: Hashable = (rule.name, ticket.id, shift.id)
        else:
            # What else the rules look at is the shift's own.
            needs = tuple(sorted(ticket.skills.items())), tuple(sorted((asked.parts or {}).items()))
            who = asked.territory, asked.priority, asked.refused_engineers, asked.crew_size
            key = (rule.name, needs, who, asked.after, shift.id)
        found = self._forbidden.get(key)
        if found is None:
            found = self._forbidden[key] = self._is_forbidden(rule, ticket, shift)
        return found

    def _is_forbidden(self, rule: Rule, ticket: TicketFacts, shift: ShiftFacts) -> bool:
        ctx, at = self._ctx, 0
        if ctx.is_pinned(ticket.id, shift.id):
            if rule.name in WAIVED_FOR_VISITS:
                return False
            at = ctx.pins[ticket.id].start
        view = RouteView(shift, (Stop(ticket, at, at, at, at),), at, at)
        return bool(rule.check(ctx, PlanView((view,), ())).violations)

    def _alone(self, ticket: TicketFacts, shift: ShiftFacts) -> _Alone:
        ctx, windows, latest, home = self._ctx, ticket.windows, ticket.latest, 0
        if ctx.is_pinned(ticket.id, shift.id):
            pin = ctx.pins[ticket.id]
            windows, latest = ((pin.start, pin.start),), FOREVER
        way = ctx.travel_seconds(shift, shift.start_place, ticket.place)
        if shift.end_place is not None:
            home = ctx.travel_seconds(shift, ticket.place, shift.end_place)
        start = service_start(windows, shift.begin + way)
        end = (shift.begin + way if start is None else start) + ctx.duration(ticket, shift)
        return _Alone(way, home, start, end, latest)

    def _is_late(self, alone: _Alone, shift: ShiftFacts) -> bool:
        """Whether a rule on time is broken even without breaks."""
        if max(alone.way, alone.home) >= UNREACHABLE or alone.start is None:
            return True
        return alone.end > alone.latest or alone.end + alone.home > shift.hard_end

    def _has_room(self, ticket: TicketFacts, shift: ShiftFacts) -> bool:
        """Whether there is a schedule, breaks included."""
        return schedule_route(self._ctx, shift, [ticket]) is not None

    def _is_untimely(self, rule: Rule, ticket: TicketFacts, shift: ShiftFacts) -> bool:
        """Whether the rule on time may be what keeps the ticket alone off the shift."""
        alone = self._alone(ticket, shift)
        is_cut = max(alone.way, alone.home) >= UNREACHABLE
        by_rule: dict[str, Callable[[], bool]] = {
            "travel_time": lambda: is_cut or shift.begin + alone.way + alone.home > shift.hard_end,
            "shift_hours": lambda: alone.start is None or alone.end + alone.home > shift.hard_end,
            "latest": lambda: alone.start is None or alone.end > alone.latest,
            "windows": lambda: ticket.windows != ((0, FOREVER),),
            "breaks": lambda: bool(shift.pauses),
        }
        may_be = by_rule.get(rule.name, lambda: True)()
        return may_be and (self._is_late(alone, shift) or not self._has_room(ticket, shift))


def _rule(name: str) -> Rule:
    return next(rule for rule in RULES if rule.name == name)
