"""Small drawings as inline SVG: no script, no image file, colours from the page's CSS variables (light and dark).

Every function returns one `<svg>` as safe markup; all text in it is escaped, and its `aria-label` says what it shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from autogpt.evaluation.calibration import Abstention, Bin
from autogpt.evaluation.display import cells, clean, short
from autogpt.evaluation.errors import Matrix
from autogpt.evaluation.learning_curve import LearningCurve
from autogpt.evaluation.report import TrialRow
from autogpt.evaluation.score import Score

WIDTH = 640


@dataclass(frozen=True, slots=True)
class Mark:
    """One system of the forest plot."""

    name: str
    score: Score
    strong: bool = False


def _tag(name: str, attributes: str, content: str = "") -> str:
    return f"<{name} {attributes}>{content}</{name}>" if content else f"<{name} {attributes}/>"


def _svg(height: float, label: str, parts: Sequence[str], *, width: float = WIDTH) -> Markup:
    head = f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(clean(label))}"'
    return Markup(_tag("svg", head, "".join(parts)))  # noqa: S704 - parts escape their text


def _text(x: float, y: float, text: str, css: str = "", *, turn: float = 0.0) -> str:
    spin = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}"{spin}>{escape(clean(text))}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def _dot(x: float, y: float, css: str, r: float = 4, title: str = "") -> str:
    return _tag("circle", f'cx="{x:.1f}" cy="{y:.1f}" r="{r:g}" class="{css}"', _title(title))


def _title(text: str) -> str:
    return f"<title>{escape(clean(text))}</title>" if text else ""


def _path(points: Sequence[tuple[float, float]], css: str, *, close: bool = False) -> str:
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{steps}{"Z" if close else ""}" class="{css}"/>'


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers inside [low, high]."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    step = 10 ** math.floor(math.log10(span / count))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= count)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _frame(
    x: Callable[[float], float],
    y: Callable[[float], float],
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    *,
    x_label: str = "",
    y_label: str = "",
    show: Callable[[float], str] = lambda v: f"{v:g}",
    height: float,
) -> list[str]:
    """Grid lines and tick labels; the plot's box is [56, WIDTH - 16] x [12, height - 40]."""
    parts = [_line(56, y(t), WIDTH - 16, y(t), "grid") for t in y_ticks]
    parts += [_text(48, y(t) + 4, f"{t:g}", "tick end") for t in y_ticks]
    parts += [_text(x(t), height - 22, show(t), "tick mid") for t in x_ticks]
    parts.append(_text((56 + WIDTH - 16) / 2, height - 4, x_label, "tick mid soft"))
    if y_label:
        parts.append(_text(56, 8, y_label, "tick soft"))
    return parts


def forest(marks: Sequence[Mark], label: str) -> Markup:
    """Systems below each other, each a dot with its interval."""
    finite = [v for m in marks for v in (m.score.low, m.score.high, m.score.value) if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    pad = 0.06 * (high - low) or 0.05
    unit = low >= 0.0 and high <= 1.0
    low, high = (max(0.0, low - pad), min(1.0, high + pad)) if unit else (low - pad, high + pad)
    height = 34 * len(marks) + 30
    x = _scale(low, high, 226, WIDTH - 70)
    parts = [_line(x(t), 6, x(t), height - 26, "grid") for t in ticks(low, high)]
    parts += [_text(x(t), height - 8, f"{t:g}", "tick mid") for t in ticks(low, high)]
    for i, mark in enumerate(marks):
        y, s = 34 * i + 24, mark.score
        css = "strong" if mark.strong else "plain"
        parts.append(_text(212, y + 4, short(mark.name, 28), f"name end {css}"))
        if not math.isfinite(s.value):
            parts.append(_text(WIDTH - 60, y + 4, "-", "value"))
            continue
        title = _title(f"{mark.name}: {s}")
        if math.isfinite(s.low):
            left, wide = x(s.low), max(3.0, x(s.high) - x(s.low))
            box = f'x="{left:.1f}" y="{y - 8:.1f}" width="{wide:.1f}" height="16" rx="3" class="range {css}"'
            parts.append(_tag("rect", box, title))
        parts.append(_line(x(s.value), y - 8, x(s.value), y + 8, f"value-mark {css}"))
        parts.append(_text(WIDTH - 60, y + 4, f"{s.value:.{s.decimals}f}", f"value {css}"))
    return _svg(height, label, parts)


def ladder(trials: Sequence[TrialRow], label: str, *, x_label: str, higher_is_better: bool = True) -> Markup:
    """Trials in order, numbered as in the table, with the seconds so far; the best so far as a stair.

    A trial far below the others (the majority, say) stands hollow on the bottom line, so that the others stay apart.
    """
    sign = 1.0 if higher_is_better else -1.0
    values = [None if t.score is None or not math.isfinite(t.score) else float(t.score) for t in trials]
    known = sorted((v for v in values if v is not None), key=lambda v: sign * v) or [0.0]
    best, middle = known[-1], known[len(known) // 2]
    worst = known[0] if abs(best - known[0]) <= 4 * abs(best - middle) or best == middle else best - 2 * (best - middle)
    pad = 0.16 * abs(best - worst) or 0.05
    height, bottom = 240, 192.0
    y = _scale(worst - sign * pad, best + sign * pad, bottom, 22)
    x = _scale(0, max(1, len(trials) - 1), 84, WIDTH - 44)
    seconds, at = [], 0.0
    for trial in trials:
        at += trial.seconds
        seconds.append(at)
    low, high = sorted((worst - sign * pad, best + sign * pad))
    parts = _frame(
        x, y, range(len(trials)), ticks(low, high, 4), x_label=x_label, show=lambda i: f"{seconds[int(i)]:,.0f}",
        height=height,
    )  # fmt: skip
    stair: list[tuple[float, float]] = []
    for i, value in enumerate(values):
        top = max((v for v in values[: i + 1] if v is not None), key=lambda v: sign * v, default=None)
        if top is not None and value is not None:
            here = min(y(top), bottom)
            stair += [(x(i), stair[-1][1] if stair else here), (x(i), here)]
    if len(stair) > 2:
        parts.append(_path(stair, "stair"))
    for i, (trial, value) in enumerate(zip(trials, values, strict=True)):
        if value is None:
            parts.append(_text(x(i), bottom - 6, "✕", "tick mid"))
            continue
        css = "strong" if trial.chosen else "hollow" if y(value) > bottom else "plain"
        parts.append(_dot(x(i), min(y(value), bottom), f"dot {css}", 10, f"{trial.name}: {value:.4f}"))
        parts.append(_text(x(i), min(y(value), bottom) + 4, str(i + 1), f"number {css}"))
    return _svg(height, label, parts)


def curve(found: LearningCurve, label: str, *, x_label: str) -> Markup:
    """Points of a learning curve, the fitted line with its band, and the stretch that is a forecast, dashed."""
    rows = [p.rows for p in found.points] + ([found.rows] if found.known else [])
    values = [p.score for p in found.points] + [v for _, v, _, _ in found.line]
    pad = 0.08 * (max(values) - min(values)) or 0.05
    low, high = min(values) - pad, max(values) + pad
    height = 260
    flat = _scale(math.log(min(rows)), math.log(max(rows)), 72, WIDTH - 36)
    y = _scale(low, high, height - 44, 18)

    def x(value: float) -> float:
        return flat(math.log(value))

    shown = sorted({*rows})
    shown = [r for i, r in enumerate(shown) if i == 0 or x(r) - x(shown[i - 1]) > 44 or r == shown[-1]]
    parts = _frame(x, y, shown, ticks(low, high, 4), x_label=x_label, show=lambda v: f"{v:,.0f}", height=height)
    if found.known:
        from_here = sorted({p.rows for p in found.points})[-3] * 0.999  # the stretch that every redrawn fit has seen
        seen = [part for part in found.line if part[0] >= from_here]
        band = [(x(r), y(hi)) for r, _, _, hi in seen] + [(x(r), y(lo)) for r, _, lo, _ in reversed(seen)]
        parts.append(_path(band, "band", close=True))
        last = found.points[-1].rows
        parts.append(_path([(x(r), y(m)) for r, m, _, _ in found.line if r <= last * 1.02], "fit"))
        parts.append(_path([(x(r), y(m)) for r, m, _, _ in found.line if r >= last * 0.9], "fit dashed"))
        parts.append(_dot(x(found.rows), y(found.score), "dot hollow", 5, f"{found.rows:,}: {found.score:.4f}"))
    parts += [_dot(x(p.rows), y(p.score), "dot strong", 4.5, f"{p.rows:,}: {p.score:.4f}") for p in found.points]
    return _svg(height, label, parts)


def progress(lines: Mapping[str, Sequence[tuple[float, float]]], label: str, *, x_label: str) -> Markup:
    """Learning curves: per name (share of its steps, value); the last of them is strong, each ends in a dot."""
    values = [value for points in lines.values() for _, value in points if math.isfinite(value)] or [0.0, 1.0]
    pad = 0.08 * (max(values) - min(values)) or 0.05
    low, high, height = min(values) - pad, max(values) + pad, 240
    x, y = _scale(0, 1, 56, WIDTH - 16), _scale(low, high, height - 44, 18)
    shares = [0, 0.25, 0.5, 0.75, 1]
    parts = _frame(x, y, shares, ticks(low, high, 4), x_label=x_label, show=lambda v: f"{v:.0%}", height=height)
    last = list(lines)[-1] if lines else ""
    for name, points in lines.items():
        drawn = [(x(min(1.0, share)), y(value)) for share, value in points if math.isfinite(value)]
        if not drawn:
            continue
        parts.append(_path(drawn, "fit" if name == last else "fit before"))
        parts.append(_dot(*drawn[-1], "dot strong" if name == last else "dot plain", 4, f"{name}: {points[-1][1]:.4f}"))
        parts.append(_text(drawn[-1][0] - 8, drawn[-1][1] - 8, short(name, 24), "tick end"))
    return _svg(height, label, parts)


def reliability(bins: Sequence[Bin], before: Sequence[Bin], label: str, *, x_label: str, y_label: str) -> Markup:
    """Confidence against accuracy: dots on the diagonal are honest. Whiskers: 2 standard errors; `before` in grey."""
    height = 300
    x, y = _scale(0, 1, 56, WIDTH - 16), _scale(0, 1, height - 44, 18)
    steps = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    parts = _frame(x, y, steps, steps, x_label=x_label, y_label=y_label, height=height)
    parts.append(_line(x(0), y(0), x(1), y(1), "diagonal"))
    if before:
        parts.append(_path([(x(b.confidence), y(b.accuracy)) for b in before], "fit before"))
        parts += [_dot(x(b.confidence), y(b.accuracy), "dot plain", 3) for b in before]
    for b in bins:
        error = 2 * math.sqrt(max(b.accuracy * (1 - b.accuracy), 0.25 / (b.n + 4)) / b.n)
        parts.append(
            _line(
                x(b.confidence),
                y(max(0, b.accuracy - error)),
                x(b.confidence),
                y(min(1, b.accuracy + error)),
                "whisker",
            )
        )
    parts.append(_path([(x(b.confidence), y(b.accuracy)) for b in bins], "fit"))
    parts += [
        _dot(x(b.confidence), y(b.accuracy), "dot strong", 4.5, f"{b.confidence:.3f}: {b.accuracy:.3f}, n = {b.n:,}")
        for b in bins
    ]
    return _svg(height, label, parts)


def risk(points: Sequence[Abstention], label: str, *, x_label: str) -> Markup:
    """Accuracy of the surest part of the answers."""
    height = 220
    low = min(p.accuracy for p in points)
    low = max(0.0, low - 0.1 * (1 - low) - 0.005)
    x, y = _scale(0, 1, 56, WIDTH - 16), _scale(low, 1.0, height - 44, 18)
    parts = _frame(
        x, y, [0, 0.25, 0.5, 0.75, 1], ticks(low, 1.0, 4), x_label=x_label, show=lambda v: f"{v:.0%}", height=height
    )
    parts.append(_path([(x(p.coverage), y(p.accuracy)) for p in points], "fit"))
    parts += [
        _dot(x(p.coverage), y(p.accuracy), "dot strong", 4, f"{p.coverage:.0%}: {p.accuracy:.4f}, ≥ {p.threshold:.3f}")
        for p in points
    ]
    return _svg(height, label, parts)


def heatmap(square: Matrix, label: str) -> Markup:
    """A confusion matrix; cells are shaded by their share of the row, errors in the warning colour."""
    n = len(square.labels)
    size = min(44.0, (WIDTH - 190) / max(1, n))
    left, top = 184.0, 8.0
    names = max((cells(short(name, 24)) for name in square.labels), default=0)
    height = top + n * size + 10 + names * 5.2
    parts = []
    for i, name in enumerate(square.labels):
        y = top + i * size
        parts.append(_text(left - 8, y + size / 2 + 4, short(name, 26), "tick end"))
        total = sum(square.counts[i]) or 1
        for j, count in enumerate(square.counts[i]):
            share = count / total
            box = f'x="{left + j * size + 1:.1f}" y="{y + 1:.1f}" width="{size - 2:.1f}" height="{size - 2:.1f}" rx="3"'
            hue = "hit" if i == j else "miss"
            title = _title(f"{name} → {square.labels[j]}: {count:,}")
            strength = 0.0 if not count else 0.14 + 0.86 * share
            parts.append(_tag("rect", f'{box} class="empty"'))
            parts.append(_tag("rect", f'{box} class="{hue}" fill-opacity="{strength:.2f}"', title))
            if count and 6.6 * len(str(count)) < size - 3:
                css = "cell over" if strength > 0.55 else "cell"
                parts.append(_text(left + (j + 0.5) * size, y + size / 2 + 4, f"{count}", css))
    foot = top + n * size + 12
    for j, name in enumerate(square.labels):
        parts.append(_text(left + (j + 0.5) * size + 4, foot, short(name, 24), "tick end", turn=-50))
    return _svg(height, label, parts)


def bars(counts: Sequence[tuple[str, int]], label: str, *, most: int = 12) -> Markup:
    """Counts per name, largest first; with many, a stair without names."""
    ranked = sorted(counts, key=lambda item: (-item[1], item[0]))
    top = max((count for _, count in ranked), default=1) or 1
    parts = []
    if len(ranked) <= most:
        x = _scale(0, top, 214, WIDTH - 70)
        for i, (name, count) in enumerate(ranked):
            y = 26 * i + 6
            parts.append(_text(200, y + 14, short(name, 28), "tick end"))
            parts.append(
                f'<rect x="214" y="{y}" width="{max(1.0, x(count) - 214):.1f}" height="18" rx="3" class="bar"/>'
            )
            parts.append(_text(x(count) + 8, y + 14, f"{count:,}", "tick"))
        return _svg(26 * len(ranked) + 10, label, parts)
    height, width = 130, (WIDTH - 72) / len(ranked)
    for i, (name, count) in enumerate(ranked):
        tall = 100 * count / top
        gap = 1.0 if width > 3 else 0.0
        box = f'x="{56 + i * width:.2f}" y="{110 - tall:.1f}" width="{width - gap:.2f}" height="{tall:.1f}" class="bar"'
        parts.append(_tag("rect", box, _title(f"{name}: {count:,}")))
    parts.append(_text(48, 18, f"{top:,}", "tick end"))
    parts.append(_text(48, 112, "0", "tick end"))
    parts.append(_text(56, 127, short(ranked[0][0], 36), "tick"))
    parts.append(_text(WIDTH - 16, 127, short(ranked[-1][0], 36), "tick end"))
    return _svg(height, label, parts)


def scatter(pairs: Sequence[tuple[float, float]], label: str, *, x_label: str, y_label: str) -> Markup:
    """Predicted against true values, with the line of exact answers."""
    height = 320
    flat = [v for pair in pairs for v in pair if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(flat), max(flat)
    pad = 0.04 * (high - low) or 0.5
    low, high = low - pad, high + pad
    x, y = _scale(low, high, 56, WIDTH - 16), _scale(low, high, height - 44, 18)
    marks = ticks(low, high)
    parts = _frame(x, y, marks, marks, x_label=x_label, y_label=y_label, height=height)
    parts.append(_line(x(low), y(low), x(high), y(high), "diagonal"))
    parts += [_dot(x(a), y(b), "dot cloud", 3) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
    return _svg(height, label, parts)
