"""Booking by the product: offers from a desk, every night a plan with all that was promised."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.offers_branch import HORIZON, Morning, Quote
from benchmarks.offers_day import Stop, make_crew
from benchmarks.offers_world import DAY, wished_windows
from dispatchopt.board import Board
from dispatchopt.models import Break, Offer, Plan, Policy, Problem, Route, Ticket, Visit, Window
from dispatchopt.solve import Planner
from dispatchopt.windows.forced import forced_on
from dispatchopt.windows.offers import offers_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from benchmarks.offers_day import Crew
    from benchmarks.offers_world import Customer, World
    from dispatchopt.models import Engineer, Shift


class Book(Protocol):
    """The days that can be booked."""

    def offers(self, ticket: Ticket) -> list[tuple[Window, float]]:
        """Return windows with the probability that each is kept."""

    def insist(self, ticket: Ticket, window: Window) -> float | None:
        """Return the probability that this window is kept; None: it cannot be had."""

    def take(self, ticket: Ticket, window: Window) -> None:
        """Promise a window."""

    def drop(self, ticket_id: str) -> None:
        """Cancel a promise."""

    def orders(self) -> dict[str, list[str]]:
        """Return the tickets of each shift in order, as they stand."""


class BoardBook:
    """The days that can be booked, on a board: what a desk does, without the ledger.

    Parameters
    ----------
    displace
        Whether visits without a promise may leave the plan for one; the next night plans them.
    """

    def __init__(self, problem: Problem, plan: Plan, *, displace: bool = False) -> None:
        self.board, self.displace = Board(Planner(problem), plan), displace
        self.told: dict[Window, Offer] = {}

    def offers(self, ticket: Ticket) -> list[tuple[Window, float]]:
        """Return what `offer_windows` returns."""
        found = offers_on(self.board, ticket, displace=self.displace)
        self.told = {offer.window: offer for offer in found}
        return [(offer.window, offer.kept_probability) for offer in found]

    def insist(self, ticket: Ticket, window: Window) -> float | None:
        """Return what `offer_forced` tells."""
        offer = forced_on(self.board, ticket, window).offer
        if offer is None:
            return None
        self.told = {window: offer}
        return offer.kept_probability

    def take(self, ticket: Ticket, window: Window) -> None:
        """Put the visit into its route."""
        offer = self.told[window]
        place = self.board.insert(ticket, offer.shift_id, window, offer.displaces)
        assert place is not None, "the window was offered on these routes"

    def drop(self, ticket_id: str) -> None:
        """Take the visit out of its route."""
        self.board.remove(ticket_id)

    def orders(self) -> dict[str, list[str]]:
        """Return the board's orders."""
        return self.board.orders()


class Ours:
    """Booking by offers and nights; the book of a day is closed when its routes go out.

    Parameters
    ----------
    open_book
        Makes the book of some days from their problem and plan.
    iterations
        Of the search, each night; one thread.
    policy
        Fields in place of those of the world's policy.
    """

    def __init__(
        self,
        world: World,
        open_book: Callable[[Problem, Plan], Book],
        *,
        iterations: int,
        seed: int,
        policy: Mapping[str, Any] = MappingProxyType({}),  # Any: JSON
    ) -> None:
        if policy:
            fields = {**world.problem.policy.model_dump(), **policy}
            update = {"policy": Policy.model_validate(fields)}
            world = replace(world, problem=world.problem.model_copy(update=update))
        self.world, self.open_book = world, open_book
        self.options = {"iterations": iterations, "seed": seed, "threads": 1, "prove": False}
        self.waiting: dict[str, Customer] = {}
        self.promised: dict[str, tuple[Customer, tuple[int, int]]] = {}
        self.book: Book | None = None

    def night(self, day: int) -> Morning:
        """Plan the days from `day` on and open the book of the days after it."""
        problem = self._problem(day)
        if self.book is not None:
            previous = _part(self.book.orders(), problem)
            problem = problem.model_copy(update={"previous_plan": previous})
        plan = Planner(problem).solve(**self.options).plan
        morning = self._morning(day, plan)
        if day + 1 < self.world.days:
            rest = self._problem(day + 1)
            orders = {r.shift_id: [v.ticket_id for v in r.visits] for r in plan.routes}
            self.book = self.open_book(rest, _part(orders, rest))
        return morning

    def offers(self, customer: Customer) -> Sequence[Quote]:
        """Ask the desk, with the customer's wishes."""
        assert self.book is not None
        days = range(customer.day + 1, customer.day + 1 + HORIZON)
        wishes = tuple(map(self.world.window, wished_windows(customer, days)))
        ticket = customer.ticket.model_copy(update={"windows": wishes})
        found = self.book.offers(ticket)
        return [Quote(self.world.span(window), told) for window, told in found]

    def insist(self, customer: Customer, span: tuple[int, int]) -> Quote | None:
        """Ask the desk what the hour would take; it is granted whenever a plan can hold it."""
        assert self.book is not None
        if span[0] >= (customer.day + 1 + HORIZON) * DAY:
            return None
        window = self.world.window(span)
        told = self.book.insist(customer.ticket, window)
        return None if told is None else Quote(span, told)

    def promise(self, customer: Customer, quote: Quote) -> None:
        """Take the window."""
        assert self.book is not None
        self.book.take(customer.ticket, self.world.window(quote.span))
        self.promised[customer.id] = customer, quote.span

    def wait(self, customers: Iterable[Customer]) -> None:
        """Keep customers for the nights to come."""
        self.waiting |= {customer.id: customer for customer in customers}

    def cancel(self, customer: Customer) -> None:
        """Give the place on the route back."""
        assert self.book is not None
        self.book.drop(customer.id)
        del self.promised[customer.id]

    def _problem(self, day: int) -> Problem:
        """Return the days from `day` on with everybody who waits for somebody."""
        promised = (
            customer.ticket.model_copy(update={"appointment": self.world.window(span)})
            for customer, span in self.promised.values()
        )
        waiting = (customer.ticket for customer in self.waiting.values())
        return self.world.problem_of(day, HORIZON, (*promised, *waiting))

    def _morning(self, day: int, plan: Plan) -> Morning:
        """Take the routes of the day out of the plan; who is on them is no longer waited for."""
        routes = {route.shift_id: route for route in plan.routes}
        morning = Morning([])
        for engineer in self.world.problem.engineers:
            for shift in engineer.shifts:
                if self.world.day_of(shift) == day:
                    route = routes.get(shift.id)
                    morning.crews.append(self._crew(morning, engineer, shift, route))
        left = [c for c, span in self.promised.values() if span[0] < (day + 1) * DAY]
        for customer in left:
            del self.promised[customer.id]
        morning.left_out = left
        return morning

    def _crew(
        self, morning: Morning, engineer: Engineer, shift: Shift, route: Route | None
    ) -> Crew:
        crew = make_crew(self.world, engineer, shift, [])
        if route is None:
            return crew
        pauses = [(taken.end, self._pause(shift.breaks, taken.start)) for taken in route.breaks]
        for visit in route.visits:
            customer, span = self._leaves(visit)
            if visit.kept_probability is not None:
                morning.told[visit.ticket_id] = visit.kept_probability
            assert visit.start is not None
            due = [pause for end, pause in pauses if end <= visit.start]
            pauses = pauses[len(due) :]
            place = self.world.travel.place_index[customer.ticket.place]
            crew.todo.append(Stop(customer, place, span, due))
        crew.pauses_home = [pause for _, pause in pauses]
        return crew

    def _leaves(self, visit: Visit) -> tuple[Customer, tuple[int, int] | None]:
        if visit.ticket_id in self.promised:
            return self.promised.pop(visit.ticket_id)
        return self.waiting.pop(visit.ticket_id), None

    def _pause(self, breaks: Sequence[Break], taken: datetime) -> tuple[int, int]:
        own = next(pause for pause in breaks if pause.earliest <= taken <= pause.latest)
        return self.world.seconds(own.earliest), own.duration


def _part(orders: Mapping[str, Sequence[str]], problem: Problem) -> Plan:
    """Return orders as a plan, as far as the problem has their shifts and tickets."""
    tickets = {ticket.id for ticket in problem.tickets}
    routes = []
    for shift in (shift for engineer in problem.engineers for shift in engineer.shifts):
        known = (ticket_id for ticket_id in orders.get(shift.id, ()) if ticket_id in tickets)
        visits = tuple(Visit(ticket_id=ticket_id) for ticket_id in known)
        if visits:
            routes.append(Route(shift_id=shift.id, visits=visits))
    return Plan(routes=tuple(routes))
