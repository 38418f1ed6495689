"""Bytes and text of input files: plain or gzip, UTF-8 or GB18030, with errors that help."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 2**32
"""Most bytes of an unpacked input file; more is refused (a gzip bomb, not a day of work)."""

_CHUNK = 2**20


def read_bytes(path: Path) -> bytes:
    """Read a file whole, unpacking it if its name ends in ``.gz``.

    Raises
    ------
    AdapterError
        If it is missing, unreadable, no complete gzip file or larger than `MAX_BYTES`.
    """
    try:
        if path.name.lower().endswith(".gz"):
            return _unpack(path)
        return path.read_bytes()
    except FileNotFoundError:
        raise AdapterError(f"{path}: no such file. Check the path.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise AdapterError(
            f"{path}: no complete gzip file ({error}). Pack it again or name it without .gz."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise AdapterError(f"{path}: cannot be read ({error}).") from error


def _unpack(path: Path) -> bytes:
    chunks: list[bytes] = []
    size = 0
    with gzip.open(path) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise AdapterError(f"{path}: unpacks to more than {MAX_BYTES} bytes. Split it.")
            chunks.append(chunk)
    return b"".join(chunks)


def decode_utf8(data: bytes, name: str) -> str:
    """Decode UTF-8 with or without a byte order mark.

    Raises
    ------
    AdapterError
        If it is something else; names the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AdapterError(f"{name}: line {line} is no UTF-8. Save the file as UTF-8.") from None


def decode_table(data: bytes, name: str) -> str:
    """Decode UTF-8 with or without a byte order mark, else GB18030; both strictly.

    Raises
    ------
    AdapterError
        If it is neither; names the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    try:
        return data.decode("gb18030").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise AdapterError(
            f"{name}: line {line} is neither UTF-8 nor GB18030. Save the file as UTF-8."
        ) from None
