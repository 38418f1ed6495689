"""What more of something would be worth: hours of an engineer, engineers with a skill, tickets.

The prices come from the proof of the bound. They are marginal and by estimate from above: with one
hour more on a shift, the best possible plan costs less by at most its price and the distance
between the cost of this plan and its bound before branching; prices of load are taken as they are
before the change.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.pricing import SCALE, Pricer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from dispatchopt.instance import Compiled
    from dispatchopt.solvers.pricing import Prices

HOUR = 3600


@dataclass(frozen=True)
class Worth:
    """One row: what one more of it would save, in seconds of an engineer's working time.

    Attributes
    ----------
    kind
        ``shift_hour``: an hour more on this shift. ``shift``: the same shift once more. ``skill``,
        ``territory``: one more engineer like the best placed of those with it (skills) or in it
        (territories). ``ticket``: this ticket once more (what serving it costs at the margin).
    id
        Of the shift, skill, territory or ticket.
    worth
        In cost units; an hour of an engineer's working time is 3600.
    mean
        Mean over the shifts with the skill or in the territory; of others the worth itself.
    count
        How many there are.
    """

    kind: str
    id: str
    worth: int
    mean: int
    count: int


@dataclass(frozen=True)
class ShadowPrices:
    """Worths by kind, the dearest first."""

    rows: tuple[Worth, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a table with the columns kind, id, worth, mean, count, hours_worth."""
        import pandas as pd

        columns = ["kind", "id", "worth", "mean", "count"]
        frame = pd.DataFrame(
            [[getattr(row, name) for name in columns] for row in self.rows], columns=columns
        )
        return frame.assign(hours_worth=(frame["worth"] / HOUR).round(3))

    def to_csv(self) -> str:
        """Return the table as CSV, without the tickets: what staff planning looks at."""
        frame = self.to_frame()
        return str(frame[frame["kind"] != "ticket"].to_csv(index=False))

    def of(self, kind: str) -> dict[str, int]:
        """Return the worth by id of one kind."""
        return {row.id: row.worth for row in self.rows if row.kind == kind}


def shadow_prices(
    compiled: Compiled,
    pricer: Pricer,
    prices: Prices,
    levels: Sequence[int],
    *,
    threads: int = 1,
) -> ShadowPrices:
    """Return the worths that the prices of a proof imply.

    A shift that takes too long to price has no worth, and counts for no skill or territory.

    Parameters
    ----------
    pricer, prices, levels
        As the proof ended with them (`Proof`).
    threads
        Shifts priced at a time.
    """
    ctx = compiled.ctx
    later = _with_longer_shifts(pricer)
    shifts = range(len(compiled.shift_ids))
    pricer.stop[0] = 0
    with ThreadPoolExecutor(threads) as pool:
        leads = list(pool.map(lambda s: _lead(pricer, prices, s, levels[s]), shifts))
        longer = list(pool.map(lambda s: _lead(later, prices, s, levels[s]), shifts))
    shift = {
        shift_id: lead
        for shift_id, lead in zip(compiled.shift_ids, leads, strict=True)
        if lead is not None
    }
    hour = {
        shift_id: max(0, more - shift[shift_id])
        for shift_id, more in zip(compiled.shift_ids, longer, strict=True)
        if more is not None and shift_id in shift
    }
    ticket = {
        ticket_id: max(0, round(int(price) / SCALE))
        for ticket_id, price in zip(compiled.ticket_ids, prices.dual.tolist(), strict=True)
    }
    skills: dict[str, list[int]] = defaultdict(list)
    territories: dict[str, list[int]] = defaultdict(list)
    for shift_id, worth in shift.items():
        engineer = ctx.shifts[shift_id].engineer
        for skill in engineer.skills:
            skills[skill].append(worth)
        for territory in engineer.territories or ():
            territories[territory].append(worth)
    rows = [
        *_single("shift_hour", hour),
        *_single("shift", shift),
        *_grouped("skill", skills),
        *_grouped("territory", territories),
        *_single("ticket", ticket),
    ]
    return ShadowPrices(tuple(rows))


def _lead(pricer: Pricer, prices: Prices, shift: int, level: int) -> int | None:
    """Return by how much the shift's best route is cheaper than none, tickets' prices counted.

    Only routes below `level` are looked for: one that costs so much is known. None: pricing the
    shift takes too long.
    """
    empty = pricer.empty[shift].relaxed
    least = pricer.least(shift, prices, min(empty, level))
    return None if least is None else max(0, -(-(empty - least) // SCALE))


def _with_longer_shifts(pricer: Pricer) -> Pricer:
    """Return a pricer of the same shifts, each an hour longer."""
    inst = pricer.inst
    longer = inst._replace(
        shift_limit=inst.shift_limit + HOUR, shift_hard_end=inst.shift_hard_end + HOUR
    )
    search, most_visits = lay_out(longer)
    later = Pricer(longer, search, most_visits, 1)
    later.lines = pricer.lines
    # What memories have grown by: an hour would else be priced with routes that return to tickets.
    for s, memory in enumerate(pricer.memory):
        later.remember(s, memory.pairs() - later.memory[s].pairs())
    return later


def _single(kind: str, worths: Mapping[str, int]) -> Iterable[Worth]:
    for name, worth in sorted(worths.items(), key=lambda item: (-item[1], item[0])):
        yield Worth(kind, name, worth, worth, 1)


def _grouped(kind: str, worths: Mapping[str, list[int]]) -> Iterable[Worth]:
    for name, values in sorted(worths.items(), key=lambda item: (-max(item[1]), item[0])):
        yield Worth(kind, name, max(values), round(sum(values) / len(values)), len(values))
