"""A plan's routes held in the kernels: where a ticket would go, in milliseconds.

Offers and bookings ask for the places of one ticket again and again, and change one route at a
time. The board compiles such a ticket alone (`instance.compile_ticket`), by the rules that the
planner compiles, tries it with the planner's kernels, and plays the days of `chance` through.
"""

from __future__ import annotations

from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.board.found import MOST_DISPLACED, Found
from dispatchopt.board.state import State, hashed
from dispatchopt.errors import InternalError, InvalidProblemError, Issue
from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers import _places
from dispatchopt.solvers.held import UNPROMISED, Newcomer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.board.found import Prepared
    from dispatchopt.forms import Int64Array
    from dispatchopt.models import Ticket, Window
    from dispatchopt.solvers.held import Line


class Board(State):
    """A plan that tickets are put into and taken from one by one, every promise kept.

    The same plan and the same sequence of changes give the same routes in every process. Methods
    may be called from several threads.

    Parameters
    ----------
    planner
        The compiled problem.
    plan
        A plan of that problem; orders are enough.
    seed
        Of the days that are played through.

    Raises
    ------
    InvalidProblemError
        If the plan has shifts or visits that the problem does not know, or routes that are not
        feasible; with all of them. Visits of tickets that are no longer to be made are left out.
    """

    def copy(self) -> Board:
        """Return another board that can be changed by itself."""
        with self.lock:
            other = object.__new__(Board)
            other.__dict__.update(self.__dict__)
            other.lock = RLock()
            other._held, other._door = self._held.copy(), self._door.copy()
            other._changed, other._ids = dict(self._changed), list(self._ids)
            other._displaced = dict(self._displaced)
            other._row_of, other._at = dict(self._row_of), dict(self._at)
            return other

    # --- Places ---

    def places(
        self, ticket: Ticket, windows: Sequence[Window | None], *, displace: bool = False
    ) -> list[Found]:
        """Return the best place on every shift for every window, where there is one.

        Places that may be promised (`Found.is_good`) go before others; among equal ones the least
        added cost and price of a missed window together counts.

        Parameters
        ----------
        ticket
            May be new, or planned: then it is taken out first, whatever it was promised.
        windows
            Each is promised in turn in place of the ticket's own appointment; None: nothing is.
        displace
            Whether visits without promise or lock may leave the plan for it, at their price: up to
            `MOST_DISPLACED` that follow each other.

        Raises
        ------
        InvalidProblemError
            If the ticket contradicts the problem, or is a fact (started, or locked to its time);
            with all faults.
        """
        with self.lock:
            compiled = self._compile(ticket, windows)
            return self._find(compiled, by_shift=True, most=MOST_DISPLACED if displace else 0)

    def best_places(
        self,
        ticket: Ticket,
        windows: Sequence[Window | None],
        room_per_hour: Int64Array | None = None,
        *,
        displace: bool = False,
    ) -> list[Found]:
        """Return the best place for every window, where there is one.

        Parameters
        ----------
        room_per_hour
            ``int64[S]``: a price besides for each hour of each shift that the visit takes.

        Other parameters and errors are those of `places`.
        """
        return self.best_of(self.prepare(ticket, windows), None, room_per_hour, displace=displace)

    def prepare(self, ticket: Ticket, windows: Sequence[Window | None]) -> Prepared:
        """Compile a ticket for several windows, to ask for its places in some or others of them.

        Raises as `places` does.
        """
        with self.lock:
            return self._compile(ticket, windows)

    def best_of(
        self,
        prepared: Prepared,
        indices: Sequence[int] | None = None,
        room_per_hour: Int64Array | None = None,
        *,
        displace: bool = False,
    ) -> list[Found]:
        """Return the best place for every window, or these of them; see `best_places`."""
        most = MOST_DISPLACED if displace else 0
        with self.lock:
            return self._find(prepared, indices, room_per_hour, by_shift=False, most=most)

    def _find(
        self,
        compiled: Prepared,
        indices: Sequence[int] | None = None,
        room_per_hour: Int64Array | None = None,
        *,
        by_shift: bool,
        only: int | None = None,
        most: int = 0,
        kept: Int64Array | None = None,
    ) -> list[Found]:
        """Return the best places by window, or by window and shift.

        A ticket that is planned is taken out first, unless it is out already: then `kept` tells
        in how many samples promises were kept before. Nothing weakens a promise by coming back.
        """
        num_s, row = len(self._shift_idx), compiled.row
        asked = range(len(row.facts)) if indices is None else indices
        if not asked:
            return []
        lines = [self._door.line(row, r) for r in asked]
        open_to = np.ones(num_s, np.bool_) if only is None else np.arange(num_s) == only
        back = None
        if kept is None:
            kept = self._held.kept.copy()
            back = self._take_out(compiled.ticket.id)
        base = None
        if back is not None and not back.is_feasible:
            # Without it the rest has no way: there is no other shift for it.
            open_to &= np.arange(num_s) == back.shift
            base = back.costs
        newcomer = Newcomer(lines[0], compiled.legs, compiled.seconds)
        found, versions = self._held.find(newcomer, lines, open_to, base, most)
        group = found[:, _places.VERSION_OF].copy()
        if by_shift:
            group = group * num_s + found[:, _places.SHIFT]
        on_site = lines[0].duration[self._compiled.instance.pace_of]
        hourly = np.zeros(num_s, np.int64) if room_per_hour is None else room_per_hour
        extra = np.asarray(-(-hourly * on_site // 3600), np.int64)
        num_groups = len(lines) * (num_s if by_shift else 1)
        chosen = self._held.choose(lines, versions, found, group, num_groups, extra, kept)
        due = row.facts[0].due
        places = [
            self._told_place(found[place[_places.PLACE]], place, lines, asked, due, on_site)
            for place in chosen
            if place[_places.STATE] != _places.NONE
        ]
        if back is not None:
            self._put_back([back])
        return places

    def _told_place(
        self,
        place: Int64Array,
        chosen: Int64Array,
        lines: Sequence[Line],
        asked: Sequence[int],
        due: int,
        on_site: Int64Array,
    ) -> Found:
        version, s, at, added, start, end, first, size = place.tolist()
        gone = self._held.chain.visits[s, first : first + size].tolist()
        state = int(chosen[_places.STATE])
        is_promised = lines[version].promise != UNPROMISED
        return Found(
            window_index=asked[version],
            shift_idx=s,
            shift_id=self._compiled.shift_ids[s],
            position=at,
            added_cost=added,
            start=start,
            end=end,
            tardiness=max(0, end - due),
            kept_probability=self._told[int(chosen[_places.COUNT])] if is_promised else 1.0,
            weakest=self._told[int(chosen[_places.WEAKEST])],
            weakest_before=self._told[int(chosen[_places.WEAKEST_BEFORE])],
            weakens=bool(chosen[_places.WEAKENS_OTHER]),
            is_good=state == _places.GOOD,
            room_seconds=int(on_site[s]),
            displaces=tuple(self._ids[row] for row in gone),
        )

    def refuse(self, ticket: Ticket, windows: Sequence[Window | None] = ()) -> None:
        """Raise `InvalidProblemError` for a ticket that has no place here, with all its faults.

        It contradicts the problem, is not to be visited, or is a fact; or one of the windows that
        it might be promised closes before it opens.
        """
        self._door.refuse(ticket, windows, self._changed)

    def _compile(self, ticket: Ticket, windows: Sequence[Window | None]) -> Prepared:
        """Compile a ticket with each window promised; make room for what it needs first."""
        prepared = self._door.prepare(ticket, windows, self._changed)
        rows = prepared.row.rows
        self._held.add_capacities(rows.capacity_names, rows.capacity)
        return prepared

    # --- Changes ---

    def insert(
        self,
        ticket: Ticket,
        shift_id: str,
        window: Window | None,
        displaces: Sequence[str] = (),
    ) -> Found | None:
        """Put a ticket on a shift, where `places` finds its place for that window.

        Parameters
        ----------
        ticket
            May be new, or planned: then it leaves its place.
        window
            Promised from now on, in place of what was; None: nothing is promised.
        displaces
            Tickets without a promise that leave the plan for it.

        Returns
        -------
        Found or None
            None if it has no place there; nothing has changed then. What it costs counts what
            leaves for it, too.

        Raises
        ------
        InvalidProblemError
            As `places`; for a shift that the problem does not know; and for a ticket to be
            displaced that is not on that shift or may not be.
        """
        with self.lock:
            s = self._refuse_place(shift_id, ticket, displaces)
            compiled = self._compile(ticket, [window])
            kept = self._held.kept.copy()
            back = self._take_out(ticket.id)
            if back is not None and not back.is_feasible and back.shift != s:
                self._put_back([back])
                return None
            before = int(self._held.costs()[s])
            out = [self._take_out(other) for other in displaces]
            gone = [taken for taken in out if taken is not None]
            left = int(self._held.costs()[s])
            found = self._find(compiled, by_shift=False, only=s, kept=kept)
            if not found:
                self._put_back([*([] if back is None else [back]), *gone])
                return None
            place = found[0]
            price = left - before
            for other, taken in zip(displaces, gone, strict=True):
                del self._at[taken.row]
                self._displaced[other] = ticket.id, shift_id
                price += int(self._held.search.ticket[taken.row, kernels.SKIP])
            self._settle(compiled, s, place.position)
            self._note("insert", ticket.id, shift_id, window, *displaces)
            return replace(place, added_cost=place.added_cost + price, displaces=tuple(displaces))

    def _refuse_place(self, shift_id: str, ticket: Ticket, displaces: Sequence[str]) -> int:
        """Return the index of a shift; raise if it, or what is to leave it, cannot be."""
        issues = []
        if shift_id not in self._shift_idx:
            issues.append(Issue("shift", shift_id, "id", "", "no such shift in the problem"))
        for other in displaces:
            row = self._row_of.get(other, -1)
            if self.shift_of(other) != shift_id or other == ticket.id:
                message = "is not on that shift, so that it cannot leave it"
                issues.append(Issue("ticket", other, "displaces", shift_id, message))
            elif not self._held.free[row]:
                message = "is promised or locked, and stays where it is"
                issues.append(Issue("ticket", other, "displaces", shift_id, message))
        if issues:
            raise InvalidProblemError(issues)
        return self._shift_idx[shift_id]

    def _settle(self, compiled: Prepared, s: int, at: int) -> None:
        """Put a ticket that is in no route where its place was found."""
        ticket = compiled.row.facts[0].ticket
        row = self._write_row(compiled)
        if not self._held.insert(row, s, at):
            raise InternalError(f"ticket '{ticket.id}' has no room where its place was found")
        self._at[row] = s
        self._changed[ticket.id] = ticket
        self._displaced.pop(ticket.id, None)

    def remove(self, ticket_id: str) -> tuple[str, ...]:
        """Take a ticket out of the plan, with what it was promised; it stays in the problem.

        Returns
        -------
        tuple of str
            Other tickets that had to leave, too: their way led over this one (a table of travel
            without a direct way). Mostly none.

        Raises
        ------
        KeyError
            If the problem does not know the ticket.
        InvalidProblemError
            If the ticket is a fact: without it the shift is another one, so that the whole problem
            has to be compiled anew.
        """
        with self.lock:
            ticket = self.ticket(ticket_id)
            if ticket is None:
                raise KeyError(ticket_id)
            self._door.refuse_fact(ticket)
            gone = self._clear(ticket_id)
            self._changed[ticket_id] = ticket.model_copy(update={"appointment": None})
            self._note("remove", ticket_id)
            return gone

    def update(self, ticket: Ticket) -> tuple[str, ...]:
        """Take over a ticket as it is now, without a place: new, changed or over.

        One that is planned is taken out first. Returns and raises as `remove` and `places` do.
        """
        with self.lock:
            if ticket.is_plannable:
                self.refuse(ticket, [ticket.appointment])
            self._door.refuse_fact(ticket)
            gone = self._clear(ticket.id)
            self._changed[ticket.id] = ticket
            self._note("update", ticket.model_dump_json())
            return gone

    def _note(self, *what: object) -> None:
        text = "|".join(str(item) for item in what)
        self._history = hashed(f"{self._history}\n{text}")

    def _clear(self, ticket_id: str) -> tuple[str, ...]:
        """Take a ticket out of its route, if it is in one; return who had to leave with it."""
        back = self._take_out(ticket_id)
        if back is None:
            return ()
        del self._at[back.row]
        if back.is_feasible:
            return ()
        rest = self._held.orders()[back.shift]
        kept: list[int] = []
        self._held.load_route(back.shift, kept)
        promised = self._held.promised
        for row in sorted(rest, key=lambda row: promised[row, 1] < promised[row, 0]):
            tried = sorted([*kept, row], key=rest.index)
            if self._held.load_route(back.shift, tried):
                kept = tried
        self._held.load_route(back.shift, kept)
        gone = [row for row in rest if row not in kept]
        for row in gone:
            del self._at[row]
        return tuple(self._ids[row] for row in gone)

    def _put_back(self, taken: Sequence[_Taken]) -> None:
        """Put back what was taken out, the last first."""
        for back in reversed(taken):
            self._held.insert(back.row, back.shift, back.at)

    def _take_out(self, ticket_id: str) -> _Taken | None:
        """Take a ticket out of its route for a while; None if it is in none."""
        row = self._row_of.get(ticket_id, -1)
        s = self._at.get(row)
        if s is None:
            return None
        costs = self._held.costs()
        at = self._held.orders()[s].index(row)
        return _Taken(row, s, at, self._held.remove(s, at), costs)


class _Taken(NamedTuple):
    """Where a ticket was, whether the rest is feasible, and the routes' costs before."""

    row: int
    shift: int
    at: int
    is_feasible: bool
    costs: Int64Array
