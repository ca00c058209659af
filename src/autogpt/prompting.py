"""Prompts as data, and the one way in which they become texts: between `prompts/`, which writes them, and their users.

A template names fields in braces (`a movie review that is {label}`) and can do nothing else: no attributes, no format
codes, no code. Values are put in once and never looked at again, so braces in a text stay text; and a string that a
tokenizer would read as a control token is broken up wherever a value has a part in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.core import Array

ROLES = ("", "system", "user", "assistant")
"""Who says a turn; nobody where a prompt is one string."""
_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|([{}])")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Templates in the order in which they are said, each with its role, and the words that stand for each label.

    A description of labels is one turn without a role, whose field is `label`; a cloze has the fields `text` (and
    `text_pair`) too, and `label` where a word is hidden; an instruction is one turn of the system's. `origin` says who
    wrote it.
    """

    turns: tuple[tuple[str, str], ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: str = ""

    def __post_init__(self) -> None:
        for role, template in self.turns:
            if role not in ROLES:
                raise ConfigError(f"a prompt has the role {role!r}; allowed are {', '.join(ROLES[1:])}")
            fields(template)

    @classmethod
    def of(cls, template: str, words: Mapping[str, Sequence[str]] | None = None, *, origin: str = "") -> Self:
        """A prompt that is one string."""
        return cls((("", template),), {label: tuple(own) for label, own in (words or {}).items()}, origin)

    @property
    def template(self) -> str:
        """The template of a prompt that is one string."""
        ((_, template),) = self.turns
        return template

    @property
    def form(self) -> str:
        """What it is: `description` of labels, `cloze` (a text with a hidden word), `instruction` (one turn without a
        field), or `dialogue` (anything else)."""
        if len(self.turns) > 1 or (self.fields and "label" not in self.fields):
            return "dialogue"
        if not self.fields:
            return "instruction"
        return "cloze" if "text" in self.fields else "description"

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields, each once."""
        return tuple(dict.fromkeys(name for _, template in self.turns for name in fields(template)))

    def render(self, values: Mapping[str, str], *, control: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
        """(role, text) of each turn."""
        return tuple((role, render(template, values, control=control)) for role, template in self.turns)

    def descriptions(self) -> dict[str, tuple[str, ...]]:
        """What this prompt says of each label, of no text: a text for each of the label's words."""
        blank = dict.fromkeys(self.fields, "")
        return {label: tuple(render(self.template, blank | {"label": word}).strip() for word in own)
                for label, own in self.words.items()}  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` gives the same prompt back, byte for byte."""
        return {
            "turns": [list(turn) for turn in self.turns],
            "words": {label: list(own) for label, own in self.words.items()},
            "origin": self.origin,
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """What `to_dict` told."""
        turns = tuple((str(role), str(template)) for role, template in told["turns"])
        return cls(turns, {str(k): tuple(map(str, own)) for k, own in told["words"].items()}, str(told["origin"]))

    def to_langchain(self) -> Any:
        """A `PromptTemplate` of langchain-core, or a `ChatPromptTemplate` where turns have roles; words and origin are
        its metadata. Its extra is `prompt`."""
        chat = _langchain()
        told = {"words": {label: list(own) for label, own in self.words.items()}, "origin": self.origin}
        if [role for role, _ in self.turns] == [""]:
            return chat.PromptTemplate.from_template(self.template, template_format="f-string", metadata=told)
        if not all(role for role, _ in self.turns):
            raise ConfigError("a prompt of several turns needs a role for each of them; a turn has none")
        found = chat.ChatPromptTemplate.from_messages([(_SAID_BY[role], template) for role, template in self.turns])
        found.metadata = told
        return found

    @classmethod
    def from_langchain(cls, given: Any) -> Self:
        """A prompt of a `PromptTemplate` or `ChatPromptTemplate` whose templates are f-strings of plain fields."""
        chat = _langchain()
        if getattr(given, "partial_variables", None):
            raise ConfigError(f"the template has values filled in already ({', '.join(given.partial_variables)}); "
                              "give it without partial_variables")  # fmt: skip
        if isinstance(given, chat.PromptTemplate):
            turns: tuple[tuple[str, str], ...] = (("", _template(given)),)
        elif isinstance(given, chat.ChatPromptTemplate):
            turns = tuple(_turn(chat, one) for one in given.messages)
        else:
            raise ConfigError(f"{type(given).__name__} is no template that can be read; give a PromptTemplate or a "
                              "ChatPromptTemplate of langchain-core")  # fmt: skip
        told = dict(given.metadata or {})
        words = {str(label): tuple(map(str, own)) for label, own in dict(told.get("words", {})).items()}
        return cls(turns, words, str(told.get("origin", "langchain")))


@dataclass(frozen=True, slots=True)
class Facts:
    """What prompts are written from: N texts of a pool without labels, and what the user said.

    `names` are the labels, each with its name as words; `read` makes vectors [n, D] of any texts; `vectors` [N, D] are
    the pool's, at a mean length of 1.
    """

    goal: str
    columns: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    texts: Sequence[str]
    vectors: Array
    read: Callable[[Sequence[str]], Array]
    rows: Sequence[tuple[Mapping[str, str], str]] = ()
    """Training rows with their label; a generator that `learns` is judged on others than these."""
    filler: Filler | None = None
    think: Callable[[str, str], str] | None = None
    """What a language model answers to a system's and a user's turn; "" where it gives none. Whoever offers it bounds
    its calls and what they cost, and raises ResourceError where nothing may be asked any more: that goes through."""
    judge: Callable[[Prompt, Sequence[int]], Sequence[Judged]] | None = None
    """How a prompt answers the rows with these places."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer to a row: what was said, and how good it is (0 to 1)."""

    answer: str
    score: float


class Filler(Protocol):
    """A model that tells hidden words."""

    @property
    def tokens(self) -> Sequence[str]:
        """Its whole words [V] as text, "" for what is none."""

    def states(self, template: str, rows: Sequence[Mapping[str, str]]) -> Array:
        """What its last layer reads [N, D] at the gap `{mask}` of a template that is filled with each row."""

    def likely(self, template: str, rows: Sequence[Mapping[str, str]]) -> Array:
        """Log probabilities [N, V] at that gap; `{blank}` are further gaps."""

    def rows_of(self, template: str, words: Mapping[str, Sequence[str]]) -> tuple[Array, Array]:
        """Weights [C, D] and bias [C] of the last layer for each label's words."""


def of_form(prompts: Sequence[Prompt], form: str) -> list[Prompt]:
    """Those of a form, in their order."""
    return [one for one in prompts if one.form == form]


def read(path: str | None) -> tuple[Prompt, ...]:
    """The prompts of a file: a list of them, or an object with `prompts` (what `autogpt prompts` writes).

    ConfigError: it has none, or what is in it is none.
    """
    if path is None:
        return ()
    try:
        told = json.loads(Path(path).read_text("utf-8"))
        listed = told["prompts"] if isinstance(told, Mapping) else told
        found = tuple(Prompt.from_dict(one) for one in listed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ConfigError(
            f"{path}: no prompts can be read from it ({problem}); give what `autogpt prompts` wrote"
        ) from None
    if not found:
        raise ConfigError(f"{path} has no prompt; give what `autogpt prompts` wrote")
    return found


class Generator(Protocol):
    """Who writes prompts, the likeliest to be good first.

    `form` is what they are: `description`, `cloze` or `instruction` (see `Prompt`). One that `learns` looks at the
    labels of `Facts.rows`. One that lacks what it needs of the facts writes nothing.
    """

    name: str
    summary: str
    form: str
    learns: bool

    def write(self, facts: Facts) -> Iterator[Prompt]:
        """Prompts; the same facts give the same ones. No text of a row stands in a template."""


def words_of(name: str) -> str:
    """A label's name as a phrase: `card_not_working`, `CardNotWorking` and `card-not-working` -> card not working."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    found = " ".join(re.sub(r"[_\-./]+", " ", parted).split())
    return found.lower() if found != name else found


def gapped(template: str) -> str:
    """A cloze's template with a gap `{mask}` where `{label}` stands. ConfigError: it has not exactly one."""
    if "label" not in fields(template) or [piece[1] for piece in _PIECE.finditer(template)].count("label") != 1:
        raise ConfigError(f"template {template!r} needs one {{label}}, the place of the label's word")
    return "".join(
        "{mask}" if part == "{label}" else part for part in re.split(r"(\{\{|\}\}|\{[A-Za-z_]\w*\})", template)
    )


def fields(template: str) -> tuple[str, ...]:
    """Names of a template's fields, in order; ConfigError for a brace that opens none."""
    found = []
    for piece in _PIECE.finditer(template):
        if piece[2]:
            raise ConfigError(
                f"template {template!r} has a {piece[2]!r} that belongs to no field; write a field as {{name}} and a "
                f"brace as {piece[2] * 2}"
            )
        if piece[1]:
            found.append(piece[1])
    return tuple(dict.fromkeys(found))


def render(template: str, values: Mapping[str, str], *, control: Collection[str] = ()) -> str:
    """The template with its fields filled in, and every `control` token that a value has a part in broken by spaces."""
    if missing := [name for name in fields(template) if name not in values]:
        raise ConfigError(f"template {template!r} needs {', '.join(missing)}; there are: {', '.join(values)}")
    text, foreign, at = "", "", 0  # `foreign` marks each character: "1" where it comes from a value
    for piece in _PIECE.finditer(template):
        own = template[at : piece.start()] + ("" if piece[1] else piece[0][0])
        given = str(values[piece[1]]) if piece[1] else ""
        text, foreign, at = text + own + given, foreign + "0" * len(own) + "1" * len(given), piece.end()
    text, foreign = text + template[at:], foreign + "0" * (len(template) - at)
    return _without(text, foreign, [own for token in control if (own := token.strip())]) if control else text


def _without(text: str, foreign: str, control: Sequence[str]) -> str:
    """The text in which no control token is left that reaches into a value; its characters stay, parted by a space."""
    while True:
        places = {place for token in control for place in _places(text, token) if "1" in foreign[slice(*place)]}
        if not places:
            return text
        alone = {start for start, end in places if end - start == 1}  # a token of one character cannot be parted
        cut = {start for start, end in places if end - start > 1}
        kept = [" " if at in alone else char for at, char in enumerate(text)]
        text = "".join(f"{char} " if at in cut else char for at, char in enumerate(kept))
        foreign = "".join(f"{mark}0" if at in cut else mark for at, mark in enumerate(foreign))


def _places(text: str, token: str) -> Iterator[tuple[int, int]]:
    """Where a token stands, overlapping places too."""
    at = text.find(token)
    while at >= 0:
        yield at, at + len(token)
        at = text.find(token, at + 1)


_SAID_BY = {"system": "system", "user": "human", "assistant": "ai"}


def _langchain() -> Any:
    """The module of langchain-core that has templates."""
    try:
        from langchain_core import prompts
    except ImportError as missing:
        raise ConfigError(
            "LangChain templates need langchain-core; install it with: pip install 'autogpt[prompt]'"
        ) from missing
    return prompts


def _template(given: Any) -> str:
    """The f-string of a PromptTemplate; other formats can run code or reach into values, and are refused."""
    if given.template_format != "f-string":
        raise ConfigError(f"the template's format is {given.template_format!r}; only 'f-string' is allowed")
    return str(given.template)


def _turn(chat: Any, given: Any) -> tuple[str, str]:
    """(role, template) of a message of a ChatPromptTemplate."""
    roles = {
        "SystemMessagePromptTemplate": "system", "HumanMessagePromptTemplate": "user",
        "AIMessagePromptTemplate": "assistant", "SystemMessage": "system", "HumanMessage": "user",
        "AIMessage": "assistant",
    }  # fmt: skip
    role, template = roles.get(type(given).__name__), getattr(given, "prompt", None)
    if role and isinstance(template, chat.PromptTemplate):
        return role, _template(template)
    if role and isinstance(getattr(given, "content", None), str):  # said as it is: its braces are no fields
        return role, given.content.replace("{", "{{").replace("}", "}}")
    raise ConfigError(f"{type(given).__name__} cannot be read as a turn; allowed are system, human and ai texts")
