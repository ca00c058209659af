"""The application: commands in the order in which they are met, and how errors end."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from autogpt import __version__, runtime
from autogpt.cli.catalogue import Catalogue, language
from autogpt.cli.commands import (
    align,
    compare,
    datasets,
    distil,
    doctor,
    evaluate,
    explain,
    extend,
    label,
    memory,
    models,
    predict,
    pretrain,
    profile,
    prompts,
    resume,
    run,
    runs,
    select,
    train,
)  # fmt: skip
from autogpt.cli.flags import command
from autogpt.cli.help import classes
from autogpt.cli.screen import Screen, Show, clean
from autogpt.errors import AmbiguityError, AutoGPTError, Interrupted, ResourceError

# Typer carries its own Click and does not export these two names.
_UsageError: Any
_ClickException: Any
_UsageError, _ClickException = typer.BadParameter.__mro__[1:3]
DEBUG = "AUTOGPT_DEBUG"

_PANELS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (
        "Train",
        (
            label.label,
            run.run,
            train.train,
            pretrain.pretrain,
            align.align,
            distil.distil,
            resume.resume,
            extend.extend,
        ),
    ),
    ("Use", (predict.predict, evaluate.evaluate, compare.compare)),
    (
        "Look",
        (
            profile.profile,
            select.select,
            prompts.prompts,
            runs.runs,
            explain.explain,
            memory.memory,
            models.models,
            datasets.datasets,
            doctor.doctor,
        ),
    ),
)
_EXIT_CODES = """Exit codes: 0 done, 1 internal error, 2 data, column, setting or flag cannot be used, 3 several \
readings are possible (candidates are listed), 4 saved model missing or damaged, 5 disk, memory or time too short, \
6 network needed but forbidden, 7 an endpoint gives no usable answers, 130 stopped (the resume command is printed)."""
_PROMISE = """AUTOGPT_DEBUG=1 shows tracebacks and logs. Everything stays on this machine; only a model or data set \
that you name by its Hub name is fetched, and --offline forbids that too."""


def build(t: Catalogue) -> typer.Typer:
    """The application in one language."""
    group, single = classes(t)
    app = typer.Typer(
        name="autogpt",
        cls=group,
        epilog=t(_EXIT_CODES) + "\n\n" + t(_PROMISE),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    app.callback()(command(_top, t))
    for panel, functions in _PANELS:
        for function in functions:
            app.command(function.__name__, cls=single, rich_help_panel=t(panel))(command(function, t))
    return app


def execute(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. Nothing but a bug ends in a traceback, and that only on request."""
    try:
        t = Catalogue(language(arguments, os.environ))
    except AutoGPTError as error:
        return _fail(error, arguments, Catalogue())
    _prepare()
    try:
        code = build(t)(list(arguments), prog_name="autogpt", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _fail(error, arguments, t)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autogpt {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_print_version)
    ] = False,
    lang: Annotated[
        str | None,
        typer.Option("--lang", metavar="LANG", help="language of messages: en or zh (default: from the locale)"),
    ] = None,
) -> None:
    """Raw data and one sentence in, a tested model out."""


def _prepare() -> None:
    """What holds for the whole process: quiet libraries and no telemetry."""
    runtime.prepare_environment()
    debug = bool(os.environ.get(DEBUG))
    if not debug:
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TQDM_DISABLE", "1")
    logging.captureWarnings(True)
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(name)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(error: BaseException, arguments: Sequence[str], t: Catalogue) -> int:
    """Say what went wrong in one sentence, on standard error or as the JSON document; the exit code."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    code, kind, message = _described(error, t)
    if not message:  # help was printed instead
        return code
    screen = Screen(Show(json="--json" in arguments, quiet="--quiet" in arguments or "-q" in arguments), t)
    document: dict[str, Any] = {"type": kind, "message": message, "exit_code": code}
    if isinstance(error, AmbiguityError):
        document |= {"question": error.question, "candidates": list(error.candidates), "flag": error.flag}
    if isinstance(error, Interrupted):
        document |= {"resume": error.resume}
    if screen.json:
        screen.result({"error": document})
        return code
    if not isinstance(error, (Interrupted, KeyboardInterrupt)):
        screen.fail(message)
        if isinstance(error, AmbiguityError):
            screen.candidates(error)
        return code
    screen.err.print(clean(message), style="bold", soft_wrap=True)  # stopping is no error
    if isinstance(error, Interrupted) and error.resume not in message:
        screen.err.print(t("go on with:") + " " + error.resume, style="bold", soft_wrap=True)
    return code


def _described(error: BaseException, t: Catalogue) -> tuple[int, str, str]:
    """Exit code, name and sentence of whatever came up to the top."""
    if isinstance(error, AutoGPTError):
        return error.exit_code, type(error).__name__, t.translate(str(error))
    if isinstance(error, _ClickException):
        message = error.format_message().rstrip(".")
        command = error.ctx.command_path if isinstance(error, _UsageError) and error.ctx else "autogpt"
        hint = t("`{command} --help` lists what there is", command=command)
        return 2, "UsageError", f"{t.translate(message)}; {hint}" if message else ""
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Interrupted.exit_code, "Interrupted", t("stopped")
    if isinstance(error, MemoryError):
        return (
            ResourceError.exit_code,
            "ResourceError",
            t("memory does not suffice; use a smaller backbone or fewer rows"),
        )
    shown = f"{type(error).__name__}: {error}".splitlines()[0]
    return 1, "InternalError", t("this is a bug: {shown}; AUTOGPT_DEBUG=1 shows where", shown=shown)
