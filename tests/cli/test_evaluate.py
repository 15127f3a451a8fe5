import json
import shutil

import pytest

from lookalike.cli import main
from lookalike.data import load
from lookalike.engine import evaluate, load_model


def test_a_run_folder_is_evaluated_as_a_table(dgnet_file, market, capsys):
    assert main(["evaluate", str(dgnet_file.parent), "--data", f"market1501:{market}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == ["f_prim + f_fine", "f_prim", "f_fine"]
    assert lines[4].startswith("protocol market1501, cosine distance, 12 of 12 queries valid")
    assert lines[5].startswith("embedding took ")
    assert " images/s), ranking " in lines[5]
    assert max(map(len, lines)) <= 80


def test_json_has_the_rows_of_evaluate(dgnet_file, market, capsys):
    words = ["evaluate", str(dgnet_file), "--data", f"market1501:{market}", "--json"]
    assert main([*words, "--protocol", "all", "--metric", "euclidean"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = ["market1501", "market1501-trapezoid", "cuhk03-single-shot"]
    assert [r["protocol"] for r in found["rows"]] == names * 3
    bench = load("market1501", market)
    want = evaluate(load_model(dgnet_file), bench, protocol=names, metric="euclidean", lists=False)
    assert found["rows"] == [pytest.approx(row) for row in want.rows]
    assert set(found["seconds"]) == {"embed", "rank"}


def test_all_protocols_begin_with_the_benchmarks_own(dgnet_file, market, capsys, monkeypatch):
    from lookalike.cli import evaluate as verb

    def single_shot(data):
        bench = load("market1501", market)
        object.__setattr__(bench, "protocol", "cuhk03-single-shot")
        return bench

    monkeypatch.setattr(verb, "parse_data", single_shot)
    main(["evaluate", str(dgnet_file), "--data", "any:where", "--protocol", "all", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["protocol"] == "cuhk03-single-shot"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--protocol", "market150"], "did you mean 'market1501'"),
        (["--metric", "euclidian"], "did you mean 'euclidean'"),
        (["--batch", "0"], "'0' is not a whole number from 1 up"),
        (["--device", "cuda:7"], "Argument --device: invalid choice: 'cuda:7'"),
        (["--jason"], "Unrecognized arguments: --jason; `lookalike evaluate --help` explains."),
    ],
)
def test_a_mistake_is_one_sentence(dgnet_file, market, capsys, flags, sentence):
    assert main(["evaluate", str(dgnet_file), "--data", f"market1501:{market}", *flags]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_what_is_missing_is_named(dgnet_file, market, tmp_path, capsys):
    root = shutil.copytree(market, tmp_path / "market")
    for file in (root / "query").iterdir():
        file.unlink()
    for words, sentence in (
        ([str(dgnet_file), "--data", f"market1501:{root}"], "The query split of market1501"),
        ([str(tmp_path), "--data", f"market1501:{market}"], "There is no model file"),
        ([str(dgnet_file)], "The following arguments are required: --data"),
        ([str(dgnet_file), "--data", f"market:{market}"], "did you mean 'market1501'"),
    ):
        assert main(["evaluate", *words]) == 2
        assert sentence in capsys.readouterr().err
