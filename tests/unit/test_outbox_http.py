"""Messages over HTTP: what each answer means, and what is never told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.adapters.outbox import DELIVERED, Delivery, HttpTarget, Message
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE = Message("p1+T%2F1+assign", "p1", "T/1", "assign", {"ticket_id": "T/1", "note": "好"})


class Service:
    """A ticketing system that answers as it is told, and remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answer: tuple[int, dict[str, str]] = (200, {})
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []


@contextmanager
def running() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.requests.append((self.command, self.path, dict(self.headers), json.loads(body)))
            code, headers = service.answer
            self.send_response(code)
            for name, value in {**headers, "Content-Length": "6"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write("张三".encode())

        do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815, names of the standard library

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_request_bears_key_document_and_headers() -> None:
    with running() as service:
        target = HttpTarget(
            service.url + "/ticket/{ticket_id}",
            method="PATCH",
            headers={
                "Authorization": "Bearer s3cret",
                "Content-Type": "application/merge-patch+json",
            },
        )
        assert target(MESSAGE) == DELIVERED
        ((method, path, headers, body),) = service.requests
    assert (method, path) == ("PATCH", "/ticket/T%2F1")
    assert headers["Idempotency-Key"] == "p1+T%2F1+assign"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert body == {"ticket_id": "T/1", "note": "好"}
    assert "s3cret" not in repr(target)


@pytest.mark.parametrize(
    ("code", "headers", "expected"),
    [
        (200, {}, DELIVERED),
        (201, {}, DELIVERED),
        (299, {}, DELIVERED),
        (302, {"Location": "http://127.0.0.1:1/"}, Delivery("refused", "HTTP 302 Found")),
        (308, {"Location": "/x"}, Delivery("refused", "HTTP 308 Permanent Redirect")),
        (400, {}, Delivery("refused", "HTTP 400 Bad Request")),
        (404, {}, Delivery("refused", "HTTP 404 Not Found")),
        (408, {}, Delivery("retry", "HTTP 408 Request Timeout")),
        (409, {}, Delivery("retry", "HTTP 409 Conflict")),
        (410, {}, Delivery("refused", "HTTP 410 Gone")),
        (429, {"Retry-After": "7"}, Delivery("retry", "HTTP 429 Too Many Requests", 7.0)),
        (500, {}, Delivery("retry", "HTTP 500 Internal Server Error")),
        (503, {"Retry-After": "soon"}, Delivery("retry", "HTTP 503 Service Unavailable")),
        (599, {}, Delivery("retry", "HTTP 599")),
    ],
)
def test_what_an_answer_means(code: int, headers: dict[str, str], expected: Delivery) -> None:
    with running() as service:
        service.answer = (code, headers)
        assert HttpTarget(service.url)(MESSAGE) == expected
        assert len(service.requests) == 1


def test_no_connection_means_again_later() -> None:
    with running() as service:
        url = service.url
    found = HttpTarget(url)(MESSAGE)
    assert (found.status, found.reason) == ("retry", "no connection (ConnectionRefusedError)")


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "ftp://h/x", "http://", "host/x", "http://[", "http://h:x/"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AdapterError, match="must begin with http"):
        HttpTarget(url)


def test_headers_that_are_none_are_refused() -> None:
    with pytest.raises(AdapterError, match="header 'X-A'") as caught:
        HttpTarget("http://h/", headers={"X-A": "s3cret\r\nX-B: 1"})
    assert "s3cret" not in str(caught.value)
