"""Tables as public data sets have them: of many columns one is meant. It is found, or asked for, never guessed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from autogpt import cells
from autogpt.core import Schema
from autogpt.data.columns import describe_column
from autogpt.data.read import read as table_of
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError

CLASSES, LABELS, VALUE, TOKENS, WRITTEN = (
    "text-classification", "multi-label-classification", "text-regression", "token-classification", "text-generation",
)  # fmt: skip
WORDS = (
    "the", "a", "my", "this", "that", "very", "rather", "never", "again", "parcel", "flight", "movie", "dress",
    "screen", "plot", "actor", "staff", "price", "service", "arrived", "broke", "works", "looks", "felt", "seems",
    "was", "is", "great", "awful", "slow", "friendly", "boring", "lovely", "late", "cheap", "expensive",
)  # fmt: skip
EMOTIONS = ("admiration", "amusement", "anger", "joy", "love", "sadness", "surprise", "neutral")


def said(rng: random.Random, words: int = 14) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words)) + f" {rng.randint(1, 9999)}."


def key(rng: random.Random) -> str:
    return f"{rng.getrandbits(64):016x}"


def shop_reviews(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "Id": i, "ProductId": f"B00{rng.randrange(10**6)}", "UserId": key(rng), "ProfileName": key(rng)[:5],
        "HelpfulnessNumerator": rng.randrange(5), "HelpfulnessDenominator": rng.randrange(9),
        "Score": rng.randint(1, 5), "Time": 1_300_000_000 + rng.randrange(10**8), "Summary": said(rng, 4),
        "Text": said(rng),
    }  # fmt: skip


def airline(rng: random.Random, i: int) -> dict[str, Any]:
    mood = rng.choice(("positive", "neutral", "negative"))
    reason = rng.choice(("Late Flight", "Bad Flight", "Lost Luggage")) if mood == "negative" else None
    return {
        "tweet_id": 570_306_133_677_760_513 + i, "airline_sentiment": mood,
        "airline_sentiment_confidence": round(rng.uniform(0.3, 1), 4), "negativereason": reason,
        "airline": rng.choice(("United", "Delta", "Southwest")), "retweet_count": rng.randrange(2),
        "text": "@united " + said(rng), "tweet_location": rng.choice(("NYC", "Boston", None)),
    }  # fmt: skip


def flagged(rng: random.Random, i: int) -> dict[str, Any]:
    kinds = ("toxic", "severe_toxic", "obscene", "threat", "insult")
    return {"id": key(rng), "comment_text": said(rng), **{kind: int(rng.random() < 0.2) for kind in kinds}}


def job_ads(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "job_id": i, "location": rng.choice(("US, NY", "GB, , London")),
        "department": rng.choice(("Sales", "IT")),
        "description": said(rng, 40),
        "telecommuting": int(rng.random() < 0.1), "has_logo": int(rng.random() < 0.8),
        "has_questions": int(rng.random() < 0.5), "employment_type": rng.choice(("Full-time", "Other")),
        "fraudulent": int(rng.random() < 0.1),
    }  # fmt: skip


def wine(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "country": rng.choice(("Italy", "US")), "description": said(rng, 25), "points": rng.randrange(85, 95),
        "price": rng.choice((15.0, 20.0, 65.0)), "title": said(rng, 4), "variety": rng.choice(("Merlot", "Malbec")),
        "winery": key(rng)[:2],
    }  # fmt: skip


def clothing(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "Clothing ID": rng.randrange(1000), "Age": rng.randrange(18, 80), "Review Text": said(rng),
        "Rating": rng.randint(1, 5), "Recommended IND": int(rng.random() < 0.8),
        "Department Name": rng.choice(("Tops", "Dresses")), "Class Name": rng.choice(("Knits", "Blouses", "Pants")),
    }  # fmt: skip


def inference_pairs(rng: random.Random, i: int) -> dict[str, Any]:
    first, second = said(rng), said(rng)
    votes = ("entailment", "neutral", "contradiction")
    parses = {
        f"sentence{place}_parse": "(ROOT (NP " + ") (X ".join(text.split()) + "))"
        for place, text in ((1, first), (2, second))
    }
    return {
        "gold_label": rng.choice(votes), **parses, "sentence1": first, "sentence2": second, "pairID": f"{i}.jpg#4r1n",
        "label1": rng.choice(votes), "label2": "",
    }  # fmt: skip


def posts(rng: random.Random, i: int) -> dict[str, Any]:
    tags = rng.sample(("java", "python", "css", "html"), rng.randint(1, 3))
    return {"Id": i + 34_552_550, "Body": said(rng, 30), "Tags": "".join(f"<{tag}>" for tag in tags)}


def films(rng: random.Random, i: int) -> dict[str, Any]:
    genres = rng.sample(("Action", "Comedy", "Drama", "Horror"), rng.randint(1, 3))
    return {
        "budget": rng.randrange(10**8), "genres": json.dumps([{"id": len(name), "name": name} for name in genres]),
        "overview": said(rng, 30), "popularity": rng.random() * 100, "revenue": rng.randrange(10**9),
        "vote_average": round(rng.uniform(3, 9), 1), "vote_count": rng.randrange(9000),
    }  # fmt: skip


def emotions_by_number(rng: random.Random, i: int) -> dict[str, Any]:
    return {"text": said(rng), "labels": rng.sample(range(28), rng.choice((1, 1, 2))), "id": key(rng)[:7]}


def emotions_by_flag(rng: random.Random, i: int) -> dict[str, Any]:
    flags = {name: int(rng.random() < 0.15) for name in EMOTIONS}
    return {"text": said(rng), "subreddit": rng.choice(("funny", "news")), "unclear": rng.random() < 0.02, **flags}


def numbered_tags(rng: random.Random, i: int) -> dict[str, Any]:
    size = rng.randint(4, 12)
    draw = lambda kinds: [rng.randrange(kinds) for _ in range(size)]  # noqa: E731
    tokens = [rng.choice((rng.choice(WORDS), key(rng)[:3])) for _ in range(size)]
    return {"id": str(i), "tokens": tokens, "pos_tags": draw(45), "chunk_tags": draw(20), "ner_tags": draw(9)}


def complaints(rng: random.Random, i: int) -> dict[str, Any]:
    product = rng.choice(("Mortgage", "Debt collection", "Credit card"))
    return {
        "Product": product, "Sub-product": product + rng.choice((" A", " B")),
        "Issue": rng.choice(("Billing", "Loan servicing, payments, escrow account", "Communication tactics")),
        "Consumer complaint narrative": said(rng, 40), "Company": rng.choice(("Acme", "Globex")),
        "Consumer disputed?": rng.choice(("Yes", "No")),
    }  # fmt: skip


def resumes(rng: random.Random, i: int) -> dict[str, Any]:
    text = said(rng, 60)
    return {
        "ID": 10**7 + i, "Resume_html": "<div><p>" + "</p><p>".join(text.split()) + "</p></div>", "Resume_str": text,
        "Category": rng.choice(("HR", "CHEF", "SALES")),
    }  # fmt: skip


def instructions(rng: random.Random, i: int) -> dict[str, Any]:
    return {"instruction": said(rng, 6), "input": rng.choice(("", "", said(rng))), "output": said(rng, 20)}


def grounded(rng: random.Random, i: int) -> dict[str, Any]:
    kind = rng.choice(("closed_qa", "brainstorming"))
    return {"instruction": said(rng, 6), "context": said(rng, 30), "response": said(rng, 20), "category": kind}


def snippets(rng: random.Random, i: int) -> dict[str, Any]:
    return {"intent": said(rng, 7), "rewritten": said(rng, 8), "snippet": f"sorted(x, key=lambda v: v[{i}])", "id": i}


def exam(rng: random.Random, i: int) -> dict[str, Any]:
    letters = "1234" if i % 100 == 7 else "ABCD"
    choices = {"text": [said(rng, 3) for _ in letters], "label": list(letters)}
    return {"id": f"M_{i}", "question": said(rng)[:-1] + "?", "choices": choices, "answerKey": rng.choice(letters)}


def endings(rng: random.Random, i: int) -> dict[str, Any]:
    start = said(rng)
    return {
        "ctx_a": start, "ctx": start + " she", "endings": [said(rng, 5) for _ in range(4)],
        "source_id": f"clips~v_{key(rng)}", "label": str(rng.randrange(4)),
    }  # fmt: skip


def yes_or_no(rng: random.Random, i: int) -> dict[str, Any]:
    return {"question": "is " + said(rng, 6), "answer": rng.random() < 0.6, "passage": said(rng, 60)}


Make = Callable[[random.Random, int], dict[str, Any]]
SHAPES: tuple[tuple[Make, str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (shop_reviews, "predict the star rating of a review", VALUE, ("Summary", "Text"), ("Score",)),
    (airline, "classify the sentiment of tweets about airlines", CLASSES, ("text",), ("airline_sentiment",)),
    (airline, "is the customer happy?", CLASSES, ("text",), ("airline_sentiment",)),
    (airline, "predict the reason of a negative tweet", CLASSES, ("text",), ("negativereason",)),
    (flagged, "flag all kinds of toxicity", LABELS, ("comment_text",),
     ("toxic", "severe_toxic", "obscene", "threat", "insult")),
    (job_ads, "detect fake job postings", CLASSES, ("description",), ("fraudulent",)),
    (job_ads, "which job ads are fraud", CLASSES, ("description",), ("fraudulent",)),
    (wine, "predict the points from the description", VALUE, ("description",), ("points",)),
    (wine, "guess the variety of a wine from its description", CLASSES, ("description",), ("variety",)),
    (clothing, "does the customer recommend the product?", CLASSES, ("Review Text",), ("Recommended IND",)),
    (clothing, "which department is it about", CLASSES, ("Review Text",), ("Department Name",)),
    (inference_pairs, "does the premise entail the hypothesis", CLASSES, ("sentence1", "sentence2"), ("gold_label",)),
    (posts, "suggest tags for a question", LABELS, ("Body",), ("Tags",)),
    (films, "predict the genres of a movie from its overview", LABELS, ("overview",), ("genres",)),
    (films, "predict the revenue of a movie", VALUE, ("overview",), ("revenue",)),
    (emotions_by_number, "which emotions are in the text", LABELS, ("text",), ("labels",)),
    (emotions_by_flag, "detect the emotions of a text", LABELS, ("text",), EMOTIONS),
    (numbered_tags, "find named entities", TOKENS, ("tokens",), ("ner_tags",)),
    (complaints, "route complaints to the right product", CLASSES, ("Consumer complaint narrative",), ("Product",)),
    (complaints, "will the consumer dispute it?", CLASSES, ("Consumer complaint narrative",), ("Consumer disputed?",)),
    (complaints, "classify the issue", CLASSES, ("Consumer complaint narrative",), ("Issue",)),
    (instructions, "", WRITTEN, ("instruction", "input"), ("output",)),
    (instructions, "follow instructions", WRITTEN, ("instruction", "input"), ("output",)),
    (grounded, "answer instructions", WRITTEN, ("instruction", "context"), ("response",)),
    (snippets, "write Python code from a description", WRITTEN, ("intent",), ("snippet",)),
    (exam, "", "multiple-choice", ("question",), ("answerKey",)),
    (endings, "choose the right ending", "multiple-choice", ("ctx",), ("label",)),
    (yes_or_no, "answer yes or no", CLASSES, ("question", "passage"), ("answer",)),
    (resumes, "sort resumes by profession", CLASSES, ("Resume_str",), ("Category",)),
)  # fmt: skip


def read(make: Make, goal: str, seed: int = 0) -> Schema:
    rng = random.Random(seed)
    rows = [make(rng, place) for place in range(300)]
    return infer(table_of(rows), goal=goal).schema


@pytest.mark.parametrize(
    ("make", "goal", "task", "text", "target"), SHAPES, ids=[f"{shape[0].__name__}:{shape[1]}" for shape in SHAPES]
)
def test_the_column_that_is_meant_is_found(
    make: Make, goal: str, task: str, text: tuple[str, ...], target: tuple[str, ...]
) -> None:
    schema = read(make, goal)
    assert (schema.task, set(schema.text), schema.target) == (task, set(text), target)


@pytest.mark.parametrize(
    ("make", "goal"),
    [(airline, ""), (flagged, "detect toxic comments"), (job_ads, ""), (shop_reviews, "")],
)
def test_where_more_than_one_may_be_meant_it_is_asked(make: Make, goal: str) -> None:
    with pytest.raises(AmbiguityError, match="candidates"):
        read(make, goal)


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ('[{"id": 18, "name": "Drama"}, {"id": 35, "name": "Comedy"}]', ("Drama", "Comedy")),
        ("<c#><asp.net>", ("c#", "asp.net")),
        ([3, 14], ("3", "14")),
        ("<b>bold</b> text", ("<b>bold</b> text",)),
        ('[{"from": "human", "value": "hi"}]', ("{'from': 'human', 'value': 'hi'}",)),
    ],
)
def test_labels_of_a_cell(cell: Any, labels: tuple[str, ...]) -> None:
    assert cells.labels({"x": cell}, "x", None) == labels


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("aspect", ("sentence", "aspect")),
        ("annotator", ("sentence",)),
        ("no", ("sentence",)),
        ("fine_polarity", ("sentence",)),
    ],
)
def test_what_a_label_is_about_is_read_where_one_text_has_several(named: str, text: tuple[str, ...]) -> None:
    """ "Good food, slow service" is positive of the food; who labelled it, a number of the row, or a finer label is not
    read."""
    rng = random.Random(0)
    rows = []
    for place in range(150):
        sentence = said(rng)
        for nth, about in enumerate(("food", "service")):
            told = about if named != "no" else f"N-{2 * place + nth:05d}"
            polarity = rng.choice(("positive", "negative"))
            told = f"{rng.choice(('very', 'rather'))} {polarity}" if named == "fine_polarity" else told
            rows.append({"sentence": sentence, named: told, "polarity": polarity})
    schema = infer(table_of(rows), goal="predict the polarity").schema
    assert (schema.text, schema.target, schema.joined) == (text, ("polarity",), False)


def test_turns_and_choices_are_no_labels() -> None:
    turns = [[{"from": "human", "value": f"hello {i}"}, {"from": "gpt", "value": "hi"}] for i in range(20)]
    assert describe_column("conversations", turns).kind == "objects"
    choices = [[{"label": "A", "text": f"one {i}"}, {"label": "B", "text": "two"}] for i in range(20)]
    assert describe_column("choices", choices).kind == "objects"
