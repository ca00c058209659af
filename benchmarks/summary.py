"""From stored answers to the summary of the accuracy benchmark: `accuracy.json`, `accuracy.md`, `accuracy.png`.

A cell of the table is (set, size, limit); a system's score there is its mean over the seeds that all compared systems
have. The best peer of a cell is the one with the highest score; win, tie or loss is the 95 % interval of the paired
bootstrap difference between ours and that peer.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import scoring
import sets

Key = tuple[Any, ...]  # set, size, limit, system, seed, test_rows
OURS = "ours"
LABELS = {
    "ours": "autogpt",
    "majority": "majority",
    "tfidf": "TF-IDF + LR",
    "frozen": "frozen MiniLM + LR",
    "cosine": "MiniLM cosine",
    "setfit": "SetFit 1.2",
    "trainer": "HF Trainer, full",
}


def cells(results: dict[Key, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry per (set, size, limit, test rows): every system's score and interval, and the verdict on ours."""
    grouped: dict[Key, dict[str, dict[int, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for (name, size, limit, system, seed, rows), result in results.items():
        grouped[name, size, limit, rows][system][seed] = result
    return [_cell(key, grouped[key]) for key in sorted(grouped, key=str)]


def _cell(key: Key, systems: dict[str, dict[int, dict[str, Any]]]) -> dict[str, Any]:
    name, size, limit, rows = key
    kind = sets.SOURCES[name].kind
    gold = [row[sets.SOURCES[name].target] for row in sets.load(name, "full", 0, test_rows=rows).test]
    shared = set.intersection(*(set(seeds) for seeds in systems.values()))
    entry: dict[str, Any] = {"set": name, "size": size, "limit": limit, "metric": sets.METRICS[kind]}
    entry |= {"test_rows": len(gold), "seeds": sorted(shared), "systems": {}}
    drawn = {}
    for system, seeds in systems.items() if shared else ():
        tables = [scoring.counts(kind, gold, seeds[seed]["predictions"]) for seed in sorted(shared)]
        drawn[system] = scoring.draws(kind, tables)
        chosen = [seeds[seed] for seed in sorted(shared)]
        entry["systems"][system] = {
            "score": scoring.mean_score(kind, tables),
            "interval": scoring.interval(drawn[system]),
            "per_seed": [scoring.mean_score(kind, [table]) for table in tables],
            "seconds": max(result["seconds"] for result in chosen),
            "status": sorted({result["status"] for result in chosen}),
            "notes": sorted({result["note"] for result in chosen if result["note"]}),
        }
    peers = {system: facts["score"] for system, facts in entry["systems"].items() if system != OURS}
    if OURS in entry["systems"] and peers:
        best = max(peers, key=lambda system: peers[system])
        difference = drawn[OURS] - drawn[best]
        entry |= {
            "best_peer": best,
            "difference": entry["systems"][OURS]["score"] - peers[best],
            "difference_interval": scoring.interval(difference),
            "verdict": scoring.verdict(drawn[OURS], drawn[best]),
        }
    return entry


def totals(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per limit: means over the cells, each peer against ours on the cells both have, and the count of verdicts."""
    table = []
    for limit in sorted({entry["limit"] for entry in entries}):
        here = [entry for entry in entries if entry["limit"] == limit and "verdict" in entry]
        if not here:
            continue
        line: dict[str, Any] = {"limit": limit, "cells": len(here), "peers": {}}
        line["ours"] = float(np.mean([entry["systems"][OURS]["score"] for entry in here]))
        best = [entry["systems"][entry["best_peer"]]["score"] for entry in here]
        line["best_peer_of_each_cell"] = float(np.mean(best))
        for system in sorted({system for entry in here for system in entry["systems"]} - {OURS}):
            both = [entry["systems"] for entry in here if system in entry["systems"]]
            line["peers"][system] = {
                "cells": len(both),
                "theirs": float(np.mean([systems[system]["score"] for systems in both])),
                "ours": float(np.mean([systems[OURS]["score"] for systems in both])),
            }
        verdicts = [entry["verdict"] for entry in here]
        line |= {word: verdicts.count(word) for word in ("win", "tie", "loss")}
        line["win_or_tie"] = 1 - line["loss"] / len(here)
        line["longest"] = max(entry["systems"][OURS]["seconds"] for entry in here)
        table.append(line)
    return table


def write(folder: Path, results: dict[Key, dict[str, Any]]) -> None:
    """All three files."""
    entries = cells(results)
    machines = sorted({json.dumps(r["machine"], sort_keys=True) for r in results.values() if "machine" in r})
    document = {"totals": totals(entries), "cells": entries, "machines": [json.loads(text) for text in machines]}
    (folder / "accuracy.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "accuracy.md").write_text(markdown(document), encoding="utf-8")
    plot(entries, folder / "accuracy.png")


def markdown(document: dict[str, Any]) -> str:
    """The summary that people read."""
    lines = [
        "# Accuracy under a time limit",
        "",
        "Same encoder (all-MiniLM-L6-v2), splits, test rows and machine for all; every cell in a process of its own;",
        "the limit counts from process start, imports included. Made by `python benchmarks/accuracy.py`.",
        "",
    ]
    for facts in document["machines"]:
        versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
        lines += [f"- {facts['cpu']}, {facts['cores']} cores, commit {facts['commit']}: {versions}"]
    lines += [
        "",
        "| limit | cells | autogpt | best peer of each cell | win | tie | loss | win or tie |",
        "|" + "---|" * 8,
    ]
    for line in document["totals"]:
        lines.append(
            f"| {line['limit']:g} s | {line['cells']} | {line['ours']:.3f} | {line['best_peer_of_each_cell']:.3f} | "
            f"{line['win']} | {line['tie']} | {line['loss']} | {line['win_or_tie']:.0%} |"
        )
    lines += ["", "Each peer on the cells it can do, ours on the same cells:", ""]
    lines += ["| limit | peer | cells | peer | autogpt |", "|" + "---|" * 5]
    for line in document["totals"]:
        for system, both in line["peers"].items():
            lines.append(
                f"| {line['limit']:g} s | {LABELS.get(system, system)} | {both['cells']} | {both['theirs']:.3f} | "
                f"{both['ours']:.3f} |"
            )
    present = [s for s in LABELS if any(s in entry["systems"] for entry in document["cells"])]
    for limit in sorted({entry["limit"] for entry in document["cells"]}):
        lines += ["", f"## {limit:g} s", "", "Score [95 % interval]; * not finished at the limit, ! failed.", ""]
        lines += ["| set | size | metric | " + " | ".join(LABELS[s] for s in present) + " | verdict |"]
        lines += ["|" + "---|" * (len(present) + 4)]
        for entry in document["cells"]:
            if entry["limit"] == limit:
                scores = " | ".join(_score(entry["systems"].get(system)) for system in present)
                verdict = f"{entry['verdict']} ({entry['difference']:+.3f})" if "verdict" in entry else ""
                lines.append(f"| {entry['set']} | {entry['size']} | {entry['metric']} | {scores} | {verdict} |")
    return "\n".join(lines) + "\n"


def _score(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return ""
    mark = "!" if "failed" in facts["status"] else "*" if "cut" in facts["status"] else ""
    return f"{facts['score']:.3f}{mark} [{facts['interval'][0]:.3f}, {facts['interval'][1]:.3f}]"


def plot(entries: list[dict[str, Any]], path: Path) -> None:
    """One panel per size: mean score over the sets a system can do, against the limit."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [size for size in ("8", "64", "full") if any(entry["size"] == size for entry in entries)]
    figure, panels = pyplot.subplots(1, len(sizes), figsize=(4.2 * len(sizes), 3.6), squeeze=False, sharey=True)
    kinds = {name: source.kind for name, source in sets.SOURCES.items()}
    for panel, size in zip(panels[0], sizes, strict=True):
        for system, label in LABELS.items():
            points = defaultdict(list)
            for entry in entries:
                # The sets that every peer can do, so that the lines are comparable
                if entry["size"] == size and kinds[entry["set"]] == "classes" and system in entry["systems"]:
                    points[entry["limit"]].append(entry["systems"][system]["score"])
            if points:
                limits = sorted(points)
                width = 2.4 if system == OURS else 1.2
                means = [float(np.mean(points[limit])) for limit in limits]
                panel.plot(limits, means, marker="o", label=label, linewidth=width)
        panel.set(
            xscale="log", xlabel="time limit (s)", title=f"{size} rows per class" if size != "full" else "all rows"
        )
        panel.set_xticks(sorted({entry["limit"] for entry in entries}), minor=False)
        panel.set_xticklabels([f"{limit:g}" for limit in sorted({entry["limit"] for entry in entries})])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("mean accuracy, classification sets")
    panels[0][-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
