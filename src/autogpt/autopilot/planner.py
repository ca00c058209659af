"""A language model that proposes candidates beside the ladder, as data: it can run nothing, and nobody waits for it.

It is told statistics of the profile, the names of labels that several rows carry, the methods with their options, and
what was tried so far; never a row's text, a column's name, a file's name or the goal. What comes back is read as JSON
and checked against the registry: a method that this run may try, options that its dataclass has, numbers within the
ranges that it declares. All else is refused, and stands in the report beside what the rules proposed. Whatever goes
wrong (no answer, nonsense, too long, too late, too dear), the rules go on as if nobody had been asked.

It is asked `CALLS` times at most: when the cheap trials are through, and when the ladder is. What it proposes gets
`SHARE` of the time that is left, so that a bad idea cannot cost a run its good ones.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autogpt import endpoint, files, registry
from autogpt import setting as settings
from autogpt.autopilot.ladder import CHEAP, Facts, needs_endpoint
from autogpt.autopilot.trial import Bench, Candidate
from autogpt.config import RunConfig
from autogpt.core import ONE_LABEL
from autogpt.errors import AutoGPTError, ConfigError, EndpointError, Interrupted, OfflineError
from autogpt.evaluation.report import Advised

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared

CALLS, MOST_CANDIDATES, MOST_READ = 2, 3, 16
"""Questions to a planner in a run; candidates of an answer that are tried; entries of an answer that are looked at."""
MOST_BYTES, MOST_TOKENS = 65_536, 1_200
"""Of an answer. A longer one is refused whole."""
SECONDS, SECONDS_SHARE, LEAST_SECONDS = 45.0, 0.05, 2.0
"""For one question: at most so many, and that share of what is left; with less nobody is asked."""
SHARE, LEAST_TRIAL = 0.25, 5.0
"""Of the time that is left goes to what was proposed; a candidate with fewer seconds is not begun."""
MOST_LABELS, LABEL_ROWS, LABEL_CHARACTERS = 50, 5, 40
"""Labels that are told: so many, each of so many rows at least, cut to so many characters."""
NAMED = frozenset({*ONE_LABEL, "labels", "tokens"})
"""Outputs whose labels are names. Those of a retrieval task are texts, and are not told."""
FIRST = (*CHEAP, "few-shot", "head", "bi-encoder", "hybrid")
"""Methods of the ladder that come before a planner is asked."""
BY = "llm"
SYSTEM = """You advise an automatic fine-tuning run. You get one JSON object: statistics of the data, the methods that \
may be tried with their options, and what was tried. Propose at most 3 further candidates that are likely to score \
higher on validation rows within the seconds left. Answer with one JSON object and nothing else: \
{"candidates": [{"method": NAME, "options": {OPTION: VALUE}, "reason": "a few words"}]}. \
Use only the methods, options and ranges that are listed. An empty list is a good answer."""


class Chat(Protocol):
    """A LangChain chat model, or anything with its `invoke`: messages in, one with a `content` out."""

    def invoke(self, messages: Any, /) -> Any: ...


@dataclass(slots=True)
class Plan:
    """What came of asking: `calls` made, `proposed` candidates that passed, `refused` entries and `problem`s."""

    calls: int = 0
    proposed: list[Candidate] | None = None
    refused: list[str] | None = None
    problem: str = ""

    @classmethod
    def load(cls, folder: Path) -> Plan:
        """What a run that goes on was advised before; a damaged file counts as nothing."""
        try:
            kept = json.loads((folder / "planner.json").read_text("utf-8"))
            return cls(kept["calls"], [Candidate(**one) for one in kept["proposed"]], kept["refused"], kept["problem"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls(0, [], [], "")

    def save(self, folder: Path) -> None:
        kept = {"calls": self.calls, "proposed": [asdict(one) for one in self.proposed or ()]}
        files.write_json(folder / "planner.json", {**kept, "refused": self.refused, "problem": self.problem})


def guided(
    session: Session,
    bench: Bench,
    prepared: Prepared,
    facts: Facts,
    rules: Iterator[Candidate | str],
    begun: Sequence[Candidate],
) -> Iterator[Candidate | str]:
    """The ladder's rungs, with what a planner proposes after the cheap ones and at the end."""
    if not is_asked(session):
        yield from rules
        return
    tried: list[Candidate] = [one for one in begun if not one.by.startswith(BY)]
    names = {one.by for one in begun}
    plan = Plan.load(session.place)
    yield from (one for one in plan.proposed or () if one.by not in names)  # advised before a kill, and not begun
    for rung in rules:
        if isinstance(rung, Candidate):
            if plan.calls == 0 and rung.method not in FIRST:
                yield from _advice(session, bench, prepared, facts, plan, tried)
            tried.append(rung)
        yield rung
    while plan.calls < CALLS and not plan.problem:
        found = list(_advice(session, bench, prepared, facts, plan, tried))
        yield from found
        if not found:
            break


def check(config: RunConfig) -> None:
    """ConfigError or OfflineError where settings of a planner do not go together."""
    guide, asked = config.guide, config.guide.remote(config.remote).endpoint
    own = (guide.planner_model, guide.planner_key, guide.planner_price_in, guide.planner_price_out)
    if guide.planner_endpoint is None and (*own, guide.planner_max_cost) != (None,) * 5:
        raise ConfigError("these settings are of the planner's own endpoint; name it with --planner-endpoint")
    if guide.planner_endpoint is not None and guide.planner != "llm":
        raise ConfigError("--planner-endpoint is of a planner that is asked; give --planner llm as well")
    if guide.planner == "llm" and asked is None:
        raise ConfigError("--planner llm asks a language model; name it with --endpoint or --planner-endpoint")
    if guide.planner == "llm" and config.source.offline:
        raise OfflineError(f"--offline forbids asking {asked}; leave --planner llm or --offline out")


def is_asked(session: Session) -> bool:
    """Whether anybody but the rules has a say."""
    return session.folder is not None and (session.chat is not None or session.config.guide.planner == "llm")


def within(candidate: Candidate, remaining: Callable[[], float]) -> Callable[[], float]:
    """Seconds left to a candidate: what a planner proposed has a part of the time, and no more."""
    if not candidate.by.startswith(BY):
        return remaining
    end = time.monotonic() + candidate.seconds
    return lambda: min(remaining(), end - time.monotonic())


def _advice(
    session: Session, bench: Bench, prepared: Prepared, facts: Facts, plan: Plan, tried: Sequence[Candidate]
) -> Iterator[Candidate]:
    """Ask once. What is proposed is journalled with what was refused; every failure is a sentence."""
    left = facts.remaining()
    seconds = min(SECONDS, SECONDS_SHARE * left)
    if seconds < LEAST_SECONDS:
        session.say("decision", f"the planner is not asked: {max(left, 0):.0f} s are left", planner=BY)
        plan.calls = CALLS
        return
    plan.calls += 1
    plan.save(session.place)  # a kill while it is asked does not ask it once more
    question = json.dumps(statistics(session, bench, prepared, facts), ensure_ascii=False)
    try:
        answer = _ask(session, question, seconds)
        known = [*tried, *(plan.proposed or ())]
        found, refused = read(answer, allowed=offered(facts), known=known, first=len(plan.proposed or ()) + 1)
    except Interrupted:
        raise
    except (AutoGPTError, OSError) as problem:
        plan.problem = shown(str(problem), 200)
        session.say("decision", f"the planner is of no help, the rules go on: {plan.problem}", planner=BY)
        plan.save(session.place)
        return
    each = SHARE * facts.remaining() / max(1, len(found))
    found = [replace(one, seconds=round(each, 2)) for one in found] if each >= LEAST_TRIAL else []
    plan.proposed, plan.refused = [*(plan.proposed or ()), *found], [*(plan.refused or ()), *refused]
    plan.save(session.place)
    names = ", ".join(one.name for one in found) or "nothing that passes"
    session.say(
        "decision", f"the planner proposes {names}; {len(refused)} proposals are refused", planner=BY,
        proposed=[{"name": one.name, "method": one.method, "options": dict(one.options)} for one in found],
        refused=refused, seconds=each,
    )  # fmt: skip
    yield from found


def offered(facts: Facts) -> list[str]:
    """Methods that a planner may propose: those of this run that need no endpoint, with an encoder if there is one."""
    return [
        name
        for name in facts.allowed
        if not needs_endpoint(name) and (facts.has_backbone or not registry.get("methods", name).needs_backbone)
    ]


def statistics(session: Session, bench: Bench, prepared: Prepared, facts: Facts) -> dict[str, Any]:
    """All that a planner is told."""
    profile, output, metric = prepared.profile, bench.output.name, bench.metric
    counts = Counter(profile.balance)
    names = [
        {"name": shown(str(label), LABEL_CHARACTERS), "rows": rows}
        for label, rows in counts.most_common(MOST_LABELS)
        if output in NAMED and rows >= LABEL_ROWS
    ]
    data = {
        "task": prepared.task.name,
        "output": output,
        "rows": {"train": len(bench.train), "validation": len(bench.validation), "test": prepared.test.count},
        "characters": dict(profile.characters),
        "languages": dict(profile.languages),
        "labels": len(profile.balance) if output in NAMED else None,
        "label_rows": sorted(profile.balance.values())[:: max(1, len(profile.balance) // 10)][:12],
        "label_names": names,
        "unlabelled_rows": facts.unlabelled,
        "near_duplicates": len(profile.near_duplicates),
    }
    trials = [
        {"method": one.method, "options": dict(one.options), "score": one.scores[metric.name], "seconds": one.seconds}
        for one in session.results
    ]
    return {
        "data": data,
        "metric": {"name": metric.name, "higher_is_better": metric.higher_is_better},
        "seconds_left": round(facts.remaining()),
        "texts_read_per_second": facts.rows_per_second(),
        "device": facts.device(),
        "methods": {name: described(name) for name in offered(facts)},
        "tried": _finite(trials),
    }


def described(method: str) -> dict[str, Any]:
    """A method's options that a planner may set, with their ranges and defaults."""
    plugin = registry.get("methods", method)
    own = {one.name: one.metadata for one in fields(plugin.options)}
    options = {
        one.name: {"default": one.default, "range": _range(own[one.name], one)}
        for one in settings.options(plugin.options)
        if one.type in (bool, int, float)
    }
    return {"what": plugin.summary, "options": options}


def read(
    answer: str, *, allowed: Sequence[str], known: Sequence[Candidate] = (), first: int = 1
) -> tuple[list[Candidate], list[str]]:
    """Candidates that stand in an answer and pass every check, and why the other entries are refused.

    ConfigError where the answer is no JSON object with candidates. `known` is not proposed again.
    """
    if len(answer.encode("utf-8", "replace")) > MOST_BYTES:
        raise ConfigError(f"the planner's answer has more than {MOST_BYTES:,} bytes")
    begin, end = answer.find("{"), answer.rfind("}")
    try:
        content: Any = json.loads(answer[begin : end + 1], parse_constant=_no_number) if begin >= 0 else None
        entries = content["candidates"]
    except (ValueError, KeyError, TypeError, RecursionError):
        entries = None
    if not isinstance(entries, list):
        raise ConfigError("the planner's answer is no JSON object with candidates")
    found: list[Candidate] = []
    refused: list[str] = []
    for entry in entries[:MOST_READ]:
        try:
            one = _candidate(entry, allowed, f"{BY} {first + len(found)}")
            if any(
                one.method == other.method and dict(one.options) == dict(other.options) for other in (*known, *found)
            ):
                raise ConfigError(f"{one.method} with these options is in the plan already")
            if len(found) == MOST_CANDIDATES:
                raise ConfigError(f"more than {MOST_CANDIDATES} candidates")
            found.append(one)
        except ConfigError as problem:
            refused.append(shown(str(problem), 160))
    if len(entries) > MOST_READ:
        refused.append(f"{len(entries) - MOST_READ:,} further entries were not looked at")
    return found, refused


def compared(session: Session, bench: Bench) -> list[Advised]:
    """What the rules and the planner proposed, and what it came to; empty where only the rules had a say."""
    advised = session.folder is not None and (session.place / "planner.json").is_file()
    if not is_asked(session) and not advised:  # a chat model is not there any more when its run goes on later
        return []
    plan = Plan.load(session.place)
    sign = 1.0 if bench.metric.higher_is_better else -1.0
    rows = []
    for planner, own in (("rules", False), ("llm", True)):
        results = [one for one in session.results if is_advised(one.name) is own]
        scores = [one.scores[bench.metric.name] for one in results]
        best = max((score for score in scores if not math.isnan(score)), key=lambda score: sign * score, default=None)
        names = [one.name for one in (plan.proposed or ())] if own else [one.name for one in results]
        refused = tuple((plan.refused or ())[:MOST_READ]) if own else ()
        seconds = sum(one.seconds for one in results)
        rows.append(Advised(planner, tuple(names), refused, best, seconds, plan.problem if own else ""))
    return rows


def is_advised(name: str) -> bool:
    """Whether a trial of this name was proposed by the language model."""
    return f" ({BY} " in name


def shown(text: str, most: int) -> str:
    """A stranger's text as one short line without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _candidate(entry: Any, allowed: Sequence[str], by: str) -> Candidate:
    """One entry as a candidate; ConfigError says what is wrong with it."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("method"), str):
        raise ConfigError("an entry is no object with a method")
    method, options = entry["method"], entry.get("options") or {}
    if method not in allowed:
        raise ConfigError(f"method {shown(method, 40)!r} is not offered")
    if unknown := sorted(shown(str(name), 40) for name in set(entry) - {"method", "options", "reason"}):
        raise ConfigError(f"{method}: {unknown[0]!r} is nothing that can be proposed")
    if not isinstance(options, Mapping):
        raise ConfigError(f"{method}: options are no object")
    kind = registry.get("methods", method).options
    known = {one.name: one for one in settings.options(kind)}
    for name, value in options.items():
        if name not in known or known[name].type not in (bool, int, float):
            raise ConfigError(f"{method} has no option {shown(str(name), 40)!r} that can be proposed")
        choices = [one for one in known[name].more.get("search") or () if isinstance(known[name].more["search"], list)]
        if choices and value not in choices:
            raise ConfigError(f"{method}: {name} {shown(str(value), 20)} is none of {choices}")
        low, high = (-math.inf, math.inf) if choices else _range(known[name].more, known[name])
        if type(value) in (int, float) and not low <= value <= high:
            raise ConfigError(f"{method}: {name} {shown(str(value), 20)} is not between {low:g} and {high:g}")
    built = settings.build(kind, options, origin=method)
    chosen = {name: getattr(built, name) for name in options}
    reason = shown(str(entry.get("reason") or ""), 100)
    return Candidate(method, chosen, reason=f"proposed by the planner{': ' if reason else ''}{reason}", by=by)


def _range(metadata: Mapping[str, Any], option: settings.Option) -> tuple[float, float]:
    """What a number may be: the range to search that the dataclass declares, else within 8 times its default."""
    if metadata.get("search"):
        low, high = metadata["search"]
        return float(low), float(high)
    if option.type is bool:
        return 0.0, 1.0
    usual = option.default if isinstance(option.default, (int, float)) else 1
    return (0.0, 1.0) if 0 <= usual < 1 and option.type is float else (usual / 8, max(8.0 * usual, 8.0))


def _ask(session: Session, question: str, seconds: float) -> str:
    """The planner's words, within so many seconds. Errors of the endpoint, or EndpointError."""
    messages = ({"role": "system", "content": SYSTEM}, {"role": "user", "content": question})
    if session.chat is not None:
        return _invoked(session.chat, messages, seconds)
    end = time.monotonic() + seconds
    asked = _client(session, lambda: min(session.budget.remaining(), end - time.monotonic()))
    reply = asked.ask(endpoint.Question(messages, MOST_TOKENS))
    if reply.problem or not reply.texts[0].strip():
        raise EndpointError(f"the planner gave no answer ({reply.problem or 'no text'})")
    return reply.texts[0]


def _client(session: Session, remaining: Callable[[], float]) -> endpoint.Client:
    """Who asks: by an account of the planner's own endpoint, or by that of the run."""
    guide = session.config.guide
    if guide.planner_endpoint is None and session.client is not None:
        return replace(session.client, remaining=remaining, _failed="", _good=0, _bad=0)
    found = endpoint.open_client(
        guide.remote(session.config.remote),
        offline=session.config.source.offline,
        account=session.place / "planner.jsonl",
        remaining=remaining,
        stop=lambda: session.stop(),
    )
    if found is None:
        raise ConfigError("the planner has no endpoint; name it with --endpoint or --planner-endpoint")
    return found


def _invoked(chat: Chat, messages: Sequence[Mapping[str, str]], seconds: float) -> str:
    """What a chat model says. It is given up after `seconds`: a thread cannot be ended, but nobody waits for it."""
    said: list[Any] = []

    def speak() -> None:
        try:
            said.append(chat.invoke([(one["role"], one["content"]) for one in messages]))
        except Exception as problem:
            said.append(EndpointError(f"the planner failed ({type(problem).__name__}: {shown(str(problem), 100)})"))

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    thread.join(seconds)
    if not said:
        raise EndpointError(f"the planner gave no answer within {seconds:.0f} s")
    if isinstance(said[0], EndpointError):
        raise said[0]
    content = getattr(said[0], "content", said[0])
    if isinstance(content, list):  # parts, of which texts count
        parts = [part.get("text", "") if isinstance(part, Mapping) else part for part in content[:MOST_READ]]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str) or not content.strip():
        raise EndpointError("the planner gave no answer (no text)")
    return content


def _no_number(name: str) -> float:
    raise ValueError(name)


def _finite(value: Any) -> Any:
    """Plain values, with numbers that JSON does not have left out."""
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
