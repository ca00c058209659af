"""Which rows to learn from when: curricula against drawing rows as they come, at an equal number of steps.

    python benchmarks/curriculum.py                       accuracy after --chunks steps of 32 rows
    python benchmarks/curriculum.py --steps               steps until 99 % of what all rows come to (clean pools)

A linear head on frozen vectors is trained by gradient descent whose rate falls to zero; rows are drawn by the policy's
weights of the phase. Pools are those of `selection.py`. Differences are points of test accuracy over uniform draws, of
the same pool, averaged over three trainings each. `fixed` is the best single bucket, as trusted rows judge it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

import embedded
import selection
from autogpt import registry
from autogpt.selection import _proxy
from autogpt.selection._course import Course
from autogpt.selection._environment import Environment
from autogpt.selection._policy import followed

SYSTEMS = (
    "proportional",
    "fixed",
    "exp3",
    "step-gate",
    "q-learning",
    "rho-loss",
    "coreset",
    "balanced-filter",
    "reinforce",
)
RATE, ROWS, TRAININGS = 16.0, 32, 3


def trained(of: selection.Case, weights: Any, chunks: int, seed: int) -> float:
    """Test accuracy in points after `chunks` steps over rows drawn by weights [phases, N]."""
    pool, rng = of.pool, np.random.default_rng([seed, 1])
    x = _proxy.widened(pool.vectors)
    head = np.zeros((x.shape[1], pool.classes))
    for chunk in range(chunks):
        share = weights[chunk * len(weights) // chunks]
        rows = rng.choice(len(x), size=ROWS, p=share / share.sum())
        error = np.exp(_proxy.log_probabilities(x[rows] @ head, 1.0))
        error[np.arange(ROWS), pool.labels[rows]] -= 1
        head -= RATE * (1 - chunk / chunks) * (x[rows].T @ error) / ROWS
    return 100 * float(((_proxy.widened(of.test) @ head).argmax(1) == of.test_y).mean())


def chosen(system: str, of: selection.Case, world: Environment, seed: int) -> Any:
    """Weights [phases, N] of a system."""
    if system == "fixed":
        course = Course(world, 0)
        return (course.bucket == max(range(course.buckets), key=lambda one: _worth(course, one)))[None].astype(float)
    policy = registry.get("selection", system)
    return followed(policy.choose(world, policy.options(), seed=seed)).weights


def _worth(course: Course, bucket: int) -> float:
    rng, head = np.random.default_rng(5), course.begin()
    for chunk in range(course.chunks):
        head = course.learn(head, course.draw(bucket, rng), chunk)
    return course.value(head)


def mean(of: selection.Case, weights: Any, chunks: int) -> float:
    return statistics.fmean(trained(of, weights, chunks, seed) for seed in range(TRAININGS))


def steps(of: selection.Case, weights: Any, goal: float, most: int) -> float:
    """Share of `most` steps after which the accuracy is `goal` or more (2: it never was)."""
    shares = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
    return next((share for share in shares if mean(of, weights, int(most * share)) >= goal), 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--sets", type=names, default=list(embedded.CLASSIFICATION))
    parser.add_argument("--settings", type=names, default=list(selection.SETTINGS))
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--systems", type=names, default=list(SYSTEMS))
    parser.add_argument("--chunks", type=int, default=60)
    parser.add_argument("--steps", action="store_true", help="count steps to 99 %% of what all rows come to")
    given = parser.parse_args()
    found: dict[str, list[float]] = {}
    for seed in given.seeds:
        for name in given.sets:
            for setting in ["clean"] if given.steps else given.settings:
                of = selection.case(name, setting, seed, rows=1200, trusted=100)
                world, every = Environment(of.pool, seed=seed), np.ones((1, len(of.pool)))
                most = 10 * given.chunks if given.steps else given.chunks
                base = mean(of, every, most)
                told = []
                for system in ["uniform", *given.systems] if given.steps else given.systems:
                    weights = every if system == "uniform" else chosen(system, of, world, seed)
                    value = steps(of, weights, 0.99 * base, most) if given.steps else mean(of, weights, most) - base
                    found.setdefault(system, []).append(value)
                    told.append(f"{system} {value:+.2f}")
                print(f"{name:10} {setting:10} {seed} uniform {base:.1f}  {'  '.join(told)}", flush=True)
    for system, values in found.items():
        print(f"{system:16} {shown(values)}  worst {(max if given.steps else min)(values):+.2f}  ({len(values)})")


def shown(values: Sequence[float]) -> str:
    return selection._interval(values)


if __name__ == "__main__":
    main()
