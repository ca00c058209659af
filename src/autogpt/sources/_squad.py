"""SQuAD's nested form: an article has paragraphs, a paragraph has questions, a question has answers.

"SQuAD: 100,000+ Questions for Machine Comprehension of Text" (Rajpurkar et al. 2016) and its kin (CMRC2018, KorQuAD,
MLQA, ...) are stored so. A row here is a question with its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def questions(article: Any) -> Iterator[dict[str, Any]] | None:
    """The rows of an article; None for a record of another kind."""
    paragraphs = article.get("paragraphs") if isinstance(article, Mapping) else None
    if not isinstance(paragraphs, list) or not paragraphs or not all(map(_asks, paragraphs)):
        return None
    above = {name: value for name, value in article.items() if name != "paragraphs"}
    return (_row(above, paragraph, asked) for paragraph in paragraphs for asked in paragraph["qas"])


def _asks(paragraph: Any) -> bool:
    asked = paragraph.get("qas") if isinstance(paragraph, Mapping) and "context" in paragraph else None
    return isinstance(asked, list) and all(isinstance(one, Mapping) and "question" in one for one in asked)


def _row(above: Mapping[str, Any], paragraph: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    return {**above, "context": paragraph["context"], **asked}
