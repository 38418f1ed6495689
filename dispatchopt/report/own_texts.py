"""An operator's own texts for customers, in a file: one table for each language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.nearest import did_you_mean
from dispatchopt.report.customer import template_faults
from dispatchopt.report.glossary import Language

if TYPE_CHECKING:
    from collections.abc import Iterator

Texts = Mapping[Language, Mapping[str, str]]
"""Templates by language and name."""

_NO_TEXT: Final = Issue("texts", "", "", "", "must be a text")
_LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


def read_texts(path: str | Path) -> Texts:
    """Read own texts: the tables ``[en]`` and ``[zh]`` of a TOML file, templates by name.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no TOML.
    InvalidProblemError
        With every fault.
    """
    path = Path(path)
    data = parse_toml(decode_utf8(read_bytes(path), str(path)), str(path))
    issues = [_in_file(issue, path) for issue in _faults(data)]
    if issues:
        raise InvalidProblemError(issues)
    return {language: dict(data[language]) for language in _LANGUAGES if language in data}


def _faults(data: Mapping[str, object]) -> Iterator[Issue]:
    for language, texts in data.items():
        if language not in _LANGUAGES:
            hint = did_you_mean(language, _LANGUAGES)
            message = f"{hint}no such language; there are {', '.join(_LANGUAGES)}"
            yield Issue("texts", "", language, "", message)
        elif not isinstance(texts, dict):
            yield Issue("texts", "", language, "", f"must be a table: write [{language}] above it")
        else:
            for name, text in texts.items():
                faults = template_faults(name, text) if isinstance(text, str) else [_NO_TEXT]
                yield from (Issue("texts", "", f"{language}.{name}", "", f.message) for f in faults)


def _in_file(issue: Issue, path: Path) -> Issue:
    return Issue("texts", "", issue.field, issue.value, issue.message, path.name)
