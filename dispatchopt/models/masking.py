"""Which values of raw cells a message may show; the others stand there as ``…``.

Messages hold ids only, never a name, a phone number or an address. A cell may hold one all the
same, where columns are mixed up or shifted. Hence, besides what `errors.masked` masks everywhere:

- values of private fields (``name``, ``attributes``) are never shown;
- a value of a number or a time is shown only if it is written in the signs of numbers and times;
- a value of hours (windows, breaks) may hold common words for them, too (``下午``, ``morning``);
- any other value but an id is masked if six or more digits stand in a row in it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

from dispatchopt.errors import MASK, masked

ValueKind = Literal["id", "number", "hours", "text"]
"""What a field holds; times are numbers here."""

_LONGEST: Final = 60
_NUMBER: Final = re.compile(
    r"[-+0-9.,:/%\s°'\"~#*()TZPNSEWe年月日时分秒点级度小钟至]*|P[A-Z0-9]?|.|\d[\d.,]*\s?[A-Za-z]{1,3}"
)
_OF_HOURS: Final = re.compile(
    r"[上中下][午班]后?|早上|凌晨|傍晚|晚上|全天|周[一二三四五六日]|半|一刻|三刻|号|到|[;；，、—–]"
    r"|morning|afternoon|evening|all day|[ap]m",
    re.IGNORECASE,
)
_MANY_DIGITS: Final = re.compile(r"(?<![.\d])\d{6}", re.ASCII)
_QUOTED: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


def shown(text: str, kind: ValueKind = "text") -> str:
    """Return a value as a message may show it: cut if long, `MASK` if it may be personal."""
    plain = unicodedata.normalize("NFKC", text)
    if kind == "number" and not _NUMBER.fullmatch(plain):
        return MASK
    if kind == "hours" and not _NUMBER.fullmatch(_OF_HOURS.sub("", plain)):
        return MASK
    if kind == "text" and _MANY_DIGITS.search(plain):
        return MASK
    # Masked before it is cut: half a phone number would pass.
    safe = masked(text)
    return safe if len(safe) <= _LONGEST else safe[: _LONGEST - 3] + "..."


def without_echoes(message: str) -> str:
    """Mask what a message quotes, where the value that it quotes is masked."""
    return _QUOTED.sub(f"'{MASK}'", message)
