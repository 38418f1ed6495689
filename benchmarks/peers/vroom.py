"""VROOM through pyvroom: exploration level 5, its highest.

VROOM maximises the sum of the priorities served, then the number served, then minimises travel.
Priorities 40 / 20 / 10 / 6 (the prices in hours) make its first aim ours. It draws no random
numbers and stops by itself, often long before the limit; `solve` then starts it again on the
tickets and shifts in another order, which breaks its ties differently, and keeps the best plan.
"""

from __future__ import annotations

import importlib
import random
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.day import Clock, Day, DayShift, DayTicket, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPLORATION_LEVEL = 5


def solve(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day again and again while another run of the same length fits."""
    draw = random.Random(seed)
    best = solve_plain(day, clock=clock, threads=threads, seed=seed)
    cost = judge(day, best).cost
    longest = clock.elapsed()
    while clock.limit - clock.elapsed() > longest:
        begin = clock.elapsed()
        tickets = draw.sample(day.tickets, len(day.tickets))
        shifts = draw.sample(day.shifts, len(day.shifts))
        plan = _run(day, tickets, shifts, clock, threads)
        verdict = judge(day, plan)
        if verdict.is_feasible and verdict.cost < cost:
            best, cost = plan, verdict.cost
        longest = max(longest, clock.elapsed() - begin)
    return best


def solve_plain(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day once; `seed` is not used."""
    del seed
    return _run(day, day.tickets, day.shifts, clock, threads)


def _run(
    day: Day,
    tickets: Sequence[DayTicket],
    shifts: Sequence[DayShift],
    clock: Clock,
    threads: int,
) -> dict[str, tuple[str, ...]]:
    vroom = importlib.import_module("vroom")
    names = sorted({name for ticket in tickets for name in ticket.skills})
    number = {name: i + 1 for i, name in enumerate(names)}
    problem = vroom.Input()
    problem.set_durations_matrix(profile="car", matrix_input=day.travel.astype("uint32"))
    for s, shift in enumerate(shifts):
        problem.add_vehicle(
            vroom.Vehicle(
                s,
                start=shift.place,
                end=shift.place,
                skills={number[name] for name in shift.skills},
                time_window=[shift.start, shift.end],
            )
        )
    for t, ticket in enumerate(tickets):
        problem.add_job(
            vroom.Job(
                t,
                location=ticket.place,
                default_service=ticket.duration,
                skills={number[name] for name in ticket.skills},
                priority=ticket.price // 3600,
                time_windows=[[ticket.open, ticket.close]],
            )
        )
    solution = problem.solve(
        exploration_level=EXPLORATION_LEVEL,
        nb_threads=threads,
        timeout=timedelta(seconds=clock.remaining()),
    )
    frame = solution.routes
    if "id" not in frame:  # no job was served
        return {}
    jobs = frame[frame["type"] == "job"]
    return {
        shifts[int(s)].id: tuple(tickets[int(t)].id for t in stops["id"])
        for s, stops in jobs.groupby("vehicle_id", sort=False)
    }
