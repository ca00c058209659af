"""JSON: objects and arrays (RFC 8259). The grammar is a JSON schema that all examples satisfy.

The schema is inferred as in "Schema Inference for Massive JSON Datasets" (Baazizi et al. 2017): types are united
wherever they stand. Ours also has the values of a text where no more are to be expected, an order of the keys, and
takes objects whose keys are data, not names, for maps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autogpt.formats._learned import few, order
from autogpt.formats._records import Records

DEEPEST, MOST_KEYS = 8, 40
"""Below so many levels anything may stand; an object with more different keys is a map where no key is in all."""
_BLANK = re.compile(r"[ \t\n\r]+")


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


class Json:
    """See `written.Format`."""

    name = "json"
    told = "JSON"
    closing = '"}],:'

    def fault(self, text: str) -> str | None:
        try:
            value = json.loads(text, parse_constant=_no_number)
        except json.JSONDecodeError as problem:
            return f"{problem.msg} at character {problem.pos}"
        except (ValueError, RecursionError) as problem:
            return str(problem)
        return None if isinstance(value, dict | list) else "neither an object nor an array"

    def shows(self, text: str) -> bool:
        """A number or a word is JSON as well, but says nothing."""
        return text.lstrip()[:1] in ("{", "[")

    def repair(self, text: str) -> str:
        """What stands before and behind is cut; what is open is closed, without what was begun and has no value."""
        begin = re.search(r"[{\[]", text)
        if self.fault(text) is None or begin is None:
            return text
        body = text[begin.start() :]
        try:
            end = json.JSONDecoder(parse_constant=_no_number).raw_decode(body)[1]
            return body[:end]
        except json.JSONDecodeError as problem:
            last = len(body) if body[problem.pos :].count('"') % 2 or problem.pos >= len(body) else problem.pos
        except (ValueError, RecursionError):
            last = len(body)
        for end in range(last, 0, -1):
            kept = body[:end].rstrip().removesuffix(",")
            closed = kept + _closed(kept)
            if self.fault(closed) is None:
                return closed
        return text

    def grammar(self, examples: Sequence[str]) -> str | None:
        whole = [text for text in examples if self.fault(text) is None]
        if not whole:
            return None
        return _style(whole).text(schema_of([json.loads(text) for text in whole]))


def _closed(text: str) -> str:
    """What closes the text, object and array that are open at its end."""
    open_, quoted, escaped = [], False, False
    for character in text:
        if quoted:
            quoted, escaped = escaped or character != '"', not escaped and character == "\\"
        elif character == '"':
            quoted = True
        elif character in "{[":
            open_.append("}" if character == "{" else "]")
        elif character in "}]" and open_:
            open_.pop()
    return '"' * quoted + "".join(reversed(open_))


def _style(texts: Sequence[str]) -> Records:
    """How the examples divide and escape."""
    escaped, ascii_only = any("\\u" in text for text in texts), all(map(str.isascii, texts))
    for item, key in ((", ", ": "), (",", ":")):
        again = (json.dumps(json.loads(t), separators=(item, key), ensure_ascii=ascii_only) for t in texts)
        if all(text == other for text, other in zip(texts, again, strict=True)):
            return Records(item=item, key=key, escaped=escaped, ascii=ascii_only)
    longest = max((len(blank) for text in texts for blank in _BLANK.findall(text)), default=0)
    return Records(blanks=longest, escaped=escaped, ascii=ascii_only)


def schema_of(values: Sequence[Any], *, depth: int = 0) -> dict[str, Any]:
    """A JSON schema that all these values satisfy."""
    if depth > DEEPEST:
        return {}
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kinds.setdefault(_kind(value), []).append(value)
    if "number" in kinds:
        kinds.pop("integer", None)
    found = [_MAKERS.get(kind, _plain)(kind, of, depth) for kind, of in kinds.items()]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _kind(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _plain(kind: str, values: Sequence[Any], depth: int) -> dict[str, Any]:
    return {"type": kind}


def _string(kind: str, values: Sequence[str], depth: int) -> dict[str, Any]:
    known = few(values)
    return {"type": kind} if known is None else {"type": kind, "enum": known}


def _array(kind: str, values: Sequence[list[Any]], depth: int) -> dict[str, Any]:
    items = [item for value in values for item in value]
    return {"type": kind, "items": schema_of(items, depth=depth + 1)} if items else {"type": kind, "maxItems": 0}


def _object(kind: str, values: Sequence[dict[str, Any]], depth: int) -> dict[str, Any]:
    names = {key for value in values for key in value}
    always = [key for key in names if all(key in value for value in values)]
    if not always and len(names) > MOST_KEYS:
        inside = [item for value in values for item in value.values()]
        return {"type": kind, "additionalProperties": schema_of(inside, depth=depth + 1)}
    keys = order([tuple(value) for value in values])
    properties = {key: schema_of([value[key] for value in values if key in value], depth=depth + 1) for key in keys}
    required = [key for key in keys if key in always]
    return {"type": kind, "properties": properties, "required": required, "additionalProperties": False}


_MAKERS: Mapping[str, Callable[[str, Sequence[Any], int], dict[str, Any]]] = {
    "string": _string,
    "array": _array,
    "object": _object,
}

plugin = Json()
