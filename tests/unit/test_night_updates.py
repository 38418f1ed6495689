"""A night that tells updates of trouble tickets."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.adapters.database import Database
from dispatchopt.errors import AdapterError, InvalidProblemError
from dispatchopt.night import Hooks, NightResult, NightUnpublishedError, read_config, run_night
from dispatchopt.night.publishing import Publishing
from tests.unit.databases import rows_of
from tests.unit.night_days import BEFORE, problem, tickets, write_input, write_settings
from tests.unit.raw_data import raw_ticket

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMER = {"id": "C-1", "role": "customer", "@referredType": "Individual"}


def trouble_ticket(ticket_id: str) -> dict[str, Any]:
    return {"id": ticket_id, "status": "acknowledged", "relatedParty": [CUSTOMER]}


def settings(version: str, more: str = "") -> str:
    return (
        'to = "folder"\nfolder = "to_backend"\nbackoff = 0\n'
        f'documents = "tmf621-{version}"\ntrouble_tickets = "tt.json"\n{more}'
    )


def start(base: Path, *ids: str, listed: tuple[str, ...], publish: str) -> NightResult:
    write_input(base, problem(tickets(*ids)))
    (base / "tt.json").write_text(json.dumps([trouble_ticket(i) for i in listed]), "utf-8")
    write_settings(base, publish=publish)
    return night(base)


def night(base: Path) -> NightResult:
    return run_night(read_config(base / "night.toml"), hooks=Hooks(now=lambda: BEFORE))


def told(base: Path) -> dict[str, dict[str, Any]]:
    """Documents in the receiver's folder by the last part of their path."""
    documents = [json.loads(p.read_text("utf-8")) for p in (base / "to_backend").glob("*.json")]
    return {document["path"].rpartition("/")[2]: document for document in documents}


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_updates_reach_the_receiver(tmp_path: Path, version: str) -> None:
    # Version 5 wraps parties; one of version 4 is left alone there, with a warning.
    ids = ("T1", "T2")
    found = start(tmp_path, *ids, listed=ids, publish=settings(version))
    assert found.exit_code == 0
    sent = told(tmp_path)
    assert set(sent) == {"T1", "T2"}
    one = sent["T1"]
    assert one["method"] == "PATCH"
    assert one["path"] == f"/tmf-api/troubleTicket/{version}/troubleTicket/T1"
    assert one["body"]["status"] == "inProgress"
    assert one["body"]["note"][0]["text"].startswith("Engineer E1, ")
    if version == "v4":
        assert CUSTOMER in one["body"]["relatedParty"]
        assert {party["id"] for party in one["body"]["relatedParty"]} == {"C-1", "E1"}
        assert found.warnings == ()
    else:
        assert "relatedParty" not in one["body"]
        assert all("relatedParty" in warning for warning in found.warnings)
        assert len(found.warnings) == 2


def test_what_is_not_listed_is_not_told_and_that_is_said(tmp_path: Path) -> None:
    found = start(tmp_path, "T1", "T2", listed=("T1",), publish=settings("v4"))
    assert set(told(tmp_path)) == {"T1"}
    (warning,) = found.warnings
    assert "lacks 1 tickets of the plan, which nobody is told: T2" in warning


def test_a_ticket_rejected_later_is_taken_back(tmp_path: Path) -> None:
    start(tmp_path, "T1", "T2", listed=("T1", "T2"), publish=settings("v4"))
    for path in (tmp_path / "to_backend").glob("*.json"):
        path.unlink()
    write_input(tmp_path, problem([*tickets("T1"), raw_ticket("T2", priority=9)]))
    write_settings(tmp_path, publish=settings("v4"), rules='max_rejects = "50%"')
    assert night(tmp_path).exit_code == 3
    sent = told(tmp_path)
    assert set(sent) == {"T2"}
    body = sent["T2"]["body"]
    assert (body["status"], body["statusChangeReason"]) == ("acknowledged", "REJECTED")


def test_a_killed_night_tells_the_updates_that_were_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AdapterError("no outbox")

    with monkeypatch.context() as patch:
        patch.setattr(Publishing, "publish", fail)
        with pytest.raises(NightUnpublishedError):
            start(tmp_path, "T1", listed=("T1",), publish=settings("v4"))
    assert not (tmp_path / "to_backend").exists()
    (tmp_path / "tt.json").write_text("[]", "utf-8")  # exported anew meanwhile
    assert night(tmp_path).exit_code == 0
    assert told(tmp_path)["T1"]["body"]["status"] == "inProgress"


def test_a_service_gets_the_body_alone(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str, dict[str, Any]]] = []

    class Service(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.command, self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/troubleTicket/{{ticket_id}}"
        publish = (
            f'to = "http"\nurl = "{url}"\nmethod = "PATCH"\n'
            'documents = "tmf621-v4"\ntrouble_tickets = "tt.json"'
        )
        assert start(tmp_path, "T1", listed=("T1",), publish=publish).exit_code == 0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    ((method, path, kind, body),) = seen
    assert (method, path) == ("PATCH", "/troubleTicket/T1")
    assert kind == "application/merge-patch+json"
    assert body["status"] == "inProgress"


@pytest.mark.parametrize(
    ("publish", "message"),
    [
        ('documents = "tmf621-v4"', "need trouble_tickets"),
        ('trouble_tickets = "tt.json"', "own takes none"),
        ('documents = "tmf621-v6"\ntrouble_tickets = "tt.json"', "tmf621-v4"),
        (
            'to = "http"\nurl = "http://a.example/"\ndocuments = "tmf621-v5"\n'
            'trouble_tickets = "tt.json"',
            'method = "PATCH"',
        ),
    ],
)
def test_settings_that_do_not_fit_are_told(tmp_path: Path, publish: str, message: str) -> None:
    write_settings(tmp_path, publish=publish)
    with pytest.raises(InvalidProblemError, match=message):
        read_config(tmp_path / "night.toml")


def test_unreadable_trouble_tickets_stop_before_anything_is_planned(tmp_path: Path) -> None:
    write_input(tmp_path, problem(tickets("T1")))
    write_settings(tmp_path, publish=settings("v4"))
    with pytest.raises(AdapterError, match=r"tt\.json"):
        night(tmp_path)
    assert not (tmp_path / "out" / "2026-11-23").exists()


def test_updates_go_through_databases(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'plans.db'}"
    Database(store).upgrade()
    publish = (
        f'to = "database"\nurl = "sqlite:///{tmp_path / "inbox.db"}"\nstore = "{store}"\n'
        'documents = "tmf621-v4"\ntrouble_tickets = "tt.json"'
    )
    assert start(tmp_path, "T1", listed=("T1",), publish=publish).exit_code == 0
    inbox = rows_of(f"sqlite:///{tmp_path / 'inbox.db'}", "SELECT * FROM dispatchopt_inbox")
    assert len(inbox) == 1
    assert any("/tmf-api/troubleTicket/v4/troubleTicket/T1" in str(cell) for cell in inbox[0])
    # Another reader may need an outbox in a database: it is not pruned by a night.
    config = read_config(tmp_path / "night.toml")
    assert Publishing(config.publish, tmp_path).prune(1) == 0
