"""What makes sound settings of a night useless here: missing packages, secrets, wrong folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dispatchopt.adapters.publish import do_overlap
from dispatchopt.errors import AdapterError, Issue
from dispatchopt.night.config import NightConfig, secret

if TYPE_CHECKING:
    from collections.abc import Iterator


def of_surroundings(config: NightConfig) -> Iterator[Issue]:
    """Yield every such fault; nothing is read, and nobody connected to."""
    if config.output.excel:
        from dispatchopt.report.workbook import require_openpyxl

        try:
            require_openpyxl()
        except AdapterError as error:
            yield Issue("config", "", "output.excel", "true", f"{error} Or write excel = false.")
    lacking = [(field, name) for field, name in _variables(config) if not os.environ.get(name)]
    for field, variable in lacking:
        message = f"environment variable {variable} is not set; set it to the value"
        yield Issue("config", "", field, "", message)
    if not lacking:
        yield from _of_databases(config)
    unusable = list(_of_paths(config))
    yield from unusable or _of_folders(config)


def _of_paths(config: NightConfig) -> Iterator[Issue]:
    """Yield paths that the system cannot look up, such as names that are too long."""
    for field, path in (
        ("output.folder", config.output.folder / "latest"),
        ("output.log", config.output.log),
        ("input", config.input.path),
    ):
        try:
            if path is not None:
                path.exists()
        except OSError as error:
            yield Issue("config", "", field, "", f"{error.strerror}; name another path")


def _of_folders(config: NightConfig) -> Iterator[Issue]:
    """Yield what lies where outputs are to go."""
    latest = config.output.folder / "latest"
    if latest.exists() and not latest.is_symlink():
        yield Issue("config", "", "output.folder", "", f"{latest} is not ours; move it away")
    folder = config.output.folder
    if folder.exists() and not folder.is_dir():
        yield Issue("config", "", "output.folder", str(folder), "is a file; name a folder")
    if config.output.log is not None and config.output.log.is_dir():
        yield Issue("config", "", "output.log", str(config.output.log), "is a folder; name a file")
    if config.input.path is not None and do_overlap(folder, config.input.path):
        message = "lies in the input, or holds it; name a folder of its own"
        yield Issue("config", "", "output.folder", str(folder), message)


def _variables(config: NightConfig) -> Iterator[tuple[str, str]]:
    """Yield each setting that names an environment variable."""
    publish, database = config.publish, config.input.database
    for name, variable in publish.header_env.items():
        yield f"publish.header_env.{name}", variable
    for field, value in (
        ("publish.url_env", publish.url_env),
        ("publish.store_env", publish.store_env),
        ("bookings.ledger_env", config.bookings.ledger_env),
    ):
        if value is not None:
            yield field, value
    if database is not None and database.url_env is not None:
        yield "input.database.url_env", database.url_env


def _of_databases(config: NightConfig) -> Iterator[Issue]:
    """Yield what is wrong with URLs; nothing is connected to."""
    publish, database = config.publish, config.input.database
    urls = {
        "publish.store": secret(publish.store, publish.store_env),
        "bookings.ledger": config.bookings.url,
    }
    if publish.to == "database":
        urls["publish.url"] = secret(publish.url, publish.url_env)
    if database is not None:
        urls["input.database.url"] = secret(database.url, database.url_env)
    for field, url in urls.items():
        if url is None:
            continue
        try:
            from dispatchopt.adapters.database import Database, DatabaseTarget

            Database(url)
            if field == "publish.url":
                DatabaseTarget(url, table=publish.table)
        except AdapterError as error:
            yield Issue("config", "", field, "", str(error))
