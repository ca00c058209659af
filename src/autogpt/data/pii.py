"""Counts of personal data in texts, by pattern and check digit: how many rows hold an e-mail, a card number, an IBAN.

Only counts leave this module, never what was found. Kinds: email, phone, credit-card (Luhn), iban (mod 97), ip,
cn-id (18 digits, mod 11), cn-mobile.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Sequence

_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}(?![\w-])")
_CARD = re.compile(r"(?<![\d.-])(?:\d[ -]?){12,18}\d(?![\d]|[.-]\d)")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){2,8}(?![A-Za-z0-9])")
_IP = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)")
_CN_ID = re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])")
_CN_MOBILE = re.compile(r"(?<![\d-])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}|0\d{2,3}-\d{7,8})(?![\w-]|\.\d)"
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CARD_OPENINGS = ("4", "5", "2", "34", "37", "6", "35", "30", "36", "38", "39")
_HINT = re.compile(r"\d{3}|@|\d\.\d")


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_valid(text: str) -> bool:
    """Whether the check digits of an IBAN hold (ISO 13616, mod 97)."""
    compact = text.replace(" ", "")
    if not 15 <= len(compact) <= 34:
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def cn_id_valid(text: str) -> bool:
    """Whether the last character of an 18-digit Chinese ID number is its check digit (GB 11643)."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, text[:17], strict=True))
    return "10X98765432"[total % 11] == text[17].upper()


def kinds(text: str) -> frozenset[str]:
    """The kinds of personal data in a text."""
    return frozenset(_kinds(text)) if _HINT.search(text) else frozenset()


def count(texts: Sequence[str]) -> dict[str, int]:
    """How many texts hold each kind (kinds that do not occur are left out)."""
    found = Counter(kind for text in texts for kind in kinds(text))
    return dict(sorted(found.items()))


def _kinds(text: str) -> Iterator[str]:
    if "@" in text and _EMAIL.search(text):
        yield "email"
    if any(_is_ip(match.group()) for match in _IP.finditer(text)):
        yield "ip"
    if any(iban_valid(match.group()) for match in _IBAN.finditer(text)):
        yield "iban"
    identities = [match.group() for match in _CN_ID.finditer(text) if cn_id_valid(match.group())]
    if identities:
        yield "cn-id"
    rest = text
    for identity in identities:
        rest = rest.replace(identity, " ")
    cards = [match.group() for match in _CARD.finditer(rest) if _is_card(re.sub(r"\D", "", match.group()))]
    if cards:
        yield "credit-card"
    for card in cards:
        rest = rest.replace(card, " ")
    if _CN_MOBILE.search(rest):
        yield "cn-mobile"
        rest = _CN_MOBILE.sub(" ", rest)
    if any(7 <= len(re.sub(r"\D", "", match.group())) <= 15 for match in _PHONE.finditer(rest)):
        yield "phone"


def _is_card(digits: str) -> bool:
    return digits.startswith(_CARD_OPENINGS) and len(set(digits)) > 1 and luhn(digits)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    # 1.2.3.4 is far more often a version or a section than an address.
    return any(len(part) > 1 for part in text.split("."))
