"""Rewards: what each check accepts, what it does not fall for, and what it says when it cannot check."""

from pathlib import Path

import pytest

from autogpt import registry
from autogpt.errors import InputError


def score(name: str, texts: list[str], answer: object = None, source: str = "") -> list[float]:
    column = None if answer is None else "wanted"
    return registry.get("rewards", name).score(texts, {"wanted": answer}, column=column, source=source)


def test_the_last_number_is_the_answer_however_it_is_written() -> None:
    texts = [
        "1000",
        "first 12, then 1,000.0",
        "it is １０００",
        "#### 1000",
        "-1000",
        "10001000",
        "1000 or 7",
        "",
        "ten",
    ]
    assert score("exact-answer", texts, "so 5 times 200\n#### 1,000") == [1, 1, 1, 1, 0, 0, 0, 0, 0]


def test_an_answer_without_a_number_is_compared_as_text() -> None:
    assert score("exact-answer", ["new  york.", "《New York》", "New York City", ""], "New York") == [1, 1, 0, 0]
    assert score("exact-answer", ["北京。", "上海"], "北京") == [1, 0]
    assert score("exact-answer", ["11", "Apollo 11"], "Apollo 11") == [0, 1]


def test_json_is_an_object_or_a_list_and_nothing_else() -> None:
    texts = ['{"a": [1, "二"]}', " [1]\n", "5", '"text"', "[NaN]", "{'a': 1}", "{} and more", "[" * 100_000, ""]
    assert score("valid-json", texts) == [1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_a_pattern_of_the_row_or_of_all_rows_matches_the_whole_text() -> None:
    assert score("pattern", ["2024-01-02", " 2024-01-02\n", "on 2024-01-02"], r"\d{4}-\d\d-\d\d") == [1, 1, 0]
    assert score("pattern", ["ab", "b"], "b", source="ab") == [1, 0]
    with pytest.raises(InputError, match="is no regular expression"):
        score("pattern", ["a"], "(")


def test_a_program_passes_only_by_its_tests() -> None:
    right = "def double(x):\n    return 2 * x"
    fenced = f"Here it is:\n```python\n{right}\n```\nDone."
    wrong = "def double(x):\n    return x"
    leaves = "import sys\nsys.exit(0)"
    claims = "print('passed')\nimport os\nos._exit(0)"
    texts = [right, fenced, wrong, leaves, claims, "no program"]
    assert score("python-tests", texts, ["assert double(2) == 4", "assert double(0) == 0"]) == [1, 1, 0, 0, 0, 0]


def test_functions_of_a_file_are_averaged_and_see_the_row(tmp_path: Path) -> None:
    path = tmp_path / "checks.py"
    path.write_text(
        "def short(text, row):\n    return len(text) <= 3\n\n\n"
        "def told(text, row):\n    return row['wanted'] in text\n",
        "utf-8",
    )
    assert score("functions", ["abc", "b", "xxxx"], "b", source=str(path)) == [1, 1, 0]
    path = tmp_path / "wrong.py"
    path.write_text("def much(text, row):\n    return len(text)\n", "utf-8")
    with pytest.raises(InputError, match="must be a number from 0 to 1"):
        score("functions", ["abc"], source=str(path))
    with pytest.raises(InputError, match="is not a Python file"):
        score("functions", ["abc"], source=str(tmp_path / "none.py"))
    with pytest.raises(InputError, match="needs a file"):
        score("functions", ["abc"])


@pytest.mark.parametrize("name", ["exact-answer", "pattern", "python-tests"])
def test_a_check_that_lacks_its_column_says_what_to_name(name: str) -> None:
    with pytest.raises(InputError, match=r"--target|--reward"):
        score(name, ["x"])
