"""Nights with a ledger: what was promised is planned, and what was booked meanwhile is put in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.adapters.json_files import read_plan, read_problem
from dispatchopt.booking import Desk, Ledger
from dispatchopt.checker import check
from dispatchopt.errors import AdapterError, BookingConflictError, InvalidProblemError
from dispatchopt.models import Ticket, Window
from dispatchopt.night import Hooks, read_config, run_night
from dispatchopt.night.nights import NightUnpublishedError
from dispatchopt.night.publishing import Publishing
from tests.unit.night_days import BEFORE, problem, stamp, tickets, write_input, write_settings
from tests.unit.raw_data import raw_ticket

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from dispatchopt.models import Plan
    from dispatchopt.night import NightResult
    from tests.unit.raw_data import Raw


def slot(opens: str, closes: str, day: int = 0) -> Window:
    return Window.model_validate({"open": stamp(day, opens), "close": stamp(day, closes)})


def ticket(ticket_id: str, **changed: Any) -> Ticket:
    place = {"lat": 31.2, "lon": 121.41}
    return Ticket.model_validate(raw_ticket(ticket_id, place=place, **changed))


def two_days(*, visits: int = 3) -> Raw:
    """What a problem of Monday and Tuesday has else."""
    engineer, other = (problem([], day=n, visits=visits)["engineers"][0] for n in range(2))
    horizon = {"start": stamp(0, "00:00"), "end": stamp(1, "23:59")}
    return {
        "horizon": horizon,
        "engineers": [{**engineer, "shifts": engineer["shifts"] + other["shifts"]}],
    }


class Branch:
    """A branch with a ledger, whose nights run in a folder."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.ledger = Ledger(f"sqlite:///{base / 'ledger.db'}", clock=lambda: BEFORE)
        write_settings(base, publish=f'[bookings]\nledger = "sqlite:///{base}/ledger.db"')

    def night(
        self,
        *ids: str,
        day: int = 0,
        meanwhile: Callable[[], object] = list,
        given: list[Raw] | None = None,
        now: datetime = BEFORE,
        **more: Any,
    ) -> NightResult:
        asked = tickets(*ids) if given is None else given
        write_input(self.base, problem(asked, day=day, **more))
        hooks = Hooks(now=lambda: now, on_search=lambda: meanwhile() and None)
        return run_night(read_config(self.base / "night.toml"), hooks=hooks)

    def desk(self) -> Desk:
        """Start as a program at the counter does: from what the newest night left."""
        latest = self.base / "out" / "latest"
        return Desk(
            read_problem(latest / "problem.json").problem, read_plan(latest / "plan.json"),
            self.ledger, clock=lambda: BEFORE,
        )  # fmt: skip

    def book(self, ticket_id: str, window: Window) -> None:
        desk = self.desk()
        held = desk.hold(ticket(ticket_id), window, request_id=f"{ticket_id}-hold", minutes=9999)
        desk.confirm(ticket_id, request_id=f"{ticket_id}-yes", version=held.version)


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def promised(plan: Plan) -> dict[str, Window]:
    visits = [visit for route in plan.routes for visit in route.visits]
    for visit in visits:
        if visit.promised is not None:
            assert visit.start is not None
            assert visit.promised.open <= visit.start <= visit.promised.close
    return {visit.ticket_id: visit.promised for visit in visits if visit.promised is not None}


def test_a_promise_flows_into_the_next_night(branch: Branch) -> None:
    found = branch.night("T1", "T2")
    assert branch.ledger.plan_id() == found.night.record.plan_id
    branch.book("T1", slot("14:00", "15:00"))
    branch.book("N1", slot("10:00", "11:00"))
    # The input knows neither: T1 has no appointment, and N1 is not listed yet.
    found = branch.night("T1", "T2", "T3")
    plan = found.night.plan()
    assert promised(plan) == {"T1": slot("14:00", "15:00"), "N1": slot("10:00", "11:00")}
    assert found.warnings == ("Booked, but not in the input, and planned as booked: N1.",)
    assert branch.ledger.plan_id() == plan.plan_id
    desk = branch.desk()
    assert check(desk.problem(), desk.plan()).is_valid
    booking = branch.ledger.booking("T1")
    assert booking is not None
    assert (booking.window, booking.is_placed, booking.version) == (slot("14:00", "15:00"), True, 2)


def test_what_was_booked_on_the_last_plan_is_part_of_the_plan_in_force(branch: Branch) -> None:
    first = branch.night("T1")
    branch.book("N1", slot("10:00", "11:00"))
    found = branch.night("T1", "T2")
    before = read_problem(found.night.folder / "problem.json").problem.previous_plan
    assert before is not None
    assert before.plan_id == first.night.record.plan_id
    assert promised(before) == {"N1": slot("10:00", "11:00")}
    # N1 was coming before and still is: no difference to tell.
    assert found.diff is not None
    assert found.diff.to_json()["counts"]["gained"] == 1


def test_what_is_booked_while_the_night_plans_is_put_in(branch: Branch) -> None:
    branch.night("T1")
    found = branch.night("T1", "T2", meanwhile=lambda: branch.book("N1", slot("10:00", "11:00")))
    plan = found.night.plan()
    assert promised(plan) == {"N1": slot("10:00", "11:00")}
    written = read_problem(found.night.folder / "problem.json").problem
    assert check(written, plan).violations == ()
    assert "N1" in (found.night.folder / "visits.csv").read_text("utf-8-sig")


def test_what_is_booked_before_publishing_is_put_in(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.night("T1")
    desk = branch.desk()
    publish = Publishing.publish

    def booked_first(self: Publishing, night: Any) -> object:
        desk.hold(ticket("N1"), slot("10:00", "11:00"), request_id="r1", minutes=9999)
        return publish(self, night)

    monkeypatch.setattr(Publishing, "publish", booked_first)
    found = branch.night("T1", "T2")
    assert "N1" not in promised(found.night.plan())
    assert promised(branch.desk().plan()) == {"N1": slot("10:00", "11:00")}
    # The old desk learns of it, and what it held can be confirmed all the same.
    assert desk.confirm("N1", request_id="r2", version=1).is_placed


def test_a_window_without_room_is_told(branch: Branch) -> None:
    branch.night("T1")
    branch.book("N1", slot("10:00", "11:00"))
    # Tonight's roster has nobody for it.
    found = branch.night("T1", visits=0)
    assert found.exit_code == 5
    assert found.night.plan().broken_promises == ("N1",)
    assert found.warnings[-1] == ("Promised, but the plan has no room: call these customers: N1.")
    booking = branch.ledger.booking("N1")
    assert booking is not None
    assert (booking.state, booking.window, booking.is_placed) == (
        "confirmed", slot("10:00", "11:00"), False,
    )  # fmt: skip


LONG = 215 * 60
"""Seconds of work: begun at 08:00, it is over by noon on three days of four."""
EIGHT, NOON = slot("08:00", "08:30"), slot("12:00", "12:30")


def test_a_promise_that_became_unsure_beside_another_is_told(branch: Branch) -> None:
    branch.night("T1")
    branch.book("N1", NOON)

    def report() -> None:
        branch.desk().report_window(ticket("L", duration=LONG), EIGHT, request_id="r1")

    found = branch.night("N1", meanwhile=report)
    assert promised(found.night.plan()) == {"L": EIGHT, "N1": NOON}
    told = "Promised, and too unsure now beside bookings that were put in: N1."
    assert [warning for warning in found.warnings if "unsure" in warning] == [told]


def test_a_hold_that_the_plan_made_unsure_is_told(branch: Branch) -> None:
    branch.night("T1")

    def hold() -> None:
        branch.desk().hold(ticket("N1"), NOON, request_id="r1", minutes=9999)

    work = raw_ticket(
        "L", place={"lat": 31.2, "lon": 121.41}, duration=LONG,
        appointment=EIGHT.model_dump(mode="json"),
    )  # fmt: skip
    found = branch.night(meanwhile=hold, given=[work])
    told = "Booked, and less sure now than may be promised: offer anew: N1."
    assert [warning for warning in found.warnings if "offer anew" in warning] == [told]
    with pytest.raises(BookingConflictError, match="TOO_UNCERTAIN"):
        branch.ledger.confirm("N1", request_id="r2", version=1)


def test_a_run_that_could_not_tell_the_ledger_is_finished_by_the_next(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = branch.night("T1")

    def broken(*_args: Any, **_options: Any) -> None:
        raise AdapterError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "publish", broken)
        with pytest.raises(NightUnpublishedError, match="no connection"):
            branch.night("T1", "T2")
    assert branch.ledger.plan_id() == first.night.record.plan_id
    again = branch.night("T1", "T2")
    assert not again.is_new
    assert branch.ledger.plan_id() == again.night.record.plan_id


def test_first_contacts_are_due_from_the_release_on(branch: Branch) -> None:
    write_settings(
        branch.base, 'released_at = "07:30"\ncontact_minutes = 20',
        publish=f'[bookings]\nledger = "sqlite:///{branch.base}/ledger.db"',
    )  # fmt: skip
    branch.night("T1")
    booking = branch.ledger.booking("T1")
    assert booking is not None
    due = slot("07:50", "07:50").open
    assert (booking.state, booking.contact_by, booking.contacted_at) == ("unbooked", due, None)


def test_the_ledgers_last_word_counts_unless_the_input_knows_more(branch: Branch) -> None:
    branch.night("T1", "T2", "T3")
    for ticket_id, opens in (("T1", "10:00"), ("T2", "12:00"), ("T3", "14:00")):
        branch.book(ticket_id, slot(opens, f"{opens[:2]}:30"))
    desk = branch.desk()
    desk.reschedule(
        "T1", slot("15:00", "16:00"), consent_of="c", request_id="m1", version=2, by="c"
    )
    desk.cancel("T3", request_id="m2", version=2)
    # The export was made before that; and somebody promised T2 another time over there.
    given = tickets("T1", "T2", "T3")
    for raw, window in zip(
        given, (slot("10:00", "10:30"), slot("09:00", "09:30"), slot("14:00", "14:30")), strict=True
    ):
        raw["appointment"] = window.model_dump(mode="json")
    write_input(branch.base, problem(given))
    found = run_night(read_config(branch.base / "night.toml"), hooks=Hooks(now=lambda: BEFORE))
    assert promised(found.night.plan()) == {
        "T1": slot("15:00", "16:00"), "T2": slot("09:00", "09:30"),
    }  # fmt: skip
    told = branch.ledger.booking("T2")
    assert told is not None
    assert (told.window, told.is_forced) == (slot("09:00", "09:30"), True)
    assert told.first_window == slot("12:00", "12:30")


def test_a_ticket_for_a_later_day_waits(branch: Branch) -> None:
    days = [
        {"id": f"S-{day}", "start": stamp(day, "08:00"), "end": stamp(day, "17:00")}
        for day in range(2)
    ]
    raw = problem(tickets("T1", "T2"))
    raw["engineers"][0]["shifts"] = days
    raw["horizon"] = {"start": stamp(0, "00:00"), "end": stamp(1, "23:59")}
    write_input(branch.base, raw)
    run_night(read_config(branch.base / "night.toml"), hooks=Hooks(now=lambda: BEFORE))
    branch.book("T1", slot("10:00", "11:00", day=1))
    # The next night plans the first day only.
    found = branch.night("T1", "T2")
    plan = found.night.plan()
    assert [(item.ticket_id, item.status) for item in plan.not_plannable] == [("T1", "parked")]
    assert plan.broken_promises == ()
    # And the one after that the second.
    hooks = Hooks(now=lambda: BEFORE + timedelta(days=1))
    write_input(branch.base, problem(tickets("T1", "T2"), day=1))
    found = run_night(read_config(branch.base / "night.toml"), hooks=hooks)
    assert promised(found.night.plan()) == {"T1": slot("10:00", "11:00", day=1)}


def test_what_was_booked_since_makes_the_night_new(branch: Branch) -> None:
    branch.night("T1", "T2")
    branch.book("T1", slot("10:00", "11:00"))  # of the input
    found = branch.night("T1", "T2")
    assert found.is_new
    assert promised(found.night.plan()) == {"T1": slot("10:00", "11:00")}
    branch.book("N1", slot("14:00", "15:00"))  # the input does not know it
    found = branch.night("T1", "T2")
    assert found.is_new
    assert promised(found.night.plan())["N1"] == slot("14:00", "15:00")
    branch.desk().cancel("T1", request_id="off", version=2)
    found = branch.night("T1", "T2")
    assert found.is_new
    assert promised(found.night.plan()) == {"N1": slot("14:00", "15:00")}


def test_without_a_booking_since_nothing_is_done_again(branch: Branch) -> None:
    branch.night("T1")
    branch.book("T1", slot("10:00", "11:00"))
    desk = branch.desk()
    desk.hold(ticket("N1"), slot("14:00", "15:00"), request_id="r1", minutes=9999)
    # The input tells of a promise that the ledger learns of when the plan is published.
    given = tickets("T1", "T2")
    given[1]["appointment"] = slot("12:00", "13:00").model_dump(mode="json")
    found = branch.night(given=given)
    assert found.is_new
    assert set(promised(found.night.plan())) == {"T1", "T2", "N1"}
    # Publishing the plan again changes nothing.
    events = branch.ledger.events()
    read = read_problem(found.night.folder / "problem.json").problem
    Desk.publish(read, found.night.plan(), branch.ledger, clock=lambda: BEFORE)
    assert branch.ledger.events() == events
    assert not branch.night(given=given).is_new
    # What was held is promised now: its window is the same.
    branch.ledger.confirm("N1", request_id="r2", version=1)
    again = branch.night(given=given)
    assert not again.is_new
    assert again.night.record.plan_id == found.night.record.plan_id


def test_a_broken_promise_does_not_make_every_run_new(branch: Branch) -> None:
    branch.night(given=tickets("T1"), **two_days())
    branch.book("N1", slot("10:00", "11:00", day=1))
    # Nobody has room for N1, tonight and tomorrow: it has waited a night then.
    for first, more in ((0, two_days(visits=0)), (1, {"visits": 0})):
        found = branch.night("T1", day=first, **more)
        assert (found.is_new, found.night.plan().broken_promises) == (True, ("N1",))
        assert not branch.night("T1", day=first, **more).is_new


def test_a_hold_that_is_over_is_not_planned_with(branch: Branch) -> None:
    branch.night("T1")
    branch.desk().hold(ticket("N1"), slot("10:00", "11:00"), request_id="r1", minutes=30)
    later = BEFORE + timedelta(hours=1)
    # Nobody has recorded yet that it has expired.
    found = branch.night("T1", "T2", now=later)
    assert promised(found.night.plan()) == {}
    assert branch.ledger.bookings("held") == []
    assert not branch.night("T1", "T2", now=later).is_new


def test_a_hold_beyond_the_night_makes_nothing_new(branch: Branch) -> None:
    branch.night(given=tickets("T1"), **two_days())
    window = slot("10:00", "11:00", day=1)
    branch.desk().hold(ticket("N1"), window, request_id="r1", minutes=30)
    branch.night("T1", "T2")
    later = BEFORE + timedelta(hours=1)
    assert [booking.ticket_id for booking in branch.ledger.expire(at=later)] == ["N1"]
    assert not branch.night("T1", "T2", now=later).is_new


def test_settings_are_checked_at_once(tmp_path: Path) -> None:
    write_input(tmp_path, problem(tickets("T1")))
    write_settings(tmp_path, publish='[bookings]\nledger = "a"\nledger_env = "B"')
    with pytest.raises(InvalidProblemError, match="exclude each other"):
        read_config(tmp_path / "night.toml")
    write_settings(tmp_path, publish='[bookings]\nledger_env = "DISPATCHOPT_NO_SUCH"')
    with pytest.raises(InvalidProblemError, match="DISPATCHOPT_NO_SUCH is not set"):
        read_config(tmp_path / "night.toml")
    write_settings(tmp_path, publish='[bookings]\nledger = "mysql://db/x"')
    with pytest.raises(InvalidProblemError, match=r"bookings\.ledger: mysql: no database"):
        read_config(tmp_path / "night.toml")
