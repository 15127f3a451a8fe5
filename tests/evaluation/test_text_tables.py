"""The text of an evaluation: what it says, and that it fits."""

import itertools
import re

import pytest

from lookalike.evaluation.evaluation import Evaluation
from lookalike.evaluation.scoring import PLAIN, EvaluationOptions
from lookalike.evaluation.text_tables import folded, results_table
from lookalike.metrics import PROTOCOLS

NUMBERS = ("mAP", "rank1", "rank5", "rank10", "rank20", "mINP")


def test_a_row_of_a_run_without_rank20_has_a_dash():
    found = made()
    del found.rows[0]["rank20"]
    assert results_table(found).splitlines()[1].split()[4:] == ["100.00", "–", "0.00"]


def made(features="f", protocols=("market1501",), options=PLAIN, queries=9, gallery=70):
    """An `Evaluation` with rows as `evaluate` makes them, of given names and numbers."""
    rows = []
    for again in [None, {"k1": 20, "k2": 6, "lambda": 0.3}][: 2 if options.rerank else 1]:
        for protocol in protocols:
            row = {
                "features": features,
                "model": "m",
                "data": "d",
                "protocol": protocol,
                "metric": "cosine",
                "expand": options.expand,
                "rerank": again,
                "verifier": None,
                "queries": queries,
                "valid_queries": queries - 1,
                "gallery": gallery,
                **dict(zip(NUMBERS, (0.12345, 1.0, 1.0, 1.0, 1.0, 0.0), strict=True)),
            }
            if options.rates and not again:
                row |= {
                    "TPR@1e-2": 0.5,
                    "TPR@1e-3": 0.25,
                    "TPR@1e-4": 0.0,
                    "EER": 0.125,
                    "unmeasurable": ["TPR@1e-4"],
                }
            if options.confidence:
                row["confidence"] = options.confidence
                row["intervals"] = dict.fromkeys(NUMBERS, (0.1, 1.0))
            rows.append(row)
    return Evaluation(rows, {}, {}, {})


def test_table_is_in_percent_and_names_protocol_and_distance():
    head, line, foot = results_table(made()).splitlines()
    assert head.split() == ["features", "mAP", "rank1", "rank5", "rank10", "rank20", "mINP"]
    assert line.split() == ["f", "12.35", "100.00", "100.00", "100.00", "100.00", "0.00"]
    assert foot == "market1501, cosine distance, 8 of 9 queries valid, 70 gallery crops"


def test_table_tells_all_that_was_computed_and_how():
    found = made(options=EvaluationOptions((20, 6, 0.3), 5, True, 0.95))
    found.notes["market1501"] = "a caveat."
    assert results_table(found).splitlines() == [
        "features       mAP  rank1  rank5 rank10 rank20   mINP",
        "f            12.35 100.00 100.00 100.00 100.00   0.00",
        "  from       10.00  10.00  10.00  10.00  10.00  10.00",
        "  to        100.00 100.00 100.00 100.00 100.00 100.00",
        "  re-ranked  12.35 100.00 100.00 100.00 100.00   0.00",
        "  from       10.00  10.00  10.00  10.00  10.00  10.00",
        "  to        100.00 100.00 100.00 100.00 100.00 100.00",
        "",
        "features     TPR@1e-2  TPR@1e-3 TPR@1e-4*       EER",
        "f               50.00     25.00      0.00     12.50",
        "* fewer pairs of two people than the rate needs: before the nearest one",
        "market1501, cosine distance, 8 of 9 queries valid, 70 gallery crops",
        "queries expanded with their 5 nearest gallery crops",
        "re-ranked with k1 20, k2 6, λ 0.3",
        "from, to: 95 % intervals over identities",
        "market1501: a caveat.",
    ]


@pytest.mark.parametrize("features", ["f", "f_prim + f_fine", "market1501_resnet50_of_epoch_119"])
@pytest.mark.parametrize("protocols", [[name] for name in PROTOCOLS] + [list(PROTOCOLS)])
def test_no_table_is_wider_than_80_columns(features, protocols):
    for options in itertools.product([None, (20, 6, 0.3)], [0, 1000], [False, True], [0.0, 0.999]):
        found = made(features, protocols, EvaluationOptions(*options), 11_659, 515_913)
        found.notes["distractors-500k"] = "a sentence " * 20
        lines = results_table(found).splitlines()
        assert max(map(len, lines)) <= 80
        assert lines[1].split()[-6:] == ["12.35", "100.00", "100.00", "100.00", "100.00", "0.00"]
        name = features if len(features) <= 15 or len(protocols) == 1 else "market1501_res…"
        assert sum(line.startswith(name + " ") for line in lines) == 1 + options[2]
        rows = 1 if len(protocols) == 1 or not options[0] else 2  # of a protocol that name it
        for protocol in protocols:
            assert sum(bool(re.search(rf"(?<!-){protocol}[ ,]", line)) for line in lines) == rows


@pytest.mark.parametrize("protocols", [["cuhk03-single-shot"], list(PROTOCOLS)])
@pytest.mark.parametrize("features", ["f", "market1501_resnet50_of_epoch_119"])
def test_tables_with_steps_fit_too(features, protocols):
    plain = made(features, protocols, EvaluationOptions(rates=True, confidence=0.9)).rows
    after = made(features, protocols, EvaluationOptions((20, 6, 0.3), 5, True, 0.9)).rows
    names = ["adabn", "cameras deviation", "neighbours 2"]
    for row in plain:
        row |= {"steps": [], "steps_set": [], "ID2": 0.98765}
    for row in after:
        row |= {"steps": names, "steps_set": ["queries and gallery apart"] * 3, "ID2": 0.04321}
    lines = results_table(Evaluation(plain + after, {}, {}, {})).splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if re.search(r"\d$", line)]
    kinds = [line[:12].strip() for line in rows if line[:8] in ("  with s", "  re-ran")]
    assert kinds == ["with steps", "re-ranked", "with steps"]  # the last with its rates
    text = " ".join(line.strip() for line in lines)
    assert "neighbours 2 (queries and gallery apart); expanded and re-ranked after them" in text
    assert "queries expanded with their 5 nearest gallery crops" in lines
    assert "0.988" in text
    assert "0.043" in text


def test_two_features_of_several_protocols_keep_their_names():
    one, other = made("f", list(PROTOCOLS)), made("g", list(PROTOCOLS))
    lines = results_table(Evaluation(one.rows + other.rows, {}, {}, {})).splitlines()
    names = [line.split()[0] for line in lines[1 : 1 + 2 * len(PROTOCOLS)] if line[0] != " "]
    assert names == ["f", "g"]


def test_folded_lines_break_between_words():
    text = "ranking 0.01 s, re-ranking " * 6
    assert max(map(len, folded(text))) <= 80
    assert " ".join(line.strip() for line in folded(text)) == text.strip()
    assert not any(line.endswith("re-") for line in folded(text))


def test_footer_names_the_protocols_that_skip_other_queries():
    names = list(PROTOCOLS)
    found = made(protocols=names, options=EvaluationOptions((20, 6, 0.3)))
    for row in found.rows:
        row["valid_queries"] = {names[2]: 5, "viper-10-splits": 6}.get(row["protocol"], 8)
    foot = " ".join(
        line.strip() for line in results_table(found).splitlines()[1 + 2 * len(names) :]
    )
    assert foot == (
        "cosine distance, 8 of 9 queries valid (market1501-multi-query 5, viper-10-splits 6), "
        "70 gallery crops re-ranked with k1 20, k2 6, λ 0.3"
    )


def test_footer_names_the_protocol_that_has_other_queries():
    one, other = made(), made(protocols=["open-reid"], queries=59, gallery=79)
    lines = results_table(Evaluation(one.rows + other.rows, {}, {}, {})).splitlines()
    assert " ".join(line.strip() for line in lines[3:]) == (
        "cosine distance, 8 of 9 queries valid (open-reid 58 of 59), "
        "70 gallery crops (open-reid 79)"
    )


def test_verified_rows_stand_below_their_feature_and_say_how_many():
    found = made(options=EvaluationOptions((20, 6, 0.3), rates=True))
    found.rows.append({**found.rows[1], "rerank": None, "verifier": 75, "mAP": 0.5})
    lines = results_table(found).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["f", "re-ranked", "verified"]
    assert lines[3] == "  verified   50.00 100.00 100.00 100.00 100.00   0.00"
    assert len(lines[5:]) == 2 + 4  # the rates have no line of it
    assert lines[-1] == "verified: a query's 75 nearest re-scored by the model's verifier"
    assert max(map(len, lines)) <= 80


def test_footer_names_the_features_of_another_distance():
    one, other = made("joint"), made("teacher")
    other.rows[0]["metric"] = "euclidean"
    lines = results_table(Evaluation(one.rows + other.rows, {}, {}, {})).splitlines()
    assert " ".join(line.strip() for line in lines[3:]) == (
        "market1501, cosine distance (teacher euclidean), 8 of 9 queries valid, 70 gallery crops"
    )


def test_a_note_of_several_protocols_stands_once():
    found = made(protocols=list(PROTOCOLS))
    found.notes.update(
        {"market1501": "one.", "distractors-500k": "other.", "viper-10-splits": "one."}
    )
    assert results_table(found).splitlines()[-2:] == [
        "market1501, viper-10-splits: one.",
        "distractors-500k: other.",
    ]


def test_long_names_that_begin_alike_stay_two_features():
    found = [made(f"a_feature_of_a_long_name_{i}", list(PROTOCOLS)).rows for i in (1, 2)]
    text = results_table(Evaluation(found[0] + found[1], {}, {}, {}))
    assert text.count("a_feature_of_a…") == 2
