"""Why a ticket is left out: true reasons, found by trying to put it in.

A ticket is first tried in the final plan. If it fits below its price, the plan is improved instead
of explained, unless a promise of the previous plan would be weakened; above its price, it costs
more than it is worth. Where it does not fit, it is tried
alone on every shift beside that shift's locked and promised visits. If it fits nowhere, the rule
that blocks every shift (of those that its lock leaves open) is the reason, or the counts by rule;
else it lost its room to others, who are named.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dispatchopt.models import Unserved
from dispatchopt.rules import RULES, locks, travel_time
from dispatchopt.schedule import schedule_route
from dispatchopt.solvers.insertion import Inserter
from dispatchopt.timeline import FOREVER, service_start

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from dispatchopt.instance import Compiled
    from dispatchopt.rules.context import ShiftFacts, TicketFacts
    from dispatchopt.solvers._kernels import Search

PROMISED = "promised_visits"
"""Counted where a ticket would fit an empty shift, but not beside its promised visits."""


def explain_unserved(
    compiled: Compiled,
    search: Search,
    most_visits: int,
    routes: Sequence[Sequence[int]],
    *,
    known: Container[str] = (),
    is_guarded: bool = False,
) -> dict[str, Unserved]:
    """Return the reason for each ticket that the routes leave out, by id.

    Parameters
    ----------
    known
        Tickets whose reason is not asked for.
    is_guarded
        Whether what fits below its price all the same would weaken a promise (`promises.Guard`);
        else nobody has looked for its place.
    """
    served = {t for route in routes for t in route}
    left = [t for t, i in enumerate(compiled.ticket_ids) if t not in served and i not in known]
    if not left:
        return {}
    promised = [_promised_only(compiled, route) for route in routes]
    beside, final = Inserter(search, most_visits, promised), Inserter(search, most_visits, routes)
    single = Inserter(search, most_visits, routes)
    fits = "WOULD_WEAKEN_PROMISE" if is_guarded else "SEARCH_LIMIT"
    return {
        compiled.ticket_ids[t]: _explain(
            compiled, t, routes, fits=fits, beside=beside, final=final, single=single
        )
        for t in left
    }


def _promised_only(compiled: Compiled, route: Sequence[int]) -> list[int]:
    tickets = compiled.ctx.tickets
    return [t for t in route if tickets[compiled.ticket_ids[t]].is_promised]


def _explain(
    compiled: Compiled,
    t: int,
    routes: Sequence[Sequence[int]],
    *,
    fits: str,
    beside: Inserter,
    final: Inserter,
    single: Inserter,
) -> Unserved:
    ticket_id = compiled.ticket_ids[t]
    places = final.costs(t)
    if places:
        added, s = min((cost, s) for s, cost in places.items())
        price = int(compiled.instance.skip_cost[t])
        detail: dict[str, Any] = {
            "added_cost": added,
            "price": price,
            "shift_id": compiled.shift_ids[s],
        }
        reason = fits if added < price else "COSTS_MORE_THAN_PRICE"
        return Unserved(ticket_id=ticket_id, reason=reason, detail=detail)
    fitting = sorted(beside.costs(t))
    return _lost(compiled, t, fitting, routes, single) if fitting else _blocked(compiled, t)


def _blocked(compiled: Compiled, t: int) -> Unserved:
    """Name the rule that blocks every shift that a lock leaves open, or count the shifts by rule.

    A lock that leaves none open is the reason itself.
    """
    ctx = compiled.ctx
    ticket = ctx.tickets[compiled.ticket_ids[t]]
    found = [
        _blocking(compiled, t, ticket, s, shift) for s, shift in enumerate(ctx.shifts.values())
    ]
    counts = Counter(name for names in found for name in names)
    told = {"blocked_by": dict(sorted(counts.items())), "shifts": len(found)}
    within = [names for names in found if locks.NAME not in names] or found
    common = set(within[0]).intersection(*within) if within else set()
    for rule in RULES:
        if rule.name in common:
            detail = {**rule.facts(ctx, ticket), **told}
            return Unserved(ticket_id=ticket.id, reason=rule.reason(ctx, ticket), detail=detail)
    if PROMISED in common:
        return Unserved(ticket_id=ticket.id, reason="NO_ROOM_BESIDE_PROMISES", detail=told)
    facts: dict[str, Any] = {}
    for rule in RULES:
        if counts[rule.name]:
            facts |= rule.facts(ctx, ticket)
    return Unserved(ticket_id=ticket.id, reason="NO_FEASIBLE_SHIFT", detail={**facts, **told})


def _blocking(
    compiled: Compiled, t: int, ticket: TicketFacts, s: int, shift: ShiftFacts
) -> list[str]:
    """Return the rules that keep the ticket alone out of a shift."""
    bits = int(compiled.instance.blocked[t, compiled.instance.class_of[s]])
    if bits:
        return [rule.name for bit, rule in enumerate(RULES) if bits >> bit & 1]
    ctx = compiled.ctx
    if schedule_route(ctx, shift, [ticket]) is not None:
        return [PROMISED]
    windows, latest = ticket.windows, ticket.latest
    if ctx.is_pinned(ticket.id, shift.id):
        windows, latest = ((ctx.pins[ticket.id].start,) * 2,), FOREVER
    if not windows:
        return ["windows"]
    trip = travel_time.there_and_back(ctx, ticket, shift)
    if trip is None or shift.begin + trip > shift.hard_end:
        return ["travel_time"]
    way = ctx.travel_seconds(shift, shift.start_place, ticket.place)
    start = service_start(windows, shift.begin + way)
    if start is None or start >= shift.hard_end:
        return ["windows" if windows != ((ticket.release, FOREVER),) else "shift_hours"]
    end = start + ctx.duration(ticket, shift)
    if end > latest:
        return ["latest"]
    return ["shift_hours" if end + trip - way > shift.hard_end else "breaks"]


def _lost(
    compiled: Compiled,
    t: int,
    fitting: Sequence[int],
    routes: Sequence[Sequence[int]],
    single: Inserter,
) -> Unserved:
    """Name the visits that took the room: the cheapest ones whose absence would let it in."""
    inst, ctx = compiled.instance, compiled.ctx
    best: tuple[int, int, list[int]] | None = None
    victims: list[tuple[list[int], int]] = []
    for s in fitting:
        open_to = [v for v in routes[s] if not ctx.tickets[compiled.ticket_ids[v]].is_promised]
        victims.append((sorted(open_to, key=lambda v: (int(inst.skip_cost[v]), v)), s))
    victims.sort(key=lambda item: (int(inst.skip_cost[item[0][0]]) if item[0] else 0, item[1]))
    for candidates, s in victims:
        if best is not None and candidates and int(inst.skip_cost[candidates[0]]) >= best[0]:
            break
        route, out = list(routes[s]), list[int]()
        for victim in candidates:
            out.append(victim)
            if _fits(single, s, [v for v in route if v not in out], t):
                out = _spared(single, s, route, out, t)
                total = sum(int(inst.skip_cost[v]) for v in out)
                if best is None or total < best[0]:
                    best = (total, s, out)
                break
    ticket_id = compiled.ticket_ids[t]
    if best is None:
        return Unserved(ticket_id=ticket_id, reason="SEARCH_LIMIT")
    displaced = [compiled.ticket_ids[v] for v in best[2]]
    detail = {
        "shift_id": compiled.shift_ids[best[1]],
        "tickets": displaced,
        "priorities": [ctx.tickets[v].ticket.priority for v in displaced],
        "price": int(inst.skip_cost[t]),
        "price_of_tickets": best[0],
        "shifts_possible": len(fitting),
    }
    return Unserved(ticket_id=ticket_id, reason="LOST_TO_OTHERS", detail=detail)


def _spared(single: Inserter, s: int, route: list[int], out: list[int], t: int) -> list[int]:
    """Take back every visit that need not go."""
    needed = list(out)
    for victim in reversed(out):
        fewer = [v for v in needed if v != victim]
        if _fits(single, s, [v for v in route if v not in fewer], t):
            needed = fewer
    return needed


def _fits(single: Inserter, s: int, route: list[int], t: int) -> bool:
    # Over given tables a way may lead only over the ticket: without it the route need not be one.
    single.put(s, route)
    return single.best_in(s, t) is not None
