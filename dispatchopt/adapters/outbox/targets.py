"""Receivers of messages: a folder, or an HTTP service."""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, urlsplit

from dispatchopt.adapters.outbox.publisher import DELIVERED, Delivery
from dispatchopt.adapters.publish import sync_folder
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.adapters.outbox.messages import Message

LEDGER: Final = ".dispatchopt"
"""Folder within a `FolderTarget` that remembers what went out and is not yet on record."""


class FolderTarget:
    """One JSON file for each message, ``<key>.json``, each appearing whole and exactly once.

    The reader may take files away at once: a message that it took does not come again, even if
    the publisher was killed before its delivery was on record.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._ledger = self._folder / LEDGER

    def __call__(self, message: Message) -> Delivery:
        """Write the file."""
        draft = self._ledger / f"{message.key}.draft"
        note = self._ledger / f"{message.key}.sent"
        # The note says that the draft is complete; the draft's absence, that it has gone out.
        try:
            self._ledger.mkdir(parents=True, exist_ok=True)
            if not note.exists():
                data = json.dumps(message.document, ensure_ascii=False, indent=1) + "\n"
                _write(draft, data.encode())
                sync_folder(self._ledger)  # a note without its draft would lose the message
                note.touch()
                sync_folder(self._ledger)
            if draft.exists():
                os.replace(draft, self._folder / f"{message.key}.json")
                sync_folder(self._folder)
        except OSError as error:
            return Delivery("retry", f"the folder cannot be written ({error.strerror})")
        return DELIVERED

    def settled(self, message: Message) -> None:
        """Forget a message that will not come again."""
        (self._ledger / f"{message.key}.sent").unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


class HttpTarget:
    """One request for each message, with its key as ``Idempotency-Key``.

    Delivery is *at least once*: if the publisher dies after the receiver took a message and before
    that is on record, the same request goes out again. The receiver drops what bears a key that it
    has seen. 2xx counts as delivered; 408, 409, 425, 429, 5xx and a failing connection as "try
    again", after ``Retry-After`` if there is one; anything else, redirections too, as refused.

    Parameters
    ----------
    url
        May hold ``{ticket_id}``.
    headers
        Further ones, such as ``Authorization``; never logged or reported.
    timeout
        Seconds for one request.

    Raises
    ------
    AdapterError
        If the URL is no ``http`` or ``https`` URL, or a header cannot be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        method: Literal["POST", "PATCH", "PUT"] = "POST",
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        _refuse_faulty(url, headers or {})
        self._url, self._method, self._timeout = url, method, timeout
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._opener = urllib.request.build_opener(_NoRedirects)

    def __call__(self, message: Message) -> Delivery:
        """Send the request."""
        data: bytes = json.dumps(message.document, ensure_ascii=False).encode()
        request = urllib.request.Request(
            self._url.replace("{ticket_id}", quote(message.ticket_id, safe="")),
            data=data,
            method=self._method,
            headers={**self._headers, "Idempotency-Key": message.key},
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                response.read(0)
                return DELIVERED
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            return Delivery("retry", f"no connection ({type(cause).__name__})")


def _refuse_faulty(url: str, headers: Mapping[str, str]) -> None:
    # Neither is quoted: both may hold secrets.
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or not url.isascii() or not url.isprintable() or " " in url:
        raise AdapterError("The receiver's URL must begin with http:// or https:// and a host.")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise AdapterError(f"The header {name!r} cannot be sent. Write ASCII on one line.")


_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429})


def _answer(error: urllib.error.HTTPError) -> Delivery:
    # The body may quote the document, and so is left unread.
    phrase = http.client.responses.get(error.code, "")
    reason = f"HTTP {error.code} {phrase}".rstrip()
    if error.code in _TRY_AGAIN or error.code >= 500:
        asked = error.headers.get("Retry-After", "")
        return Delivery("retry", reason, float(asked) if asked.isdecimal() else 0.0)
    return Delivery("refused", reason)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A request that changes something is not sent to where nobody asked for."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:  # Any: urllib's own
        return None
