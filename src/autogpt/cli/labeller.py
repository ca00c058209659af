"""The person at the terminal, or whoever writes lines to standard input, as an `Oracle`.

Up to nine labels have a number each that never changes, and one key answers. Of more labels the model's first nine
guesses are numbered, and names are typed (their beginning is enough, Tab completes). Rows that measure the model come
without its guess, so that it is not believed because it spoke first.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import typer

from autogpt.cli.screen import Screen, clean
from autogpt.labelling.oracle import QUIT, UNDO, Reply
from autogpt.labelling.outlook import ENOUGH_DRAWN
from autogpt.labelling.records import BAD, DRAWN, LABEL, SKIP
from autogpt.labelling.session import Question, Session

KEYS = {"u": UNDO, "s": SKIP, "b": BAD, "q": QUIT}
NUMBERED = 9
_ENTER = ("\r", "\n", "")


@dataclass(frozen=True, slots=True)
class Choice:
    """The labels that have a number, all labels, and the one that Return takes (None: Return takes none)."""

    numbered: Sequence[str]
    labels: Sequence[str]
    first: str | None

    @classmethod
    def of(cls, question: Question, labels: Sequence[str]) -> Choice:
        guess = None if question.part == DRAWN else question.guess[0]
        if len(labels) <= NUMBERED:
            return cls(labels, labels, guess)
        return cls([label for label, _ in question.ranking[:NUMBERED]], labels, guess)


def understood(said: str, choice: Choice) -> Reply | list[str]:
    """What a line means: a reply, or the labels that it could mean (none: it means nothing)."""
    word = said.strip()
    if not word:
        return Reply(LABEL, choice.first) if choice.first is not None else []
    if word.lower() in KEYS:
        return Reply(KEYS[word.lower()])
    if word.startswith("+"):
        name = word[1:].strip()
        return Reply(LABEL, name) if name else []
    if word in choice.labels:  # before numbers: labels may be numbers
        return Reply(LABEL, word)
    if word.isdecimal() and 1 <= int(word) <= len(choice.numbered):
        return Reply(LABEL, choice.numbered[int(word) - 1])
    meant = [label for label in choice.labels if label.lower().startswith(word.lower())]
    return Reply(LABEL, meant[0]) if len(meant) == 1 else meant


class Labeller:
    """See `labelling.oracle.Oracle`. Questions go to standard error; answers come from standard input."""

    def __init__(self, screen: Screen, who: str) -> None:
        self.screen, self.who = screen, who
        self._advised = False

    def reply(self, question: Question, session: Session) -> Reply:
        choice = Choice.of(question, session.labels)
        self._show(question, session, choice)
        while True:
            said = self._read(choice)
            if said is None:
                return Reply(QUIT)
            if said.strip() == "?":
                self._help(choice)
                continue
            found = understood(said, choice)
            if isinstance(found, Reply):
                return found
            if found:
                self.screen.warn("{said} could be {labels}; type more of it", said=said.strip(),
                                 labels=", ".join(found[:NUMBERED]))  # fmt: skip
            else:
                self.screen.warn("{said} is no answer; ? lists them", said=repr(said.strip()))

    def _show(self, question: Question, session: Session, choice: Choice) -> None:
        """Where things stand, the text, the labels, the model's guess."""
        if self.screen.quiet or self.screen.json:
            return
        err, t = self.screen.err, self.screen.t
        err.print()
        err.print(standing(self.screen, session), style="dim", soft_wrap=True)
        self._advise(session)
        err.print(clean(question.text), style="bold", soft_wrap=True)
        numbered = "   ".join(f"{number} {label}" for number, label in enumerate(choice.numbered, start=1))
        more = len(choice.labels) - len(choice.numbered)
        err.print(clean("  " + numbered) + ("   " + t("and {count} more", count=more) if more else ""), soft_wrap=True)
        label, sure = question.guess
        if question.part == DRAWN:
            err.print("  " + t("drawn at random, to measure with: no guess is shown"), style="dim")
        elif label is not None and sure is not None:
            err.print("  " + t("guess (Return): {label} {sure}", label=clean(label), sure=f"{sure:.0%}"), style="dim")

    def _advise(self, session: Session) -> None:
        """Say once that it may be enough."""
        outlook = session.progress().outlook
        if outlook is not None and outlook.stop and not self._advised:
            self.screen.note(
                "More labels have changed next to nothing for a while, and little is expected of the next: "
                "you may stop (q)."
            )
        self._advised = outlook is not None and outlook.stop

    def _help(self, choice: Choice) -> None:
        err, t = self.screen.err, self.screen.t
        err.print(t("1 to 9 a label, Return the guess, + NAME a new label, u undo, s skip, b bad text, q quit (all is "
                    "saved), ? this help; or type a label's name or its beginning"), soft_wrap=True)  # fmt: skip
        err.print("  " + clean(", ".join(choice.labels)), soft_wrap=True)

    def _read(self, choice: Choice) -> str | None:
        """A key where one is enough, else a line; None at the end."""
        if not self.screen.interactive:
            return sys.stdin.readline() or None
        if len(choice.labels) > NUMBERED:
            return self._line("> ", choice.labels)
        key = typer.getchar()
        if key in ("\x03", "\x04"):
            return None
        if key in _ENTER or key.lower() in KEYS or key == "?" or key.isdecimal():
            self.screen.err.print(f"> {key.strip()}")
            return key
        if key[-1] in "\r\n":  # pasted, or typed faster than it is read
            return key
        rest = self._line(f"> {key}", choice.labels)  # a name begins
        return None if rest is None else key + rest

    def _line(self, prompt: str, labels: Sequence[str]) -> str | None:
        with completing(labels):
            try:
                return input(prompt)
            except EOFError:
                return None


@contextlib.contextmanager
def completing(labels: Sequence[str]) -> Iterator[None]:
    """Tab completes label names meanwhile, where the terminal can."""
    try:
        import readline
    except ImportError:  # not on every system
        yield
        return

    def complete(started: str, number: int) -> str | None:
        found = [label for label in labels if label.lower().startswith(started.lower())]
        return found[number] if number < len(found) else None

    before, delimiters = readline.get_completer(), readline.get_completer_delims()
    readline.set_completer(complete)
    readline.set_completer_delims("")
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before)
        readline.set_completer_delims(delimiters)


def standing(screen: Screen, session: Session) -> str:
    """One line: how many are labelled, how good the model is, what more would bring."""
    t, found = screen.t, session.progress()
    parts = [t("{labelled} labelled, {left} left", labelled=f"{found.labelled:,}", left=f"{found.left:,}")]
    outlook = found.outlook
    if outlook is not None and outlook.drawn:
        value, low, high = (f"{number:.2f}" for number in (outlook.accuracy, outlook.low, outlook.high))
        parts.append(t("accuracy {value} ({low} to {high}, {rows} rows drawn at random)",
                       value=value, low=low, high=high, rows=outlook.tested))  # fmt: skip
    elif outlook is not None and outlook.tested >= ENOUGH_DRAWN:
        parts.append(t("accuracy {value} on rows that were chosen (a rough idea)", value=f"{outlook.accuracy:.2f}"))
    if outlook is not None and outlook.gain is not None and outlook.gain_high is not None:
        parts.append(t("the next 20 labels: about {gain} points, at most {most}", gain=f"{100 * outlook.gain:+.1f}",
                       most=f"{100 * outlook.gain_high:+.1f}"))  # fmt: skip
    return " · ".join(parts)
