"""Bytes, text and TOML of input files: plain or gzip, UTF-8 or GB18030, with errors that help."""

from __future__ import annotations

import codecs
import gzip
import tomllib
import zlib
from typing import TYPE_CHECKING, Any

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


def parse_toml(text: str, name: str) -> dict[str, Any]:  # Any: TOML
    """Parse TOML.

    Raises
    ------
    AdapterError
        If it is none.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a number beyond all measure, too
        raise AdapterError(f"{name}: no valid TOML ({error}). Correct it.") from None


def decode_table(data: bytes, name: str) -> str:
    """Decode UTF-8 with or without a byte order mark, else GB18030; both strictly.

    Raises
    ------
    AdapterError
        If it is neither, or some lines are the one and some the other; names the lines.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        first = data.count(b"\n", 0, error.start) + 1
    mixture = _mixture(data)
    if mixture:
        raise AdapterError(f"{name}: {mixture}. Save the whole file as UTF-8.")
    try:
        return data.decode("gb18030").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise AdapterError(
            f"{name}: line {first} is neither UTF-8 nor GB18030. Save the file as UTF-8."
        ) from None


_MOST_LINES = 5
"""So many lines are named in a message; the rest is counted."""


def _mixture(data: bytes) -> str:
    """Tell which lines of a file that is no UTF-8 are UTF-8 all the same; empty if none is."""
    utf8: list[int] = []
    other: list[int] = []
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.isascii():
            (utf8 if _is_chinese_utf8(line) else other).append(number)
    if not utf8 or not other:
        return ""
    few, other_is = (utf8, " not") if len(utf8) <= len(other) else (other, "")
    few_is = "UTF-8" if few is utf8 else "not UTF-8"
    more = f" and {len(few) - _MOST_LINES} more" if len(few) > _MOST_LINES else ""
    listed = ", ".join(map(str, few[:_MOST_LINES]))
    noun, verb = ("line", "is") if len(few) == 1 else ("lines", "are")
    return f"{noun} {listed}{more} {verb} {few_is}, other lines are{other_is}"


def _is_chinese_utf8(line: bytes) -> bool:
    """Whether bytes are Chinese in UTF-8 rather than GB18030 that happens to be valid UTF-8.

    GB18030 hardly ever is, and then gives signs that nobody writes: what counts is that all signs
    are common ones, and that there are several, or GB18030 would make uncommon ones of them.
    """
    try:
        text = line.decode("utf-8")
        text.encode("gb2312")
    except UnicodeError:
        return False
    count = sum(sign >= "\u0800" for sign in text)
    if count != 1:
        return count > 1
    try:
        line.decode("gb2312")
    except UnicodeDecodeError:
        return True
    return False
