"""The settings of a night: one TOML file, validated as a whole."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.limits import preset_names
from dispatchopt.models.field_faults import issues_of
from dispatchopt.night.values import Age, ClockTime, Share, Where, checked_path

_SQLITE_FILE = re.compile(r"(sqlite(?:\+pysqlite)?:///)(?!:memory:|file:)([^?]+)")

Action = Literal["stop", "warn"]
"""What a rule does: end the night before anything is planned, or tell and go on."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseConfig(_Part):
    """Tickets and roster in a database.

    Attributes
    ----------
    url, url_env
        Its URL, or the environment variable that holds it: one with a password belongs there.
    tickets, engineers, shifts
        Names of tables, or queries.
    travel
        A table or query with origin, destination, seconds; absent: the straight line.
    places
        A table or query with stand-ins for coordinates that lack, as ``places.csv``.
    mapping
        A folder with a ``mapping.toml``: what columns and codes mean.
    timezone
        Of times without an offset, of days and of display.
    """

    url: str | None = None
    url_env: str | None = None
    tickets: str = "tickets"
    engineers: str = "engineers"
    shifts: str = "shifts"
    travel: str | None = None
    places: str | None = None
    mapping: Where | None = None
    timezone: str | None = None

    @model_validator(mode="after")
    def _one_url(self) -> DatabaseConfig:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give url or url_env")
        return self


class InputConfig(_Part):
    """Where tickets and roster come from: exactly one source.

    Attributes
    ----------
    folder
        A folder of CSV files or workbooks, with a ``mapping.toml`` if need be (docs/csv.md,
        docs/exports.md).
    file
        A problem as ``.json`` or ``.json.gz``.
    workbook
        One ``.xlsx`` file with everything.
    database
        See `DatabaseConfig`.
    policy
        A policy file instead of the input's own.
    limits
        Service limits by which every absent `due` is computed (docs/limits.md): a preset, or a file
        with preset, holidays and default area.
    on_bad_row
        ``reject`` leaves faulty tickets and engineers out, ``error`` refuses the whole input.
    """

    folder: Where | None = None
    file: Where | None = None
    workbook: Where | None = None
    database: DatabaseConfig | None = None
    policy: Where | None = None
    limits: str | Path | None = None
    on_bad_row: Literal["error", "reject"] = "reject"

    @model_validator(mode="after")
    def _one_source(self) -> InputConfig:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(SOURCES)}; there are {len(given)}")
        return self

    @field_validator("limits")
    @classmethod
    def _preset_or_file(cls, value: str | Path | None) -> str | Path | None:
        if value is None or value in preset_names():
            return value
        if str(value).endswith((".toml", ".json")):
            return checked_path(Path(value))
        known = ", ".join(preset_names())
        raise ValueError(f"no such preset; there are {known}; or name a .toml file")

    @property
    def path(self) -> Path | None:
        """The file or folder read; None if it is a database."""
        return self.folder or self.file or self.workbook


SOURCES: Final = ("folder", "file", "workbook", "database")


class PlanConfig(_Part):
    """The options of the search, as those of ``dispatchopt plan``."""

    time_limit: Annotated[float, Field(ge=0, lt=10**7)] | None = None
    iterations: Annotated[int, Field(strict=True, ge=0, lt=2**62)] | None = None
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**31)] = 0
    threads: Annotated[int, Field(strict=True, ge=1, le=256)] | None = None
    prove: bool | None = None
    gap: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _one_limit(self) -> PlanConfig:
        if self.time_limit is not None and self.iterations is not None:
            raise ValueError("time_limit and iterations exclude each other; give one of them")
        return self


class OutputConfig(_Part):
    """What is left behind.

    Attributes
    ----------
    folder
        Holds a folder for each night, named by its date, and ``latest``, which leads to the newest.
    excel
        Whether ``plan.xlsx`` is written.
    released_at
        Local time at which the engineers get the plan, on the day that the horizon begins;
        customers are called within `contact_minutes` of it. Absent: each engineer's shift counts.
        Without `contact_minutes` those of the preset `limits` count, or 30.
    log
        File to which the log lines are appended; absent: the error stream.
    keep_nights
        So many of the newest finished nights stay; older ones are removed, with what the outbox
        settled of all but as many of the newest plans. 0: everything stays.
    """

    folder: Where
    language: Literal["en", "zh", "both"] = "both"
    excel: bool = True
    released_at: ClockTime | None = None
    contact_minutes: Annotated[int, Field(strict=True, ge=0, le=1440)] | None = None
    log: Where | None = None
    keep_nights: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 60


class PublishConfig(_Part):
    """Whom the plan is told, ticket by ticket, through the outbox.

    Attributes
    ----------
    to
        ``none``; ``folder``: one JSON file for each message; ``http``: one request for each;
        ``database``: one row for each.
    folder, url, url_env, table, method
        The receiver. The URL of a service may hold ``{ticket_id}``; one with a password belongs
        into the environment variable that `url_env` names.
    header_env
        Headers of the requests by the names of environment variables that hold their values:
        secrets have no place in this file.
    documents
        ``own``: messages as `Message.document` has them; ``tmf621-v4``, ``tmf621-v5``: updates
        of trouble tickets of that version of TMF621.
    trouble_tickets
        JSON file with the trouble tickets, as they were exported together with the input: an update
        repeats the parties and notes that a ticket has.
    store, store_env
        URL of a database prepared by ``dispatchopt database init``: plan and outbox are written
        there, in one transaction; absent: the outbox is a file, and the plan the output folder.
    attempts, backoff, time_limit
        Most deliveries of one message in a run, seconds before the first repetition (then twice as
        long each time), and seconds after which nothing more is begun.
    """

    to: Literal["none", "folder", "http", "database"] = "none"
    folder: Where | None = None
    url: str | None = None
    url_env: str | None = None
    table: str = "dispatchopt_inbox"
    method: Literal["POST", "PATCH", "PUT"] = "POST"
    header_env: dict[str, str] = {}
    documents: Literal["own", "tmf621-v4", "tmf621-v5"] = "own"
    trouble_tickets: Where | None = None
    store: str | None = None
    store_env: str | None = None
    attempts: Annotated[int, Field(strict=True, ge=1, le=100)] = 5
    backoff: Annotated[float, Field(ge=0, le=3600)] = 1.0
    time_limit: Annotated[float, Field(gt=0, le=86_400)] = 600.0

    @model_validator(mode="after")
    def _has_receiver(self) -> PublishConfig:
        given = [name for name in ("folder", "url", "url_env") if getattr(self, name) is not None]
        allowed = {"none": (), "folder": ("folder",)}.get(self.to, ("url", "url_env"))
        if len(given) != bool(allowed) or not set(given) <= set(allowed):
            wanted = f"give {' or '.join(allowed)} alone" if allowed else "name no receiver"
            raise ValueError(f"to is {self.to!r}: {wanted}; there is {', '.join(given) or 'none'}")
        if self.store is not None and self.store_env is not None:
            raise ValueError("store and store_env exclude each other; give one of them")
        return self

    @model_validator(mode="after")
    def _has_trouble_tickets(self) -> PublishConfig:
        if (self.documents == "own") != (self.trouble_tickets is None):
            raise ValueError(
                f"documents is {self.documents!r}: tmf621-v4 and tmf621-v5 need trouble_tickets, "
                "own takes none"
            )
        if self.documents != "own" and self.to == "http" and self.method != "PATCH":
            raise ValueError('documents are updates of trouble tickets: write method = "PATCH"')
        return self


class BookingsConfig(_Part):
    """Windows held and promised in a ledger (docs/bookings.md).

    Attributes
    ----------
    ledger, ledger_env
        Its URL (``sqlite:///bookings.db``, ``postgresql+psycopg://…``), or the environment variable
        that holds it. Absent: the appointments of the input are all there are.
    """

    ledger: str | None = None
    ledger_env: str | None = None

    @model_validator(mode="after")
    def _one_ledger(self) -> BookingsConfig:
        if self.ledger is not None and self.ledger_env is not None:
            raise ValueError("ledger and ledger_env exclude each other; give one of them")
        return self

    @property
    def url(self) -> str | None:
        """The ledger's URL; None without one."""
        return secret(self.ledger, self.ledger_env)


def secret(value: str | None, variable: str | None) -> str | None:
    """Return a value, or that of the environment variable named instead of it."""
    return value if variable is None else os.environ[variable]


class RulesConfig(_Part):
    """When a night stops before it plans, or warns and goes on.

    Attributes
    ----------
    max_age
        Oldest that the input may be (``20h``, ``90m``, ``2d``); absent: any age.
    stale
        What happens with an older one.
    past
        What happens if the horizon is over already: yesterday's export.
    empty
        What happens without a ticket that asks for a visit.
    halved_percent, halved
        What happens if there are fewer tickets than this share of the last night's; 0: any number.
    max_rejects, rejects
        Most faulty rows: of the tickets (``2%``), or a count; and what happens beyond.
    min_grade, grade
        Worst grade that the doctor may give the data of a file or folder, A to F; and what happens
        below.
    """

    max_age: Age | None = None
    stale: Action = "stop"
    past: Action = "stop"
    empty: Action = "stop"
    halved_percent: Annotated[int, Field(strict=True, ge=0, le=100)] = 50
    halved: Action = "stop"
    max_rejects: Share = "2%"
    rejects: Action = "stop"
    min_grade: Literal["A", "B", "C", "D", "E", "F"] = "F"
    grade: Action = "warn"


class NightConfig(_Part):
    """A night: see ``docs/night.md``. Paths, those of SQLite too, are relative to its file."""

    input: InputConfig
    plan: PlanConfig = PlanConfig()
    output: OutputConfig
    publish: PublishConfig = PublishConfig()
    bookings: BookingsConfig = BookingsConfig()
    rules: RulesConfig = RulesConfig()


def read_config(path: str | Path) -> NightConfig:
    """Read the settings of a night.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no TOML.
    InvalidProblemError
        With every fault of the settings.
    """
    path = Path(path)
    data = parse_toml(decode_utf8(read_bytes(path), str(path)), str(path))
    try:
        config = NightConfig.model_validate(data)
    except ValidationError as error:
        found = issues_of(error, "config", "")
        raise InvalidProblemError([_in_file(issue, path) for issue in found]) from None
    from dispatchopt.night.surroundings import of_surroundings

    config = _placed(config, path.resolve().parent)
    issues = [_in_file(issue, path) for issue in of_surroundings(config)]
    if issues:
        raise InvalidProblemError(issues)
    return config


def _in_file(issue: Issue, path: Path) -> Issue:
    return Issue("config", "", issue.field, issue.value, issue.message, path.name)


def _placed(config: NightConfig, base: Path) -> NightConfig:
    """Make every path absolute."""

    def placed(part: Any) -> Any:  # Any: any part of the settings
        paths = {k: base / v for k, v in part if isinstance(v, Path)}
        paths |= {k: _beside(v, base) for k, v in part if isinstance(v, str)}
        parts = {k: placed(v) for k, v in part if isinstance(v, _Part)}
        return part.model_copy(update={**paths, **parts})

    return config.model_copy(update={name: placed(part) for name, part in config})


def _beside(text: str, base: Path) -> str:
    """Make the path of an SQLite URL absolute; other texts stay as they are.

    Cron starts elsewhere: it would find another file there, an empty ledger among them.
    """
    found = _SQLITE_FILE.match(text)
    return text if found is None else f"{found[1]}{base / found[2]}{text[found.end() :]}"
