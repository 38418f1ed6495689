"""The command ``night``: the unattended run, for cron or a container."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatchopt.cli_common import CODES, Debug, Json, Quiet, Verbose, compile_kernels
from dispatchopt.cli_talk import NoPlan, Refused, Stop, Talk, guard
from dispatchopt.report.exit_codes import Code

if TYPE_CHECKING:
    from dispatchopt.night import NightConfig, NightResult
    from dispatchopt.solve import Progress


NIGHT_CODES = (
    f"{CODES} · 6 another run of this night is at work · 7 plan made, but the receiver has not "
    "taken everything: the next run goes on (wins over 3 and 5)"
)


def night(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="See docs/night.md.")],
    force: Annotated[
        bool, typer.Option("--force", help="Plan again although the same input was finished.")
    ] = False,
    max_age: Annotated[
        str | None, typer.Option(help="Oldest that the input may be (20h), instead of the file's.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Read, judge, plan, check, write and publish a day, unattended.

    Safe to kill at any moment and to repeat: the next run finishes what this one decided. A first
    Ctrl-C or TERM signal ends the search early, with the best plan so far; the rest goes on.
    """
    talk = Talk(quiet=quiet, as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose), Stop() as stop:
        from dispatchopt import night as nights
        from dispatchopt.errors import PlanConflictError, PublisherBusyError

        settings = _settings(config, max_age)

        def on_search() -> None:
            stop.defer()
            compile_kernels(talk)

        def on_progress(_progress: Progress) -> None:
            stop.obey()

        hooks = nights.Hooks(on_search=on_search, on_progress=on_progress)
        try:
            result = nights.run_night(settings, force=force, hooks=hooks)
        except (nights.NightBusyError, PublisherBusyError) as error:
            talk.fail(Code.BUSY, "busy", str(error), ())
        except nights.NightUnpublishedError as error:
            talk.fail(Code.UNPUBLISHED, "unpublished", str(error), ())
        except nights.NightStoppedError as error:
            raise Refused(f"Nothing was planned. {error}", error.issues) from error
        except (nights.NightUnwrittenError, PlanConflictError) as error:
            raise NoPlan(str(error)) from error
        except KeyboardInterrupt as error:
            raise NoPlan(
                "Interrupted. What was decided stands, and the next run goes on."
            ) from error
        _tell(talk, result, was_interrupted=stop.was_obeyed)
    raise typer.Exit(result.exit_code)


def _settings(path: Path, max_age: str | None) -> NightConfig:
    from dispatchopt.night import read_config
    from dispatchopt.night.values import parse_age

    settings = read_config(path)
    if max_age is None:
        return settings
    try:
        parse_age(max_age)
    except ValueError as error:
        raise Refused(f"--max-age is {max_age!r}: {error}.") from None
    rules = settings.rules.model_copy(update={"max_age": max_age})
    return settings.model_copy(update={"rules": rules})


def _tell(talk: Talk, result: NightResult, *, was_interrupted: bool) -> None:
    record, published = result.night.record, result.published
    code = result.exit_code
    data: dict[str, Any] = {  # Any: JSON
        "status": "planned" if result.is_new else "unchanged",
        "exit_code": code,
        "night": record.night,
        "plan_id": record.plan_id,
        "out": str(result.night.folder),
        "summary": record.summary,
        "warnings": list(result.warnings),
        "interrupted": was_interrupted,
        "diff": None if result.diff is None else result.diff.to_json()["counts"],
        "published": None if published is None else published.to_json(),
    }
    talk.answer(data)
    talk.warn(result.warnings)
    if was_interrupted:
        talk.note("Interrupted: this is the best plan so far, checked like any other")
    if published is not None:
        open_ = f"{len(published.pending)} pending, {len(published.refused)} refused"
        talk.note(f"Published: {len(published.delivered)} delivered, {open_}")
    if not result.is_new:
        done = "nothing was done" if published is None else "nothing was planned again"
        talk.note(f"The same input was planned before: {done} (--force plans it again)")
    talk.say(f"{record.summary} [{code} {Code(code).name.lower()}] {result.night.folder}")
