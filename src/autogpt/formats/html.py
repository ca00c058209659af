"""HTML: elements that are closed in the order in which they were opened, void ones never (as HTML 5.3 names them).

Stricter than the standard, which lets many end tags be left out: examples that do so are not taken for HTML. The
grammar has the elements, attributes and children that the examples have, nested as deep as one likes; in Lark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from autogpt.formats._learned import few, order

VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
RAW = frozenset({"script", "style"})
"""Elements whose content is no HTML."""
_ROOT = ""
_PART = re.compile(
    r"<!--.*?-->|<![^<>]*>|(?P<end></(?P<closed>[a-zA-Z][\w:-]*)\s*>)"
    r"""|<(?P<opened>[a-zA-Z][\w:-]*)(?:"[^"]*"|'[^']*'|[^'"<>])*>""",
    re.S,
)
_REFERENCE = "&([A-Za-z][A-Za-z0-9]{0,30}|#[0-9]{1,6}|#x[0-9A-Fa-f]{1,5});"
_TEXT, _BARE_TEXT = f"/([^<&]|{_REFERENCE})+/", "/[^<]+/"
_VALUE, _BARE_VALUE = f'/([^"<>&]|{_REFERENCE})*/', '/[^"<>]*/'


class _Reader(HTMLParser):
    """Follows the nesting; `fault` is the first offence."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.fault = ""
        self.path: list[str] = []
        self.elements: list[tuple[str, str, list[tuple[str, str | None]]]] = []
        self.texts: list[tuple[str, str]] = []
        self.declared: list[str] = []
        self.bare = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self._offence(f"<{tag}> has an attribute twice")
        self.elements.append((self._here, tag, attrs))
        if tag not in VOID:
            self.path.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._offence(f"<{tag}/> closes nothing: only void elements end so")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or tag not in self.path:
            self._offence(f"</{tag}> closes nothing")
        elif self.path[-1] != tag:
            self._offence(f"</{tag}> stands where <{self.path[-1]}> is open")
        else:
            self.path.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append((self._here, data))
        self.bare |= "&" in data
        if "<" in data and self._here not in RAW:
            self._offence("'<' in a text must be written '&lt;'")

    def handle_entityref(self, name: str) -> None:
        self.texts.append((self._here, f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self.texts.append((self._here, f"&#{name};"))

    def handle_decl(self, decl: str) -> None:
        self.declared.append(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        self.declared.append("<!--")

    def unknown_decl(self, data: str) -> None:
        self._offence(f"<![{data}]> is no HTML")

    def handle_pi(self, data: str) -> None:
        self._offence(f"<?{data}> is no HTML")

    @property
    def _here(self) -> str:
        return self.path[-1] if self.path else _ROOT

    def _offence(self, why: str) -> None:
        self.fault = self.fault or why


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    if reader.rawdata.startswith("<"):
        reader._offence("it ends within a tag")
    reader.close()
    if reader.path:
        reader._offence(f"<{reader.path[-1]}> is not closed")
    if not reader.elements:
        reader._offence("there is no element")
    return reader


class Html:
    """See `written.Format`."""

    name = "html"
    told = "HTML"
    closing = '<">;/'

    def fault(self, text: str) -> str | None:
        return _read(text).fault or None

    def shows(self, text: str) -> bool:
        """Any text without '<' is HTML: one must begin and end with a tag."""
        return re.search(r"\A\s*<[a-zA-Z!].*>\s*\Z", text, re.S) is not None

    def repair(self, text: str) -> str:
        """End tags of what is not open are cut, and a tag that is not whole; what is open is closed."""
        if self.fault(text) is None:
            return text
        text = re.sub(r"\A\s*```[a-zA-Z]*\n|\n```\s*\Z", "", text)
        found: list[str] = []
        path: list[str] = []
        at = 0
        for part in _PART.finditer(text):
            found.append(_escaped(text[at : part.start()], path))
            at = part.end()
            tag = str(part["opened"] or part["closed"] or "").lower()
            if path and path[-1] in RAW and (not part["end"] or tag != path[-1]):
                found.append(part[0])
            elif part["end"]:
                if tag in path:
                    while (last := path.pop()) != tag:
                        found.append(f"</{last}>")
                    found.append(part[0])
            else:
                found.append(part[0] if not tag or tag in VOID else re.sub(r"\s*/>\Z", ">", part[0]))
                path += [tag] if tag and tag not in VOID else []
        rest = re.sub(r"<[/!a-zA-Z][^<]*\Z|<\Z", "", text[at:])
        whole = "".join((*found, _escaped(rest, path), *(f"</{tag}>" for tag in reversed(path))))
        return whole if self.fault(whole) is None else text

    def grammar(self, examples: Sequence[str]) -> str | None:
        read = [reader for text in examples if not (reader := _read(text)).fault]
        return _Grammar(read).text() if read else None


def _escaped(text: str, path: Sequence[str]) -> str:
    return text if path and path[-1] in RAW else text.replace("<", "&lt;")


class _Grammar:
    """Lark rules of what some texts have."""

    def __init__(self, read: Sequence[_Reader]) -> None:
        self.bare = any(reader.bare for reader in read)
        self.comments = any("<!--" in reader.declared for reader in read)
        self.declared = sorted({one for reader in read for one in reader.declared} - {"<!--"})
        self.roots = max(sum(parent == _ROOT for parent, *_ in reader.elements) for reader in read)
        self.children: dict[str, dict[str, None]] = {}
        self.attributes: dict[str, list[list[tuple[str, str | None]]]] = {}
        self.texts: dict[str, bool] = {}
        for reader in read:
            for parent, tag, attrs in reader.elements:
                self.children.setdefault(parent, {})[tag] = None
                self.attributes.setdefault(tag, []).append(attrs)
            for parent, text in reader.texts:
                self.texts[parent] = self.texts.get(parent, False) or bool(text.strip())
        self.number = {tag: place for place, tag in enumerate(self.attributes)}

    def text(self) -> str:
        rules = [f"start: / ?/ {self._declaration()}{self._whole()}"]
        for tag, place in self.number.items():
            opened = f'"<{tag}" {self._attributes(tag)}'
            if tag in VOID:
                rules.append(f'e{place}: {opened}/( ?\\/)?/ ">"')
            else:
                rules.append(f'e{place}: {opened}">" {self._content(tag)} "</{tag}>"')
        rules += [f"TEXT: {_BARE_TEXT if self.bare else _TEXT}", r"BLANK: /[ \t\n\r]+/", "RAW: /[^<]+/"]
        return "\n".join([*rules, r"COMMENT: /<!--([^-]|-[^-])*-->/"]) + "\n"

    def _declaration(self) -> str:
        known = " | ".join(json.dumps(one) for one in self.declared)
        return f"(({known}) BLANK?)? " if known else ""

    def _content(self, tag: str) -> str:
        """Any number of what may stand in an element."""
        inside = self._elements(tag)
        return f"({' | '.join([*inside, *self._between(tag)])})*" if inside or self._between(tag) else '""'

    def _whole(self) -> str:
        """At least one element, with what may stand beside it; no second one where no example has two."""
        one, beside = f"({' | '.join(self._elements(_ROOT))})", self._between(_ROOT)
        around = f" ({' | '.join(beside)})* " if beside else " "
        return f"{around}{one}{around}" if self.roots == 1 else f"{around}({one}{around})+"

    def _elements(self, tag: str) -> list[str]:
        return [f"e{self.number[child]}" for child in self.children.get(tag, ())]

    def _between(self, tag: str) -> list[str]:
        """Texts and comments that an element may have."""
        text = ["RAW" if tag in RAW else "TEXT" if self.texts[tag] else "BLANK"] if tag in self.texts else []
        return text + (["COMMENT"] if self.comments and tag not in RAW else [])

    def _attributes(self, tag: str) -> str:
        """Each attribute at most once, in their usual order; those that all have must be there."""
        seen = self.attributes[tag]
        rules = []
        for name in order([[name for name, _ in attrs] for attrs in seen]):
            values: list[Any] = [value for attrs in seen for own, value in attrs if own == name]
            rule = f'" {name}"'
            if any(value is not None for value in values):
                rule += f' "=\\"" {self._value(values)} "\\""'
            rules.append(f"({rule}){'' if len(values) == len(seen) else '?'} ")
        return "".join(rules)

    def _value(self, values: Sequence[str | None]) -> str:
        known = few([str(value) for value in values])
        if known is None or any(re.search(r'[<>&"\\]', value) or not value for value in known):
            return _BARE_VALUE if self.bare or any("&" in str(value) for value in values) else _VALUE
        return f"({' | '.join(json.dumps(value, ensure_ascii=False) for value in known)})"


plugin = Html()
