import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from lookalike.cli import main
from lookalike.data import load
from lookalike.evaluation import evaluate
from lookalike.evaluation.evaluation import evaluate_features
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.evaluation.steps import Steps
from lookalike.methods.model_file import load_model
from lookalike.metrics import PROTOCOLS

EVERYTHING = ["--rerank", "--k1", "5", "--k2", "2", "--lambda", "0.4", "--expand", "2", "--rates",
              "--confidence", "0.9"]  # fmt: skip


@pytest.fixture(scope="module")
def files(dgnet_file, market, tmp_path_factory):
    """Queries and gallery as `lookalike embed` writes them."""
    found = []
    for split in ("query", "gallery"):
        found.append(str(tmp_path_factory.mktemp("features") / f"{split}.npz"))
        assert main(["embed", str(dgnet_file), "--data", f"market1501:{market}",
                     "--split", split, "--out", found[-1]]) == 0  # fmt: skip
    return found


def test_a_run_folder_is_evaluated_as_a_table(dgnet_file, market, capsys):
    assert main(["evaluate", str(dgnet_file.parent), "--data", f"market1501:{market}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == ["f_prim + f_fine", "f_prim", "f_fine"]
    assert lines[4].startswith("market1501, cosine distance, 12 of 12 queries valid")
    assert re.fullmatch(r"embedding [\d.]+ s \(\d+ images/s\), ranking [\d.]+ s, on cpu", lines[5])
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80


def test_json_has_the_rows_of_evaluate(dgnet_file, market, capsys):
    words = ["evaluate", str(dgnet_file), "--data", f"market1501:{market}", "--json"]
    assert main([*words, "--protocol", "all", "--metric", "euclidean"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = list(PROTOCOLS)
    assert [r["protocol"] for r in found["rows"]] == names * 3
    bench = load("market1501", market)
    want = evaluate(load_model(dgnet_file), bench, protocol=names, metric="euclidean", lists=False)
    assert found["rows"] == [pytest.approx(row) for row in want.rows]
    assert found["notes"] == want.notes
    assert set(found["seconds"]) == {"embed", "rank"}


def test_a_model_with_everything(dgnet_file, market, capsys):
    words = ["evaluate", str(dgnet_file), "--data", f"market1501:{market}", "--protocol", "all"]
    assert main([*words, *EVERYTHING]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    starts = [line[:15].strip() for line in lines if line.startswith("f") and "," not in line]
    halves = ["f_prim + f_fine", "f_prim", "f_fine"]
    assert starts == ["features", *halves, "features", *halves]  # ranked, then verified
    assert sum(line.startswith("  re-ranked") for line in lines) == 3
    assert sum(line.startswith("  from ") for line in lines) == 3 * 2 * len(PROTOCOLS)
    timed = lines.index(next(line for line in lines if line.startswith("embedding ")))
    shown = re.sub(r"\s+", " ", " ".join(lines[timed:]))  # lines break anywhere
    assert re.sub(r"[\d.]+ s( \(\d+ images/s\))?", "T", shown) == (
        "embedding T, expanding T, ranking T, verifying T, re-ranking T, bootstrap T, on cpu"
    )
    for told in ("queries expanded with their 2 nearest gallery crops",
                 "re-ranked with k1 5, k2 2, λ 0.4", "from, to: 90 % intervals over identities",
                 "viper-10-splits: 4 identities, 2 a split; VIPeR has 632 and 316."):  # fmt: skip
        assert told in lines


def test_several_benchmarks_get_a_table_each(dgnet_file, market, rendered, capsys):
    data = [f"market1501:{market}", f"world:{rendered}"]
    words = ["evaluate", str(dgnet_file), "--data", data[0], "--data", data[1]]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in data] == data
    assert sum(line.startswith("features ") for line in lines) == 2
    assert main([*words, "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert [row["data"] for row in both["rows"]] == [data[0]] * 3 + [data[1]] * 3
    single = []
    for one in data:
        assert main([*words[:2], "--data", one, "--json"]) == 0
        single += json.loads(capsys.readouterr().out)["rows"]
    assert both["rows"] == single


def test_features_of_anybody_need_no_model(files, capsys):
    assert main(["evaluate", "--features", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["features", "mAP", "rank1", "rank5", "rank10", "rank20", "mINP"]
    assert lines[1].startswith("query, gallery  ")
    assert lines[2].startswith("market1501, cosine distance, 12 of 12 queries valid, 24")
    assert re.fullmatch(r"reading [\d.]+ s, ranking [\d.]+ s, on cpu", lines[3])
    assert len(lines) == 4


def test_features_are_scored_as_the_model_that_wrote_them(dgnet_file, market, files, capsys):
    shown = []
    for words in ([str(dgnet_file), "--data", f"market1501:{market}"], ["--features", *files]):
        assert main(["evaluate", *words, "--protocol", "all", *EVERYTHING, "--json"]) == 0
        shown.append(json.loads(capsys.readouterr().out))
    model, features = shown
    assert len(features["rows"]) == 2 * len(PROTOCOLS)
    about = {"features": "query, gallery", "model": "", "data": " ".join(files)}
    for got, want in zip(features["rows"], model["rows"], strict=False):  # the whole comes first
        assert got == want | about
    assert features["notes"] == model["notes"]
    assert set(features["seconds"]) == set(model["seconds"]) - {"embed"} | {"read"}


def test_flags_reach_the_numbers(files, capsys):
    def rows(*flags):
        assert main(["evaluate", "--features", *files, *flags, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["rows"]

    cases = {
        (): {},
        ("--rerank",): {"options": EvaluationOptions((20, 6, 0.3))},
        ("--rerank", "--lambda", "0"): {"options": EvaluationOptions((20, 6, 0.0))},
        ("--rerank", "--k1", "3"): {"options": EvaluationOptions((3, 6, 0.3))},
        ("--rerank", "--k2", "1"): {"options": EvaluationOptions((20, 1, 0.3))},
        ("--expand", "3"): {"options": EvaluationOptions(expand=3)},
        ("--rates",): {"options": EvaluationOptions(rates=True)},
        ("--confidence", "0.95"): {"options": EvaluationOptions(confidence=0.95)},
        ("--protocol", "market1501-trapezoid"): {"protocol": "market1501-trapezoid"},
        ("--protocol", "all"): {"protocol": list(PROTOCOLS)},
        ("--metric", "euclidean"): {"metric": "euclidean"},
    }
    found = {flags: rows(*flags) for flags in cases}
    for flags, want in cases.items():
        assert found[flags] == json.loads(json.dumps(evaluate_features(files, **want).rows))
    assert found["--rerank",][1]["rerank"] == {"k1": 20, "k2": 6, "lambda": 0.3}
    again = [found[flags][1]["mAP"] for flags in cases if flags[:1] == ("--rerank",)]
    assert len(set(again)) == len(again)


def test_all_protocols_begin_with_the_benchmarks_own(dgnet_file, market, capsys, monkeypatch):
    def single_shot(data):
        bench = load("market1501", market)
        object.__setattr__(bench, "protocol", "cuhk03-single-shot")
        return bench

    monkeypatch.setattr("lookalike.data.parse_data", single_shot)
    main(["evaluate", str(dgnet_file), "--data", "folder:where", "--protocol", "all", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["protocol"] == "cuhk03-single-shot"


def told(words, capsys):
    """The one sentence that a mistake gets."""
    assert main(["evaluate", *words]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert not shown.out
    return shown.err


MISTAKES = [
    (["--protocol", "market150"], "did you mean 'market1501'"),
    (["--protocol", "al"], "did you mean 'all'"),
    (["--metric", "euclidian"], "did you mean 'euclidean'"),
    (["--batch", "0"], "'0' is not a whole number from 1 up"),
    (["--device", "cuda:7"], "Argument --device: invalid choice: 'cuda:7'"),
    (["--jason"], "nrecognized arguments: --jason; `lookalike evaluate --help` explains."),
    (["--confidence", "0"], "Argument --confidence: '0' is not between 0 and 1, as 0.95 is; `look"),
    (["--confidence", "1"], "Argument --confidence: '1' is not between 0 and 1, as 0.95 is; `look"),
    (["--confidence", "95"], "Argument --confidence: '95' is not between 0 and 1"),
    (["--confidence", "nan"], "'nan' is not between 0 and 1"),
    (["--confidence", "x"], "'x' is not between 0 and 1"),
    (["--rerank", "--lambda", "3"], "Argument --lambda: '3' is not a number from 0 to 1"),
    (["--rerank", "--lambda", "x"], "Argument --lambda: 'x' is not a number from 0 to 1"),
    (["--verify", "0"], "Argument --verify: '0' is not a whole number from 1 up"),
    (["--rerank", "--k1", "0"], "Argument --k1: '0' is not a whole number from 1 up"),
    (["--rerank", "--k2", "0"], "Argument --k2: '0' is not a whole number from 1 up"),
    (["--expand", "0"], "Argument --expand: '0' is not a whole number from 1 up"),
    (["--expand", "3", "--metric", "euclidean"], "choose the metric 'cosine'"),
    (["--k1", "5"], "--k1, --k2 and --lambda go with --rerank"),
    (["--k2", "5"], "--k1, --k2 and --lambda go with --rerank"),
    (["--lambda", "0"], "--k1, --k2 and --lambda go with --rerank"),
]


@pytest.mark.parametrize(("flags", "sentence"), MISTAKES, ids=lambda x: " ".join(x)[:30])
def test_a_mistake_is_one_sentence(dgnet_file, market, files, capsys, flags, sentence):
    model = [str(dgnet_file), "--data", f"market1501:{market}"]
    assert sentence in told([*model, *flags], capsys)
    assert sentence in told(["--features", *files, *flags], capsys)


def test_a_model_goes_with_data_and_features_with_neither(dgnet_file, market, files, capsys):
    model, data, features = [str(dgnet_file)], ["--data", f"market1501:{market}"], files
    for words in (
        [],
        model,
        data,
        ["--features", *features, *data],
        [*model, "--features", *features],
        [*model, *data, "--features", *features],
    ):
        assert "Give MODEL and --data, or --features; `lookalike" in told(words, capsys)
    assert "Argument --features: expected at least one argument" in told(["--features"], capsys)


def test_a_batch_goes_with_a_model(dgnet_file, market, files, capsys, monkeypatch):
    for size in ("1", "64"):
        assert "--batch goes with MODEL; `look" in told(
            ["--features", *files, "--batch", size], capsys
        )
    sizes = []
    monkeypatch.setattr("lookalike.evaluation.evaluation.evaluate",
                        lambda *args: sizes.append(args[5]) or evaluate(*args))  # fmt: skip
    for flags in ([], ["--batch", "5"]):
        words = ["evaluate", str(dgnet_file), "--data", f"market1501:{market}", *flags]
        assert main(words) == 0
    assert sizes == [64, 5]


def test_help_fits_and_breaks_no_name(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for name in PROTOCOLS:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", shown)
    assert "[the benchmark's; for features market1501]" in " ".join(shown.split())
    assert "[the model's; for features cosine]" in " ".join(shown.split())


def test_json_never_holds_what_is_no_json(files, monkeypatch):
    broken = dataclasses.replace(evaluate_features(files), seconds={"rank": float("nan")})
    monkeypatch.setattr(
        "lookalike.evaluation.evaluation.evaluate_features", lambda *_, **__: broken
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        main(["evaluate", "--features", *files, "--json"])


def test_features_that_cannot_be_ranked_are_told(files, tmp_path, capsys):
    queries, changed = dict(np.load(files[0])), tmp_path / "changed.npz"
    broken = queries["features"].copy()
    broken[[2, 7], 5] = np.nan
    for arrays, sentence in (
        ({"features": broken}, "Query features hold NaN or infinity in 2 of 12 rows (2, 7)"),
        ({"features": broken[:, :9]}, "have 9 numbers and gallery features 1024"),
        ({"pids": queries["pids"] + 100}, "no identity number occurs on both sides"),
        ({"pids": queries["pids"] + 0.5}, "must be 12 whole numbers, one per image, not float64"),
    ):
        np.savez(changed, **queries | arrays)
        assert sentence in told(["--features", str(changed), files[1]], capsys)
    for names, sentence in (
        ([str(tmp_path / "gone.npz"), files[1]], "There is no features file"),
        ([str(tmp_path), files[1]], "can't be read as features"),
        ([files[0]], "no array 'query_features'; it has features, paths, pids, camids (--queries"),
        ([*files, files[0]], "one file of features, or two, not 3"),
    ):
        assert sentence in told(["--features", *names], capsys)


def test_what_is_missing_is_named(dgnet_file, market, tmp_path, capsys):
    root = shutil.copytree(market, tmp_path / "market")
    for file in (root / "query").iterdir():
        file.unlink()
    for words, sentence in (
        ([str(dgnet_file), "--data", f"market1501:{root}"], "has no query images to evaluate on"),
        ([str(tmp_path), "--data", f"market1501:{market}"], "There is no model file"),
        ([str(dgnet_file), "--data", f"market:{market}"], "did you mean 'market1501'"),
    ):
        assert sentence in told(words, capsys)


def test_case_15_a_query_in_the_gallery_does_not_find_itself(tmp_path, capsys):
    rng = np.random.default_rng(1)
    pids = np.repeat(np.arange(1, 9), 4)
    feats = rng.normal(size=(9, 16))[pids] + 1.2 * rng.normal(size=(32, 16))
    names, first = np.array([f"/data/{i:02d}.jpg" for i in range(32)]), np.arange(0, 32, 4)
    files = [str(tmp_path / "q.npz"), str(tmp_path / "g.npz")]
    np.savez(files[0], features=feats[first], pids=pids[first], camids=np.zeros(8, int),
             paths=names[first])  # fmt: skip
    np.savez(files[1], features=feats, pids=pids, camids=np.ones(32, int), paths=names)
    assert main(["evaluate", "--features", *files, "--rerank", "--rates"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "8 gallery images are queries too, as of another camera: left out where it" in shown
    assert "q, g 48.33 50.00 " in shown
    assert main(["calibrate", "--features", *files, "--out", str(tmp_path / "c.json")]) == 0
    shown = capsys.readouterr().out
    assert "24 pairs of one person, 224 of two" in shown
    assert "8 gallery images are queries too: no pair is of one image" in shown
    assert json.loads((tmp_path / "c.json").read_text())["copies"] == 8


def test_flags_of_features(tmp_path, capsys):
    """One file of both sides, under any names, with a list in GBK."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "f.npz", emb=rng.normal(size=(6, 4)))
    rows = [f"{i}_人.jpg,{1 + i % 3},{i // 3}" for i in range(6)]
    (tmp_path / "l.csv").write_bytes("\n".join(["path,pid,camid", *rows]).encode("gbk"))
    words = ["--features", str(tmp_path / "f.npz"), "--lists", str(tmp_path / "l.csv"),
             "--keys", "features=emb", "--queries", "3"]  # fmt: skip
    sentence = told(words, capsys)
    assert "isn't UTF-8 in line 2: name its encoding, which may be gbk" in sentence
    assert main(["evaluate", *words, "--encoding", "gbk"]) == 0
    assert "3 of 3 queries valid, 3 gallery crops" in capsys.readouterr().out
    assert main(["calibrate", *words, "--encoding", "gbk", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["positives"] == 3
    data = ["m.safetensors", "--data", "market1501:x"]
    assert "--encoding go with --features" in told([*data, "--queries", "3"], capsys)


def test_names_that_are_no_utf8_are_printed(tmp_path):
    """Escaped, on a terminal of ASCII too, and in JSON."""
    name = os.fsdecode(b"q\xff\xe5.npz")
    arrays = {"query_features": np.eye(2), "gallery_features": np.eye(2), "query_pids": [1, 2],
              "gallery_pids": [1, 2], "query_camids": [0, 0], "gallery_camids": [1, 1]}  # fmt: skip
    with open(tmp_path / name, "wb") as file:
        np.savez(file, **arrays)
    code = "import sys; from lookalike.cli import main; sys.exit(main(sys.argv[1:]))"
    for encoding, more in (("ascii", []), ("utf-8", ["--json"])):
        words = ["evaluate", "--features", str(tmp_path / name), *more]
        shown = subprocess.run(
            [sys.executable, "-c", code, *words],
            env=os.environ | {"PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert shown.returncode == 0, shown.stderr
        assert b"q\\udcff\\udce5" in shown.stdout


def test_steps_give_rows_before_and_after(files, capsys):
    def shown(*flags):
        assert main(["evaluate", "--features", *files, *flags]) == 0
        return capsys.readouterr().out

    lines = shown("--cameras", "--neighbours").splitlines()
    assert lines[0].split() == [
        "features", "mAP", "rank1", "rank5", "rank10", "rank20", "mINP", "ID2"
    ]  # fmt: skip
    assert [lines[1].split()[0], lines[2].split()[0]] == ["query,", "with"]
    text = " ".join(" ".join(lines).split())
    assert "cameras deviation (queries and gallery together), neighbours 2 (queries and" in text
    assert "market1501: cameras 0, 1, 2 with fewer than 20 images: only centred." in text
    assert max(map(len, lines)) <= 80
    together = shown("--protocol", "all", "--cameras", "--rerank", "--rates", "--confidence", "0.9")
    assert max(map(len, together.splitlines())) <= 80


def test_step_flags_reach_the_numbers(files, capsys):
    cases = {
        ("--cameras",): Steps("deviation"),
        ("--cameras", "mean"): Steps("mean"),
        ("--cameras", "deviation"): Steps("deviation"),
        ("--neighbours",): Steps(neighbours=2),
        ("--neighbours", "5", "--cameras"): Steps("deviation", 5),
    }
    for flags, steps in cases.items():
        assert main(["evaluate", "--features", *files, *flags, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["rows"]
        want = evaluate_features(files, options=EvaluationOptions(steps=steps)).rows
        assert found == json.loads(json.dumps(want))
        assert found[1]["steps"]


def test_adapted_statistics_of_a_model(dgnet_file, market, files, capsys):
    words = ["evaluate", str(dgnet_file), "--data", f"market1501:{market}", "--adabn"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    options = EvaluationOptions(steps=Steps(adabn=True))
    want = evaluate(load_model(dgnet_file), load("market1501", market), options=options)
    assert [row["steps"] for row in found["rows"]] == [[], ["adabn"]] * 3
    for got, row in zip(found["rows"], want.rows, strict=True):
        assert {name: got[name] for name in ("mAP", "mINP", "ID2")} == pytest.approx(
            {name: row[name] for name in ("mAP", "mINP", "ID2")}
        )
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "with steps: adabn (queries and gallery together)" in lines
    assert any(line.startswith("embedding ") and "adapting " in line for line in lines)
    assert "--adabn goes with MODEL" in told(["--features", *files, "--adabn"], capsys)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--cameras", "runs/x"], "Unknown statistic of cameras 'runs/x'. Known: deviation, mean."),
        (["--cameras", "men"], "did you mean 'mean'"),
        (["--neighbours", "0"], "Argument --neighbours: '0' is not a whole number from 1 up"),
    ],
)
def test_a_wrong_step_is_one_sentence(files, capsys, flags, sentence):
    assert sentence in told(["--features", *files, *flags], capsys)


def test_distances_have_no_steps(files, tmp_path, capsys):
    ids = {f"{side}_{name}": dict(np.load(file))[name]
           for side, file in zip(("query", "gallery"), files, strict=True)
           for name in ("pids", "camids")}  # fmt: skip
    np.savez(tmp_path / "d.npz", distances=np.zeros((12, 24)), **ids)
    sentence = told(["--features", str(tmp_path / "d.npz"), "--neighbours"], capsys)
    assert "steps need features, and these are distances" in sentence
