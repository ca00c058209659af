"""A JSON schema as a grammar of the texts that satisfy it: keys in the schema's order, written as the examples are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_PLAIN: Mapping[str, str] = {
    "null": '"null"',
    "boolean": '("true" | "false")',
    "integer": "INTEGER",
    "number": "NUMBER",
    "string": "STRING",
}
_ENDS = r"""
INTEGER: /-?(0|[1-9][0-9]*)/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
any: "null" | "true" | "false" | NUMBER | STRING | list | map
list: "[" blank (any (comma any)*)? blank "]"
map: "{" blank (STRING colon any (comma STRING colon any)*)? blank "}"
"""


class Records:
    """`item` and `key` stand behind values and keys; with `blanks` up to so many blanks stand wherever JSON lets them.

    `ascii`: names are written with escapes for what is no ASCII; `escaped`: other texts may have such escapes.
    """

    def __init__(
        self, *, item: str = ",", key: str = ":", blanks: int = 0, escaped: bool = False, ascii: bool = False
    ) -> None:
        self.item, self.key, self.blanks, self.escaped, self.ascii = item, key, blanks, escaped, ascii
        self.rules: list[str] = []

    def text(self, schema: Mapping[str, Any]) -> str:
        """The grammar, in Lark."""
        start = self._value(schema)
        blank = rf"/[ \t\n\r]{{0,{self.blanks}}}/" if self.blanks else '""'
        between = ("blank ", " blank") if self.blanks else ("", "")
        escape = r"|\\u[0-9a-fA-F]{4}" if self.escaped else ""
        ends = [
            f"start: / ?/ {start}",
            f"blank: {blank}",
            f"comma: {between[0]}{_told(self.item)}{between[1]}",
            f"colon: {between[0]}{_told(self.key)}{between[1]}",
            rf'STRING: /"([^"\\\x00-\x1f]|\\["\\\/bfnrt]{escape})*"/',
        ]
        return "\n".join([*ends, *self.rules]) + _ENDS

    def _value(self, schema: Mapping[str, Any]) -> str:
        """What stands for a value in a rule."""
        if "anyOf" in schema:
            return f"({' | '.join(self._value(one) for one in schema['anyOf'])})"
        if "enum" in schema:
            return f"({' | '.join(self._name(value) for value in schema['enum'])})"
        if schema.get("type") in _PLAIN:
            return _PLAIN[schema["type"]]
        if schema.get("type") == "array":
            items = self._value(schema["items"]) if "items" in schema else None
            inside = f"({items} (comma {items})*)? " if items else ""
            return self._rule(f'"[" blank {inside}blank "]"')
        if schema.get("type") == "object":
            return self._rule(f'"{{" blank {self._pairs(schema)}blank "}}"')
        return "any"

    def _pairs(self, schema: Mapping[str, Any]) -> str:
        """Keys with their values and commas between, whichever of those that may be missing are there."""
        if schema["additionalProperties"]:
            value = self._value(schema["additionalProperties"])
            return f"(STRING colon {value} (comma STRING colon {value})*)? "
        keys, required = list(schema["properties"]), set(schema["required"])
        pairs = [f"{self._name(key)} colon {self._value(schema['properties'][key])}" for key in keys]
        must = next((place for place, key in enumerate(keys) if key in required), None)
        behind = ""
        first = []  # which pair is the first, where none must be there
        for place in range(len(keys) - 1, -1 if must is None else must, -1):
            if must is None:
                first.append(f"{pairs[place]} {behind}")
            one = f"comma {pairs[place]}"
            behind = self._rule(f"{one} {behind}" if keys[place] in required else f"({one})? {behind}") + " "
        if must is None:
            return f"({' | '.join([*first, f'{pairs[0]} {behind}'])})? " if pairs else ""
        return "".join(f"({pair} comma)? " for pair in pairs[:must]) + f"{pairs[must]} {behind}"

    def _rule(self, told: str) -> str:
        """The name of a rule."""
        self.rules.append(f"r{len(self.rules)}: {told}")
        return f"r{len(self.rules) - 1}"

    def _name(self, text: str) -> str:
        """A text as it is written, quoted for Lark."""
        return _told(json.dumps(text, ensure_ascii=self.ascii))


def _told(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
