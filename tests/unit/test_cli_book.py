"""``dispatchopt book``: windows held, confirmed, moved and listed, from the files of ``plan``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from dispatchopt.booking import Ledger
from dispatchopt.cli import app
from tests.unit.raw_data import raw_engineer, raw_problem, raw_shift, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path


PLACE = {"lat": 31.2, "lon": 121.5}


def at(clock: str) -> str:
    """Instant of a day that is never over."""
    return f"2930-11-23T{clock}:00+08:00"


def run(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def book(*arguments: object, code: int = 0) -> str:
    return str(run("book", *arguments, code=code).stdout)


def book_json(*arguments: object, code: int = 0) -> Any:
    answer = json.loads(book(*arguments, "--json", code=code))
    assert answer["exit_code"] == code
    return answer


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A day with one engineer, and nobody has called yet."""
    folder = tmp_path_factory.mktemp("day")
    shift = raw_shift("S1", start=at("08:00"), end=at("17:00"))
    raw = raw_problem(
        horizon={"start": at("00:00"), "end": at("23:59")},
        tickets=[raw_ticket("T1"), raw_ticket("T2")],
        engineers=[raw_engineer(skills={"FIBER_SPLICE": 2, "BROADBAND": 1}, shifts=[shift])],
    )
    problem = folder / "problem.json"
    problem.write_text(json.dumps(raw), "utf-8")
    run("plan", problem, "--out", folder / "out", "--iterations", 20, "--threads", 1)
    return problem, folder / "out"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bookings.db"
    monkeypatch.setenv("DISPATCHOPT_LEDGER", str(path))
    return path


WINDOW = ("--window", "2930-11-23 10:00/12:00")
LATER = ("--window", "2930-11-23 14:00/16:00")


def test_a_window_is_held_confirmed_moved_and_missed(
    files: tuple[Path, Path], ledger: Path
) -> None:
    held = book("hold", *files, "T1", *WINDOW)
    assert held.startswith("T1: held, ")
    assert "23 Nov, 10:00-12:00, E1" in held
    text = book("confirm", "T1", "--customer", "zh", "--timezone", "Asia/Shanghai")
    assert text.startswith("【预约成功】您的报修单T1已约定11月23日")
    assert "10:00-12:00" in text

    moved = book("reschedule", *files, "T1", *LATER, "--consent-of", "C7")
    assert "T1: confirmed, " in moved
    assert "14:00-16:00" in moved
    assert "first promised" in moved
    missed = book_json("missed", "T1", "--missed-by", "no_access")["booking"]
    assert (missed["state"], missed["missed_by"]) == ("missed", "no_access")
    again = book("revisit", "T1")
    assert again.startswith("T1: revisit")
    assert again.endswith("(times in UTC; --timezone shows others)\n")
    kinds = [event.kind for event in Ledger(ledger).history("T1")]
    assert kinds == ["hold", "confirm", "reschedule", "missed", "revisit"]


def test_customers_are_told_in_own_words(
    files: tuple[Path, Path], ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = tmp_path / "texts.toml"
    texts.write_text(
        '[en]\nconfirmation = "{ticket}: {when}. Bye."\n[zh]\noffer = "{ticket}可选：{choices}"\n',
        "utf-8",
    )
    monkeypatch.setenv("DISPATCHOPT_TEXTS", str(texts))
    refused = book_json("hold", *files, "T1", "--window", "2930-11-23 18:00/19:00", code=8)
    assert refused["instead"]["texts"]["zh"].startswith("T1可选：1. ")
    assert refused["instead"]["texts"]["en"].startswith("Your repair T1")
    book("hold", *files, "T1", *WINDOW)
    texts.write_text("[en]\nconfirmation = 3\n[zz]\n", "utf-8")
    zone = ("--timezone", "Asia/Shanghai", "--customer", "en")
    refused = run("book", "confirm", "T1", *zone, code=2).stderr
    assert "texts.toml: texts, en.confirmation: must be a text" in refused
    assert "texts.toml: texts, zz: " in refused
    texts.write_text('[en]\nconfirmation = "{ticket}: {when}. Bye."\n', "utf-8")
    assert book("confirm", "T1", *zone) == "T1: Thu 23 Nov, 10:00-12:00. Bye.\n"


def test_a_customer_is_told_local_times(files: tuple[Path, Path], ledger: Path) -> None:
    book("hold", *files, "T1", *WINDOW)
    told = run("book", "confirm", "T1", "--customer", "en", code=2).stderr
    assert "--customer en: give --timezone" in told
    assert book_json("list")["bookings"][0]["state"] == "held"


def test_the_other_steps(files: tuple[Path, Path], ledger: Path) -> None:
    book("hold", *files, "T1", *WINDOW, "--minutes", 5, "--by", "call-17")
    assert book("release", "T1").startswith("T1: released")
    book("hold", *files, "T1", *WINDOW)
    assert book("park", "T1").startswith("T1: parked")
    reported = book("report", *files, "T2", "--window", "2930-11-23 19:00/20:00")
    assert "T2: confirmed, " in reported
    assert "forced" in reported
    assert "call by" not in book("contact", "T2")
    assert book("cancel", "T2").startswith("T2: cancelled")
    book("hold", *files, "T2", *WINDOW)
    book("confirm", "T2")
    assert book("done", "T2").startswith("T2: done")


def test_bookings_are_listed(files: tuple[Path, Path], ledger: Path) -> None:
    book("hold", *files, "T1", *WINDOW)
    book("hold", *files, "T2", *LATER)
    book("confirm", "T2")
    lines = book("list", "--timezone", "Asia/Shanghai").splitlines()
    assert [line.split(",")[0] for line in lines] == ["T1: held", "T2: confirmed", "2 bookings"]
    (only,) = book_json("list", "--state", "held")["bookings"]
    assert only["ticket_id"] == "T1"


def test_tickets_without_a_booking_are_counted_apart(
    files: tuple[Path, Path], ledger: Path
) -> None:
    """A night dispatches all visits; those that nobody booked are no bookings."""
    book("hold", *files, "T1", *WINDOW)
    deadlines = {
        name: datetime.fromisoformat(at(clock))
        for name, clock in (("T1", "08:30"), ("T2", "08:20"), ("T3", "08:40"))
    }
    Ledger(ledger).dispatched(deadlines, plan_id="P")
    zone = ("--timezone", "Asia/Shanghai")
    assert [line.split(",")[0] for line in book("list", *zone).splitlines()] == [
        "T1: held",
        "1 booking",
        "2 tickets without one (--state unbooked lists them)",
        "3 customers to be called",
    ]
    told = book("list", *zone).splitlines()[-1]
    assert told == "3 customers to be called, the first by Thu 23 Nov, 08:20 (--to-call lists them)"
    lines = book("list", "--state", "unbooked", *zone).splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "T2: unbooked", "T3: unbooked", "2 bookings", "2 customers to be called",
    ]  # fmt: skip
    assert "call by Thu 23 Nov, 08:20" in lines[0]

    book("contact", "T2")
    lines = book("list", "--to-call", *zone).splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["T1", "T3"]
    assert lines[2:] == ["2 customers to be called, the first by Thu 23 Nov, 08:30"]
    answer = book_json("list")
    assert [b["ticket_id"] for b in answer["bookings"]] == ["T1"]
    assert (answer["unbooked"], answer["to_call"]) == (2, 2)
    # Nobody has to be called about what is off.
    book("park", "T1")
    assert [b["ticket_id"] for b in book_json("list", "--to-call")["bookings"]] == ["T3"]
    assert "call by" not in book("list")


def test_a_repeated_request_is_done_once(files: tuple[Path, Path], ledger: Path) -> None:
    arguments = ("hold", *files, "T1", *WINDOW, "--request-id", "call-17")
    first, second = book_json(*arguments), book_json(*arguments)
    assert first == second
    assert len(Ledger(ledger).history("T1")) == 1


def test_a_reported_window_tells_what_it_takes(files: tuple[Path, Path], ledger: Path) -> None:
    ten = ("--window", "2930-11-23 10:00/10:00")
    book("hold", *files, "T1", *LATER)
    assert book("report", *files, "T1", *LATER).count("\n") == 1  # it was offered
    _, taken, moved = book("report", *files, "T1", *ten).splitlines()
    assert taken.startswith("T1, Thu 23 Nov, 10:00: possible with E1 at 10:00, kept ")
    assert moved.startswith("moves T2: ")
    told = book("report", *files, "T2", *ten, "--request-id", "r1")
    assert told.splitlines() == [
        "T2: confirmed, Thu 23 Nov, 10:00, without an engineer, forced, version 1",
        "T2, Thu 23 Nov, 10:00: not possible, NO_ROOM (no room in the plan)",
    ]
    # Told once more, to a program: the same.
    answer = book_json("report", *files, "T2", *ten, "--request-id", "r1")
    assert answer["consequences"]["reason"] == "NO_ROOM"
    assert "consequences" not in book_json("report", *files, "T1", *ten)


def test_a_conflict_lists_other_windows(files: tuple[Path, Path], ledger: Path) -> None:
    refused = run("book", "hold", *files, "T1", "--window", "2930-11-23 20:00/21:00", code=8)
    assert "the window 2930-11-23 20:00/21:00 is not possible: " in refused.stderr
    assert "it lies outside the visiting hours, 08:00-20:00. Take a window" in refused.stderr
    assert "(Desk.forced, --forced). [OUTSIDE_VISITING_HOURS]" in refused.stderr
    assert "windows for T1, prices in minutes of work" in refused.stdout
    answer = book_json("hold", *files, "T1", "--window", "2930-11-23 18:00/19:00", code=8)
    assert (answer["status"], answer["reason"]) == ("conflict", "NO_SHIFT")
    assert answer["instead"]["offers"]
    book("hold", *files, "T1", *WINDOW)
    stale = book_json("confirm", "T1", "--version", 7, code=8)
    assert (stale["reason"], stale["booking"]["state"]) == ("STALE_VERSION", "held")


def test_offers_and_proposals_know_what_is_booked(
    files: tuple[Path, Path], ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPATCHOPT_LEDGER")
    known, ten = ("--ledger", ledger), ("--window", "2930-11-23 10:00/10:00")
    book("hold", *files, "T1", *ten, "--forced", *known)
    assert ": possible with E1" in run("offer", *files, "T2", *ten).stdout
    assert ": not possible, NO_ROOM" in run("offer", *files, "T2", *ten, *known).stdout
    # What is held is not booked yet.
    told = run("offer", *files, "T1", *known, "--customer", "en").stdout
    assert "we can come at one of these times" in told
    book("confirm", "T1", *known)
    told = run("offer", *files, "T1", *known, "--customer", "en").stdout
    assert "is booked for Thu 23 Nov, 10:00. May we come at another time" in told
    assert "T1" in run("propose", *files).stdout
    proposed = json.loads(run("propose", *files, *known, "--json").stdout)
    assert [item["ticket_id"] for item in proposed["proposals"]] == ["T2"]


def test_offers_and_proposals_write_nothing(
    files: tuple[Path, Path], ledger: Path, tmp_path: Path
) -> None:
    told = run("offer", *files, "T1")
    assert f"No ledger is at {ledger} yet: nothing is booked." in told.stderr
    assert told.stdout == run("offer", *files, "T1", "--ledger", tmp_path / "other.db").stdout
    assert not ledger.exists()
    # One on which no plan has come into force yet.
    assert Ledger(ledger).events() == []
    assert run("offer", *files, "T1").stdout == told.stdout
    assert "T1" in run("propose", *files).stdout
    assert Ledger(ledger).plan_id() is None


def test_a_ticket_of_the_ledger_is_found_by_its_id(
    files: tuple[Path, Path], ledger: Path, tmp_path: Path
) -> None:
    path = tmp_path / "new.json"
    path.write_text(json.dumps(raw_ticket("N1")), "utf-8")
    book("hold", *files, path, *WINDOW)
    book("release", "N1")
    assert " for N1, " in run("offer", *files, "N1").stdout
    assert book("hold", *files, "N1", *LATER).startswith("N1: held")
    assert "N9: no such ticket" in run("offer", *files, "N9", code=2).stderr


def test_offers_of_another_plan_than_the_ledgers_are_a_conflict(
    files: tuple[Path, Path], ledger: Path, tmp_path: Path
) -> None:
    book("hold", *files, "T1", *WINDOW)
    other = tmp_path / "other.json"
    other.write_text('{"routes": [], "plan_id": "other"}', "utf-8")
    told = run("offer", files[0], other, "T2", "--json", code=8).stdout
    assert json.loads(told)["reason"] == "PLAN_CHANGED"


def test_a_conflict_over_a_booked_window_asks_for_another_one(
    files: tuple[Path, Path], ledger: Path
) -> None:
    book("hold", *files, "T1", *WINDOW)
    book("confirm", "T1")
    night = ("--window", "2930-11-23 21:00/22:00", "--consent-of", "C7")
    instead = book_json("reschedule", *files, "T1", *night, code=8)["instead"]
    assert "is booked for Thu 23 Nov, 10:00-12:00. May we" in instead["texts"]["en"]


def test_a_forced_window_is_held_however_unsure(files: tuple[Path, Path], ledger: Path) -> None:
    # The engineer comes from T2, where nobody knows how long it takes.
    book("hold", *files, "T2", "--window", "2930-11-23 10:00/10:00")
    soon = ("--window", "2930-11-23 10:50/11:00")
    refused = book_json("hold", *files, "T1", *soon, code=8)
    assert refused["reason"] == "TOO_UNCERTAIN"
    assert "forced" in book("hold", *files, "T1", *soon, "--forced")


def test_what_the_customer_insists_on_can_be_forced(files: tuple[Path, Path], ledger: Path) -> None:
    early = ("--window", "2930-11-23 07:00/09:00")
    for_consent = ("reschedule", *files, "T1", *early, "--consent-of", "C7")
    assert book_json("hold", *files, "T1", *early, code=8)["reason"] == "OUTSIDE_VISITING_HOURS"
    book("hold", *files, "T1", *WINDOW)
    book("confirm", "T1")
    assert book_json(*for_consent, code=8)["reason"] == "OUTSIDE_VISITING_HOURS"
    assert "07:00-09:00" in book(*for_consent, "--forced")
    unknown = ("reschedule", *files, "T9", *early, "--consent-of", "C7", "--forced")
    assert book_json(*unknown, code=8)["reason"] == "UNKNOWN_TICKET"


def test_a_new_plan_takes_over(files: tuple[Path, Path], ledger: Path, tmp_path: Path) -> None:
    book("hold", *files, "T1", *WINDOW)
    book("confirm", "T1")
    again = tmp_path / "again"
    run("plan", files[0], "--out", again, "--iterations", 10, "--threads", 1, "--seed", 7,
        "--policy", _other_policy(tmp_path))  # fmt: skip
    told = book("publish", files[0], again)
    assert "bookings are made on this plan now" in told
    assert "1 booking put into the plan: T1" in told
    behind = book_json("hold", *files, "T2", *WINDOW, code=8)
    assert behind["reason"] == "PLAN_CHANGED"
    answer = book_json("publish", files[0], again)
    assert answer["reinserted"] == ["T1"]


def test_what_a_new_plan_makes_unsure_is_told(ledger: Path, tmp_path: Path) -> None:
    def written(name: str, *tickets: Any, visits: tuple[str, ...] = ()) -> tuple[Path, Path]:
        shift = raw_shift("S1", start=at("08:00"), end=at("17:00"))
        raw = raw_problem(
            horizon={"start": at("00:00"), "end": at("23:59")},
            tickets=list(tickets),
            engineers=[
                raw_engineer(
                    shifts=[shift], skills={"FIBER_SPLICE": 2, "BROADBAND": 1}, place=PLACE
                )
            ],
        )
        route = {"shift_id": "S1", "visits": [{"ticket_id": name} for name in visits]}
        paths = tmp_path / f"{name}.json", tmp_path / f"{name}-plan.json"
        for path, data in zip(paths, (raw, {"plan_id": name, "routes": [route]}), strict=True):
            path.write_text(json.dumps(data), "utf-8")
        return paths

    # Begun at 08:00, the work is over by noon on three days of four.
    eight = {"open": at("08:00"), "close": at("08:30")}
    long = raw_ticket("L", place=PLACE, duration=215 * 60)
    new = tmp_path / "new.json"
    new.write_text(json.dumps(raw_ticket("N", place=PLACE)), "utf-8")
    book("hold", *written("first"), new, "--window", "2930-11-23 12:00/12:30", "--minutes", 99999)
    told = book("publish", *written("second", long | {"appointment": eight}, visits=("L",)))
    unsure = "1 booking in the plan, less sure than may be promised: do not confirm such holds: N"
    assert told.splitlines()[-1] == unsure

    noon = {"open": at("12:00"), "close": at("12:30")}
    other = raw_ticket("M", place=PLACE, appointment=noon)
    book("release", "N")
    told = book("publish", *written("third", long, other, visits=("M",)))
    weakened = "1 booking less sure than may be promised, beside what was put in: look at these: M"
    assert told.splitlines()[-1] == weakened


def _other_policy(folder: Path) -> Path:
    path = folder / "policy.json"
    path.write_text(json.dumps({"preset": "city_day"}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("confirm", "T1"), "no such ledger"),
        (("list", "--state", "nonsense"), "no such state"),
        (("list", "--timezone", "Mars"), "no IANA time zone"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ledger: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in run("book", *arguments, code=2).stderr
    assert not ledger.exists()


def test_faults_of_a_call_are_told_together(files: tuple[Path, Path], ledger: Path) -> None:
    told = run(
        "book", "hold", *files, "T1", *WINDOW, "--by", "13800000000", "--request-id", " x", code=2
    ).stderr
    assert "by: must be an id of yours" in told
    assert "request_id: must be an id" in told
    assert "13800000000" not in told
