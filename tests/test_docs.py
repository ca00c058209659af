"""The documentation is true: its Python runs, its commands and flags exist, its YAML is valid, its links work.

Python blocks of one page run in order in one namespace and an empty folder. A comment in front of a block changes that:

    <!-- test: 20s -->       time limits in the block are replaced by this one
    <!-- test: nightly -->   the page is run from here on with `pytest -m nightly` only

Blocks of README.zh-CN.md are those of README.md, so they run once.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "recipes").rglob("*.md")])
FENCE = re.compile(r"(?:<!-- test: (?P<mark>.+?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
LIMIT = re.compile(r"time_limit=\"\w+\"")
name_of = lambda page: str(page.relative_to(ROOT))  # noqa: E731


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    mark: str


def blocks(text: str) -> list[Block]:
    return [Block(m["language"], m["text"], m["mark"] or "") for m in FENCE.finditer(text)]


def blocks_of(page: Path, *languages: str) -> list[Block]:
    return [block for block in blocks(page.read_text("utf-8")) if block.language in languages]


def run_blocks(chosen: list[Block], folder: Path) -> None:
    """All blocks in one interpreter of their own, as a reader would paste them."""
    parts = []
    for block in chosen:
        text = block.text
        if re.fullmatch(r"\d+s", block.mark):
            assert LIMIT.search(text), f"a block marked {block.mark} has no time limit:\n{text}"
            text = LIMIT.sub(f'time_limit="{block.mark}"', text)
        parts.append(text)
    script = folder / "page.py"
    script.write_text("\n".join(parts), encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, script.name], cwd=folder, capture_output=True, text=True, env=environment, timeout=280
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


WITH_PYTHON = [page for page in PAGES if page.name != "README.zh-CN.md" and blocks_of(page, "python")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_python_blocks_run(page: Path, tmp_path: Path, minilm: Path) -> None:
    chosen: list[Block] = []
    for block in blocks_of(page, "python"):
        if block.mark == "nightly":
            break
        chosen.append(block)
    if chosen:
        run_blocks(chosen, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("page", [p for p in WITH_PYTHON if "test: nightly" in p.read_text("utf-8")], ids=name_of)
def test_long_python_blocks_run(page: Path, tmp_path: Path, minilm: Path) -> None:
    run_blocks(blocks_of(page, "python"), tmp_path)


def commands(text: str) -> Iterator[list[str]]:
    """Command lines of a shell block: without prompts, comments, redirections, and with pipes taken apart."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words:
            cut = next((i for i, word in enumerate(words) if word in ("|", "&&", ";")), len(words))
            yield [
                word for i, word in enumerate(words[:cut]) if word not in (">", "<") and words[i - 1] not in (">", "<")
            ]
            words = words[cut + 1 :]


def targets() -> set[str]:
    """The Makefile's targets."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def command_faults(words: list[str]) -> list[str]:
    """What of a command line does not exist."""
    program = Path(words[0]).name if words else ""
    if program == "make":
        return [f"make {word}" for word in words[1:] if "=" not in word and word not in targets()]
    if program in ("python", "python3") and len(words) > 1 and words[1].endswith(".py"):
        script = ROOT / words[1]
        if not script.is_file():
            return [f"no script {words[1]}"]
        source = script.read_text("utf-8")
        return [f"{words[1]} {word}" for word in words[2:] if word.startswith("--") and f'"{word}"' not in source]
    if program != "autogpt":
        return []
    import typer

    from autogpt.cli.app import build
    from autogpt.cli.catalogue import Catalogue

    group: Any = typer.main.get_command(build(Catalogue("en")))
    names = [word for word in words[1:] if not word.startswith("-")]
    if not names:
        known = {opt for p in group.params for opt in p.opts} | {"--help", "--install-completion", "--show-completion"}
        return [f"autogpt {word}" for word in words[1:] if word not in known]
    if names[0] not in group.commands:
        return [f"autogpt {names[0]}"]
    try:
        group.commands[names[0]].make_context(names[0], words[words.index(names[0]) + 1 :])
    except Exception as error:
        if type(error).__name__ == "Exit":  # --help
            return []
        return [f"{shlex.join(words)}: {type(error).__name__} {error}"]
    return []


@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p, "console", "bash", "sh")], ids=name_of)
def test_commands_and_their_flags_exist(page: Path) -> None:
    faults = []
    for block in blocks_of(page, "console", "bash", "sh"):
        lines = [line for line in block.text.splitlines() if block.language != "console" or line.startswith("$ ")]
        faults += [fault for words in commands("\n".join(lines)) for fault in command_faults(words)]
    assert faults == []


@pytest.mark.parametrize(
    "line",
    [
        "autogpt fly data.csv",
        "autogpt run data.csv --goall x",
        "make dinner",
        "python benchmarks/nothing.py",
        "python benchmarks/accuracy.py --nothing 1",
    ],
)
def test_the_check_sees_a_command_that_does_not_exist(line: str) -> None:
    assert [fault for words in commands(line) for fault in command_faults(words)]


def test_inline_commands_of_the_readme_exist() -> None:
    for page in (ROOT / "README.md", ROOT / "README.zh-CN.md"):
        inline = re.findall(r"`(autogpt [a-z][^`]*)`", page.read_text("utf-8"))
        names = {line.split()[1] for line in inline}
        from autogpt.cli.app import _PANELS

        assert names <= {function.__name__ for _, functions in _PANELS for function in functions}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p, "yaml")], ids=name_of)
def test_yaml_blocks_are_valid_settings(page: Path) -> None:
    import yaml

    from autogpt.config import RunConfig, build

    for block in blocks_of(page, "yaml"):
        build(RunConfig, yaml.safe_load(block.text))


RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_every_recipe_is_valid_and_says_its_command_and_score(recipe: Path) -> None:
    import yaml

    from autogpt.config import RunConfig, build

    text = recipe.read_text("utf-8")
    build(RunConfig, yaml.safe_load(text), origin=recipe.name)
    assert f"# command: autogpt run --config {recipe.relative_to(ROOT)}" in text
    assert re.search(r"^# score: ", text, re.MULTILINE)


def test_there_are_recipes() -> None:
    assert RECIPES


def test_both_languages_say_the_same() -> None:
    """Same code, same commands, same number of sections and table rows in both READMEs."""
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    runnable = ("python", "bash", "sh", "yaml")
    assert [b.text for b in blocks_of(english, *runnable)] == [b.text for b in blocks_of(chinese, *runnable)]
    outline = [
        (
            [line.split(" ")[0] for line in text.splitlines() if line.startswith("#")],
            len(re.findall(r"^\|", text, re.M)),
        )
        for text in (page.read_text("utf-8") for page in (english, chinese))
    ]
    assert outline[0] == outline[1]


def test_every_capability_in_the_readme_cites_its_proof() -> None:
    """Rule of the house: no claim without a recipe, benchmark or test that shows it."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split("## What it can do")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 8
    for row in rows:
        proofs = LINK.findall(row.rsplit("|", 2)[1])
        assert proofs, f"no proof: {row}"
        assert all(proof.split("/")[0] in {"tests", "benchmarks", "recipes", "EXPERIMENTS.md"} for proof in proofs), row


def test_the_reference_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = {page.name: page.read_text("utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")}
    made = reference.render()
    assert set(written) == set(made)
    stale = [name for name in made if written[name] != made[name]]
    assert stale == [], "run `make docs`"


def test_committed_files_name_no_machine_and_no_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    hosts = re.compile(r"https?://[\w./-]*(?:py" + r"pi|pythonhosted|npmjs|debian)\.(?:org|com)")
    machine = re.compile(r"(?:^|[\s\"'(=])/(?:work|farm|root|home)/[a-z]")
    found = []
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".json", ".sh", ""}
            and path.is_file()
            and path.stat().st_size < 1e6
        ):
            text = path.read_text("utf-8", "replace")
            found += [f"{name}: {m.group(0)}" for m in (*hosts.finditer(text), *machine.finditer(text))]
    assert found == []
