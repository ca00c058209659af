"""What a search is worth: the portfolio, TPE and random search replayed over recorded trials.

`benchmarks/portfolio.py record` fitted the same configurations on several pools of rows, with what each took and which
rows it answered rightly. Here searches run over these records in no time: a proposal is answered by the nearest
configuration that was not tried yet. In each replay the rows that were not learned from are halved at random: one half
are the validation rows that the search sees, the other judges what it has chosen. The portfolio is made of the pools of
other data sets only. All searches begin with every method's default, as the ladder does:

    python benchmarks/search.py trials.jsonl --replays 20

The curve of a search is the judged score of what it would choose, over the seconds of its trials; its area is the mean
of that between the end of the defaults and the time that all configurations take. `exhaustive` tries them all.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import portfolio
from autogpt import registry
from autogpt.autopilot import belief, scheduler
from autogpt.autopilot.portfolio import Features, Portfolio
from autogpt.autopilot.scheduler import Outlook
from autogpt.autopilot.study import Study
from autogpt.autopilot.trial import Result
from autogpt.setting import Domain, domains

ARMS = ("tpe", "random", "tpe, stopped", "highest score")
"""`tpe`: the portfolio, then TPE; `stopped`: ended by the rule of the scheduler; `highest score`: random search that
believes what it measures."""
VARIED = ("full", "contrastive", "lora")
"""Methods near the best, as a run would find."""
SHARES = (0.1, 0.25, 0.5, 1.0)
ACCURACY = registry.get("metrics", "accuracy")


class Pool:
    """The recorded trials of one pool, with a half of the rows to choose by and a half to judge."""

    def __init__(self, lines: Sequence[Mapping[str, Any]], rng: np.random.Generator) -> None:
        self.methods = [line["method"] for line in lines]
        self.options = [json.loads(portfolio._configuration(line))[1] for line in lines]
        self.seconds = [max(0.1, line["seconds"]) for line in lines]
        right = np.array([list(map(int, line["validation"] + line["judges"])) for line in lines])
        order = rng.permutation(right.shape[1])
        half = len(order) // 2
        self.rows = half
        self.seen, self.judged = right[:, order[:half]].mean(axis=1), right[:, order[half:]].mean(axis=1)
        self.features = Features(**portfolio._features(lines[0]))

    def defaults(self) -> list[int]:
        """The ladder."""
        return [place for place, options in enumerate(self.options) if not options]

    def chosen(self, tried: Sequence[int], *, believed: bool = True) -> int:
        """What would be chosen of these trials, in their order."""
        if not believed:
            return max(tried, key=lambda place: self.seen[place])
        results = [
            Result(str(place), self.methods[place], {}, {}, {"accuracy": float(self.seen[place])}, 1.0, "encoder", 1.0)
            for place in tried
        ]
        return int(belief.choose(results, metric=ACCURACY, rows=self.rows).name)

    def nearest(self, method: str, options: Mapping[str, Any], left: Sequence[int]) -> int | None:
        """The configuration of the method among those `left` that is most like these options."""
        space = domains(registry.get("methods", method).options)
        own = [place for place in left if self.methods[place] == method]
        return min(own, key=lambda place: _apart(space, options, self.options[place]), default=None)


def _apart(space: Mapping[str, Domain], first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    total = 0.0
    for name, domain in space.items():
        if domain.longer:
            continue
        a, b = first.get(name), second.get(name)
        if domain.choices or a is None or b is None:
            total += float(a != b)
        elif domain.log:
            total += (math.log(a / b) / math.log(domain.high / domain.low)) ** 2
        else:
            total += ((a - b) / (domain.high - domain.low)) ** 2
    return total


def replay(pool: Pool, arm: str, seed: int, table: Portfolio) -> list[tuple[float, float]]:
    """(seconds, judged score of the choice) after the ladder and after each trial of the search."""
    tried = pool.defaults()
    firsts = {pool.methods[place]: place for place in tried}
    left, rng = [place for place in range(len(pool.methods)) if place not in tried], np.random.default_rng(seed)
    spaces = {
        method: {name: one for name, one in domains(registry.get("methods", method).options).items() if not one.longer}
        for method in firsts
        if method in VARIED
    }
    sampler = "random" if arm in ("random", "highest score") else "tpe"
    study = Study(None, spaces, sampler=sampler, seed=seed, higher_is_better=True)
    for method in spaces:
        study.first(method, _whole(method, {}, spaces[method]), float(pool.seen[firsts[method]]))
    entries = table.ranked(pool.features, methods=list(spaces)) if sampler == "tpe" else []
    known, spent = believed(pool, tried, arm), 0.0
    curve = [(0.0, known)]
    while left:
        entry = entries[0] if entries else None
        if arm == "tpe, stopped" and not _is_worth(pool, tried, firsts, study):
            break
        if entry is not None:
            entries = entries[1:]
            asked = study.ask(entry.method, _whole(entry.method, entry.options, spaces[entry.method]))
        else:
            asked = study.ask()
        place = pool.nearest(asked.method, asked.options, left)
        if place is None:  # all of this method were tried
            place = int(rng.choice(left))
        left.remove(place)
        tried.append(place)
        study.tell(asked.number, float(pool.seen[place]))
        spent += pool.seconds[place]
        curve.append((spent, believed(pool, tried, arm)))
    return curve


def believed(pool: Pool, tried: Sequence[int], arm: str) -> float:
    """The judged score of what the arm would choose."""
    return float(pool.judged[pool.chosen(tried, believed=arm != "highest score")])


def _whole(method: str, options: Mapping[str, Any], space: Mapping[str, Domain]) -> dict[str, Any]:
    defaults = registry.get("methods", method).options()
    return {name: options.get(name, getattr(defaults, name)) for name in space}


def _is_worth(pool: Pool, tried: Sequence[int], firsts: Mapping[str, int], study: Study) -> bool:
    """The rule of `autopilot.search`, over recorded trials."""
    best = pool.chosen(tried)
    results = [
        Result(str(place), pool.methods[place], {}, {}, {"accuracy": float(pool.seen[place])}, 1.0, "encoder", 1.0)
        for place in tried
    ]
    expected = dict(zip(tried, belief.posteriors(results, metric=ACCURACY, rows=pool.rows), strict=True))
    behind = {method: expected[best] - expected[place] for method, place in firsts.items()}
    noise = belief.paired_error(float(pool.seen[best]), pool.rows)
    prior = Outlook(scheduler.SHIFT, scheduler.SPREAD, noise)
    count = len(pool.methods) - len(tried)
    differences = [score - float(pool.seen[firsts[method]]) for method, score in study.scored()]
    seen = scheduler.learned(prior, differences)
    return replace(seen, mean=seen.mean - min(behind.values())).is_worth(count)


def at(curve: Sequence[tuple[float, float]], seconds: float) -> float:
    """The score of a curve after so many seconds."""
    return [score for when, score in curve if when <= seconds][-1]


def area(curve: Sequence[tuple[float, float]], total: float) -> float:
    """The mean score of a curve over its time."""
    times = [when for when, _ in curve] + [total]
    return sum(score * (times[at + 1] - times[at]) for at, (_, score) in enumerate(curve)) / total


def measured(lines: Sequence[Mapping[str, Any]], replays: int) -> Iterator[dict[str, Any]]:
    """Each arm on each pool: the means over replays."""
    pools: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        pools[line["pool"]].append(line)
    most = max(map(len, pools.values()))
    pools = {name: own for name, own in pools.items() if len(own) == most}
    for name, own in pools.items():
        elsewhere = [line for line in lines if line["pool"] in pools and not _same_set(line["pool"], name)]
        table = Portfolio.of(portfolio.table(elsewhere))
        found: dict[str, list[Any]] = defaultdict(list)
        for seed in range(replays):
            pool = Pool(own, np.random.default_rng([seed, 5]))
            everything = sum(pool.seconds[place] for place in range(len(own)) if place not in pool.defaults())
            best = float(pool.judged[pool.chosen([*pool.defaults(), *range(len(own))])])
            ranked = table.ranked(pool.features, methods=("full", "contrastive", "lora"), defaults=True)
            first = _place(pool, ranked[0].method, ranked[0].options)
            found["first of the portfolio / exhaustive"].append(pool.judged[first] / best)
            for arm in ARMS:
                curve = replay(pool, arm, seed, table)
                found[f"{arm}: area"].append(area(curve, everything))
                found[f"{arm}: seconds"].append(curve[-1][0])
                for share in SHARES:
                    found[f"{arm}: regret at {share:.0%}"].append(best - at(curve, share * everything))
            found["defaults: regret"].append(best - pool.judged[pool.chosen(pool.defaults())])
            found["exhaustive"].append(best)
            found["seconds of all"].append(everything)
        yield {"pool": name, "trials": most, **{what: round(statistics.fmean(some), 4) for what, some in found.items()}}


def _same_set(first: str, second: str) -> bool:
    return first.split(":")[0] == second.split(":")[0]


def _place(pool: Pool, method: str, options: Mapping[str, Any]) -> int:
    return next(
        place
        for place, one in enumerate(zip(pool.methods, pool.options, strict=True))
        if one == (method, dict(options))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", type=Path, nargs="+")
    parser.add_argument("--replays", type=int, default=20)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = list(measured(portfolio.read(given.trials), given.replays))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} pools of {found[0]['trials']} trials, {given.replays} replays each")
    for what in found[0]:
        if isinstance(found[0][what], float):
            values = [one[what] for one in found]
            spread = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else math.nan
            print(f"{what:40} {statistics.fmean(values):8.4f} ± {spread:.4f}")
    wins = [one["tpe: area"] > one["random: area"] for one in found]
    print(f"area of tpe above that of random on {sum(wins)} of {len(wins)} pools")


if __name__ == "__main__":
    main()
