"""OR-Tools' routing library: guided local search with price penalties.

Leaving a ticket out costs its price (a disjunction); skills are allowed vehicles; the start of
service is the cumul of the time dimension. The library is single-threaded: `solve` runs one
configuration per thread and keeps the best plan. Its first two add neighbourhoods that are off by
default; on 100 tickets in 8 s they ended 2 to 13 % below the default on two of three days, and
0.4 % above it on the third. `solve_plain` is the configuration of the library's own examples.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from benchmarks.peers import portfolio

if TYPE_CHECKING:
    from types import ModuleType

    from benchmarks.day import Clock, Day

_BOOL_TRUE = 3  # OptionalBoolean in the library's parameters

_CHAIN_AND_NODE_LNS = (
    "global_cheapest_insertion_expensive_chain_lns",
    "local_cheapest_insertion_expensive_chain_lns",
    "global_cheapest_insertion_close_nodes_lns",
    "local_cheapest_insertion_close_nodes_lns",
)
_MORE_MOVES = (
    "relocate_neighbors",
    "cross_exchange",
    "extended_swap_active",
    "relocate_and_make_active",
    "exchange_and_make_active",
    "node_pair_swap_active",
)
_CONFIGURATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("LOCAL_CHEAPEST_INSERTION", (*_CHAIN_AND_NODE_LNS, *_MORE_MOVES)),
    ("PARALLEL_CHEAPEST_INSERTION", _CHAIN_AND_NODE_LNS),
    ("LOCAL_CHEAPEST_INSERTION", _CHAIN_AND_NODE_LNS),
    ("PARALLEL_CHEAPEST_INSERTION", ()),
)
_PLAIN = 3


def solve(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day with as many configurations as threads, from number `seed` on."""
    return portfolio.best_of(_run, day, clock, [seed + k for k in range(threads)])


def solve_plain(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day once with default neighbourhoods; `threads` and `seed` are not used."""
    del threads, seed
    return _run(day, clock, _PLAIN)


def _run(day: Day, clock: Clock, variant: int) -> dict[str, tuple[str, ...]]:
    cp = importlib.import_module("ortools.constraint_solver.pywrapcp")
    num_tickets, num_shifts = len(day.tickets), len(day.shifts)
    depots = list(range(num_tickets, num_tickets + num_shifts))
    manager = cp.RoutingIndexManager(num_tickets + num_shifts, num_shifts, depots, depots)
    routing = cp.RoutingModel(manager)
    _add_costs_and_times(day, routing)
    _add_tickets(day, routing, manager)
    parameters = _parameters(cp, *_CONFIGURATIONS[variant % len(_CONFIGURATIONS)])
    parameters.time_limit.FromMilliseconds(int(clock.remaining() * 1000))
    solution = routing.SolveWithParameters(parameters)
    if solution is None:
        return {}
    routes = {}
    for s, shift in enumerate(day.shifts):
        order = []
        index = solution.Value(routing.NextVar(routing.Start(s)))
        while not routing.IsEnd(index):
            order.append(day.tickets[manager.IndexToNode(index)].id)
            index = solution.Value(routing.NextVar(index))
        routes[shift.id] = tuple(order)
    return routes


def _add_costs_and_times(day: Day, routing: Any) -> None:  # Any: looked up at run time
    places = [ticket.place for ticket in day.tickets] + [shift.place for shift in day.shifts]
    travel = day.travel[places][:, places]
    times = travel.copy()
    for t, ticket in enumerate(day.tickets):
        times[t, :] += ticket.duration
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(travel.tolist()))
    transit = routing.RegisterTransitMatrix(times.tolist())
    routing.AddDimension(transit, day.horizon, day.horizon, False, "time")
    time = routing.GetDimensionOrDie("time")
    for s, shift in enumerate(day.shifts):
        time.CumulVar(routing.Start(s)).SetRange(shift.start, shift.end)
        time.CumulVar(routing.End(s)).SetRange(shift.start, shift.end)


def _add_tickets(day: Day, routing: Any, manager: Any) -> None:  # Any: looked up at run time
    time = routing.GetDimensionOrDie("time")
    for t, ticket in enumerate(day.tickets):
        index = manager.NodeToIndex(t)
        allowed = [s for s, shift in enumerate(day.shifts) if day.can_serve(shift, ticket)]
        routing.AddDisjunction([index], ticket.price)
        # SetAllowedVehiclesForIndex refuses every Python sequence in release 9.15; -1 = left out.
        routing.VehicleVar(index).SetValues([-1, *allowed])
        time.CumulVar(index).SetRange(ticket.open, ticket.close)


def _parameters(cp: ModuleType, first_solution: str, operators: tuple[str, ...]) -> Any:
    # Any: the type is looked up at run time.
    enums = importlib.import_module("ortools.constraint_solver.routing_enums_pb2")
    parameters = cp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = getattr(enums.FirstSolutionStrategy, first_solution)
    parameters.local_search_metaheuristic = enums.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    for operator in operators:
        setattr(parameters.local_search_operators, f"use_{operator}", _BOOL_TRUE)
    return parameters
