"""Python: what its own parser reads. There is no grammar to keep to while writing: of several texts the first is taken
that parses."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Sequence

_BLOCKS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Lambda,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.ImportFrom,
)  # fmt: skip
_FENCE = re.compile(r"```[a-zA-Z]*\n(.*?)(?:```|\Z)", re.S)


class Python:
    """See `written.Format`."""

    name = "python"
    told = "Python"
    closing = ""

    def fault(self, text: str) -> str | None:
        tree = _tree(text)
        if isinstance(tree, str):
            return tree
        return None if tree.body else "there is no statement"

    def shows(self, text: str) -> bool:
        """Many a word and formula is an expression: what counts are blocks, and calls of methods and of built-ins."""
        tree = _tree(text)
        return not isinstance(tree, str) and any(isinstance(node, _BLOCKS) or _calls(node) for node in ast.walk(tree))

    def repair(self, text: str) -> str:
        """What stands around a fenced block is cut, and lines at the end until the rest parses."""
        if self.fault(text) is None:
            return text
        fenced = _FENCE.search(text)
        lines = (fenced[1] if fenced else text).splitlines()
        for end in range(len(lines), 0, -1):
            kept = "\n".join(lines[:end]).strip("\n")
            if self.fault(kept) is None:
                return kept
        return text

    def grammar(self, examples: Sequence[str]) -> str | None:
        return None


def _tree(text: str) -> ast.Module | str:
    """The syntax tree, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that a later Python will refuse
            return ast.parse(text)
    except SyntaxError as problem:
        return f"{problem.msg} in line {problem.lineno}"
    except (ValueError, RecursionError, MemoryError) as problem:  # the last: nested too deep for the parser
        return str(problem) or "nested too deeply"


def _calls(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return isinstance(node.func, ast.Attribute) or (isinstance(node.func, ast.Name) and hasattr(builtins, node.func.id))


plugin = Python()
