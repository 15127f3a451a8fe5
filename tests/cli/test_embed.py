import json
import shutil

import numpy as np
import pytest
import torch

from lookalike.cli import main
from lookalike.data import load
from lookalike.evaluation import evaluate
from lookalike.evaluation.features import extract
from lookalike.evaluation.foreign_features import read_features
from lookalike.methods.model_file import load_model
from lookalike.metrics import centralise_neighbours, normalise_cameras, rank


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_of_a_benchmark_rank_as_evaluate_does(
    dgnet_file, market, tmp_path, capsys, metric
):
    files = []
    for split in ("query", "gallery"):
        out = tmp_path / f"{split}.npz"
        assert main(["embed", str(dgnet_file), "--data", f"market1501:{market}",
                     "--split", split, "--out", str(out)]) == 0  # fmt: skip
        files.append(np.load(out))
    assert f"24 features of 1024 numbers in {out}" in capsys.readouterr().out
    q, g = files
    bench = load("market1501", market)
    assert g["paths"].tolist() == list(bench.gallery.paths)
    assert g["features"].dtype == np.float32
    assert q["pids"].dtype == q["camids"].dtype == np.int64
    found = rank(*(x[k] for k in ("features", "pids", "camids") for x in files), metric=metric)
    want = evaluate(load_model(dgnet_file), bench, metric=metric, lists=False).rows[0]
    assert found.row() == pytest.approx({k: want[k] for k in found.row()})


def test_files_and_folders_are_embedded_in_order(dgnet_file, market, tmp_path):
    out = tmp_path / "new" / "feats.npz"
    photos = sorted(str(p) for p in (market / "query").iterdir())
    extra = str(min((market / "bounding_box_test").iterdir()))
    assert main(["embed", str(dgnet_file), extra, str(market / "query"), "--out", str(out)]) == 0
    found = np.load(out)
    assert set(found) == {"features", "paths"}
    assert found["paths"].tolist() == [extra, *photos]
    model = load_model(dgnet_file)
    want = extract(model, [extra, *photos])
    torch.testing.assert_close(torch.from_numpy(found["features"]), want, rtol=0, atol=1e-5)


def test_broken_images_end_it_or_are_left_out_and_listed(dgnet_file, market, tmp_path, capsys):
    photos = sorted(str(p) for p in (market / "query").iterdir())[:2]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    words = ["embed", str(dgnet_file), photos[0], str(bad), photos[1]]
    assert main([*words, "--out", str(tmp_path / "f.npz")]) == 2
    assert "bad.jpg" in capsys.readouterr().err
    assert not (tmp_path / "f.npz").exists()
    assert main([*words, "--out", str(tmp_path / "f.npz"), "--skip-broken"]) == 0
    shown = capsys.readouterr()
    assert shown.err == f"lookalike: left out {bad}: can't be read.\n"
    assert "2 features" in shown.out
    assert np.load(tmp_path / "f.npz")["paths"].tolist() == photos


def test_what_a_folder_has_beside_images_is_counted_and_named(dgnet_file, market, tmp_path, capsys):
    photo = min((market / "query").iterdir())
    for place in ("a", "b/c"):
        (tmp_path / "in" / place).mkdir(parents=True)
    for name in ("a/1.jpg", "b/c/2.jpg"):
        (tmp_path / "in" / name).symlink_to(photo)
    (tmp_path / "in" / "b" / "d").symlink_to(tmp_path / "in" / "a")  # read already
    (tmp_path / "in" / "e").symlink_to(photo.parent)
    for name in ("x.txt", "y.heic"):
        (tmp_path / "in" / name).touch()
    out = tmp_path / "f.npz"
    assert main(["embed", str(dgnet_file), str(tmp_path / "in"), "--out", str(out)]) == 0
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"lookalike: passed over 1 links to folders that are read already, such as "
        f"{tmp_path / 'in' / 'b' / 'd'}.",
        f"lookalike: passed over 2 files without the suffix of an image, such as "
        f"{tmp_path / 'in' / 'x.txt'}.",
    ]
    assert len(np.load(out)["paths"]) == 2 + len(list(photo.parent.iterdir()))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Give either images and folders, or --data"),
        (["x.jpg", "--data", "market1501:/x", "--split", "query"], "Give either images"),
        (["--data", "market1501:/x"], "--data and --split (train, query or gallery) go together"),
        (["gone.jpg"], "There is no image or folder gone.jpg."),
    ],
)
def test_a_mistake_is_one_sentence(dgnet_file, tmp_path, capsys, words, sentence):
    assert main(["embed", str(dgnet_file), *words, "--out", str(tmp_path / "f.npz")]) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_an_out_that_cannot_be_written_is_refused_at_once(dgnet_file, market, tmp_path, capsys):
    (tmp_path / "file").touch()
    words = ["embed", str(dgnet_file), str(market / "query"), "--out"]
    assert main([*words, str(tmp_path / "file" / "f.npz")]) == 2
    assert "Can't make the folder" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "f.npy")]) == 2
    assert "--out is an .npz file" in capsys.readouterr().err


@pytest.fixture
def crops(market, tmp_path):
    """Twelve crops of three people as folders, of a seventh camera and an eighth, and a list."""
    photos = sorted((market / "bounding_box_test").iterdir())
    rows = ["path,pid,camid"]
    for i, photo in enumerate(photos[:12]):
        name = f"{('ann', 'bob', 'cy')[i % 3]}/c{7 + i % 2}_{i:02d}.jpg"
        (tmp_path / "crops" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "crops" / name).symlink_to(photo)
        rows.append(f"{name},{name[0]},{7 + i % 2}")
    (tmp_path / "crops" / "list.csv").write_text("\n".join(rows))
    return tmp_path / "crops"


@pytest.mark.parametrize(
    ("flags", "persons", "cameras"),
    [
        (["--people"], {"ann", "bob", "cy"}, {"7", "8"}),
        (["--camera", "none"], {"ann", "bob", "cy"}, {"none"}),
        (["--person", r"_(\d)\d\.jpg"], {"0", "1"}, {"7", "8"}),
        (["--csv", "list.csv"], {"a", "b", "c"}, {"7", "8"}),
    ],
)
def test_who_is_in_a_folder_is_kept(dgnet_file, crops, tmp_path, capsys, flags, persons, cameras):
    out = tmp_path / "f.npz"
    assert main(["embed", str(dgnet_file), str(crops), *flags, "--out", str(out)]) == 0
    found = np.load(out)
    assert len(found["paths"]) == len(found["pids"]) == len(found["camids"]) == 12
    assert (set(found["person_names"]), set(found["camera_names"])) == (persons, cameras)
    assert len(set(found["camids"])) == len(cameras)
    for path, person, pid in zip(found["paths"], found["person_names"], found["pids"], strict=True):
        assert person in path
        named = dict(zip(found["person_names"], found["pids"], strict=True))
        assert named[person] == pid or person == "0"
    told = capsys.readouterr().err
    assert ("passed over 1 files without the suffix" in told) == ("--csv" not in flags)


def test_two_labelled_folders_are_ranked_by_their_names(dgnet_file, crops, tmp_path, capsys):
    """Each numbers its own persons; ann, bob and cy are the same in both."""
    for name in ("ann", "bob", "cy"):
        for place in sorted((crops / name).glob("c7*"))[:1]:
            (tmp_path / "asks" / name).mkdir(parents=True)
            place.rename(tmp_path / "asks" / name / place.name)
    shutil.rmtree(tmp_path / "asks" / "ann")
    (tmp_path / "asks" / "ann").mkdir()
    for side, folder in (("q", tmp_path / "asks"), ("g", crops)):
        words = ["embed", str(dgnet_file), str(folder), "--people", "--out"]
        assert main([*words, str(tmp_path / f"{side}.npz")]) == 0
    q, g = (np.load(tmp_path / f"{side}.npz") for side in "qg")
    assert sorted(set(q["pids"])) == [1, 2]  # bob is 1 there, and 2 in the gallery
    given = read_features([tmp_path / "q.npz", tmp_path / "g.npz"])
    names = {int(p): n for p, n in zip(given.gallery_pids, g["person_names"], strict=True)}
    assert [names[int(p)] for p in given.query_pids] == q["person_names"].tolist()
    cams = {int(c): n for c, n in zip(given.gallery_camids, g["camera_names"], strict=True)}
    assert {cams[int(c)] for c in given.query_camids} == {"7"}
    capsys.readouterr()
    files = [str(tmp_path / "q.npz"), str(tmp_path / "g.npz")]
    assert main(["evaluate", "--features", *files]) == 0
    assert "2 of 2 queries valid, 9 gallery crops" in capsys.readouterr().out
    assert main(["calibrate", "--features", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["positives"] == 4


def test_cameras_that_nobody_knows_leave_out_no_match(dgnet_file, crops, tmp_path, capsys):
    for side in "qg":
        words = ["embed", str(dgnet_file), str(crops), "--camera", "none", "--out"]
        assert main([*words, str(tmp_path / f"{side}.npz")]) == 0
    files = [str(tmp_path / "q.npz"), str(tmp_path / "g.npz")]
    assert main(["evaluate", "--features", *files]) == 0
    shown = capsys.readouterr().out
    assert "12 of 12 queries valid" in shown
    assert "12 gallery images are queries too" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a", "b", "--people"], "go with one folder of images"),
        (["--data", "market1501:/x", "--split", "query", "--csv", "l.csv"], "go with one folder"),
        (["gone", "--people"], "There is no folder gone of which to embed people."),
        (["{crops}", "--csv", "gone.csv"], "No CSV file"),
        (["{crops}", "--person", "("], "Option person of folder isn't a regular expression"),
        (["{crops}", "--csv", "list.csv", "--person", "(x)"], "exclude each other"),
        (["{crops}", "--people", "--encoding", "gbk"], "--encoding goes with --csv"),
        (["{crops}", "--csv", "list.csv", "--encoding", "gkb"], "There is no encoding 'gkb'"),
    ],
)
def test_a_mistake_of_labels_is_one_sentence(dgnet_file, crops, tmp_path, capsys, words, sentence):
    words = [word.format(crops=crops) for word in words]
    assert main(["embed", str(dgnet_file), *words, "--out", str(tmp_path / "f.npz")]) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_steps_are_taken_and_told(dgnet_file, market, tmp_path, capsys):
    words = ["embed", str(dgnet_file), "--data", f"market1501:{market}", "--split", "gallery"]
    plain, out = tmp_path / "plain.npz", tmp_path / "stepped.npz"
    assert main([*words, "--out", str(plain)]) == 0
    capsys.readouterr()
    assert main([*words, "--out", str(out), "--cameras", "mean", "--neighbours", "3"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        f"24 features of 1024 numbers after the steps cameras mean, neighbours 3 in {out}"
    ]
    before, after = np.load(plain), np.load(out)
    want = normalise_cameras(before["features"], before["camids"], deviation=False)
    np.testing.assert_allclose(after["features"], centralise_neighbours(want, 3), atol=1e-6)
    assert after["features"].dtype == np.float32
    assert after["steps"].tolist() == ["cameras mean (these images)", "neighbours 3 (these images)"]
    assert set(after) == set(before) | {"steps"}
    assert main([*words, "--out", str(out), "--cameras"]) == 0
    told = capsys.readouterr().out.splitlines()[1]
    assert told == "cameras 0, 1, 2 with fewer than 20 images: only centred."


def test_who_reads_the_features_is_told_of_their_steps(dgnet_file, market, tmp_path, capsys):
    files = []
    for split in ("query", "gallery"):
        files.append(str(tmp_path / f"{split}.npz"))
        assert main(["embed", str(dgnet_file), "--data", f"market1501:{market}", "--split", split,
                     "--neighbours", "--out", files[-1]]) == 0  # fmt: skip
    capsys.readouterr()
    assert main(["evaluate", "--features", *files]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "the features come after the steps neighbours 2 (these images)." in shown
    assert main(["embed", str(dgnet_file), "--data", f"market1501:{market}", "--split", "query",
                 "--out", files[0]]) == 0  # fmt: skip
    capsys.readouterr()
    for verb in (["evaluate"], ["calibrate", "--json"]):
        assert main([*verb, "--features", *files]) == 2
        error = capsys.readouterr().err
        assert "steps of the query features are none; those of the gallery features neigh" in error
        assert error.count("\n") == 1


def test_cameras_of_a_folder_must_be_known(dgnet_file, crops, tmp_path, capsys):
    out = ["--out", str(tmp_path / "f.npz")]
    for words in ([], ["--camera", "none"]):
        assert main(["embed", str(dgnet_file), str(crops), *words, "--cameras", "mean", *out]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("lookalike: --cameras needs to know the camera of every image: giv")
    assert not (tmp_path / "f.npz").exists()
    words = ["embed", str(dgnet_file), str(crops), "--people"]
    assert main([*words, *out]) == 0
    before = np.load(out[1])
    assert main([*words, "--cameras", "mean", *out]) == 0
    want = normalise_cameras(before["features"], before["camids"], deviation=False)
    np.testing.assert_allclose(np.load(out[1])["features"], want, rtol=0, atol=1e-6)


def test_an_unknown_camera_among_known_ones_is_left_as_it_is(dgnet_file, crops, tmp_path, capsys):
    lines = (crops / "list.csv").read_text().splitlines()
    lines[1:4] = [f"{line.rpartition(',')[0]},none" for line in lines[1:4]]
    (crops / "list.csv").write_text("\n".join(lines))
    words = ["embed", str(dgnet_file), str(crops), "--csv", "list.csv", "--cameras", "mean"]
    assert main([*words, "--out", str(tmp_path / "f.npz")]) == 0
    assert "3 images of unknown cameras (below 0) are left as they" in capsys.readouterr().out
    found = np.load(tmp_path / "f.npz")
    unknown = found["camera_names"] == "none"
    plain = extract(load_model(dgnet_file), found["paths"][unknown].tolist())
    want = torch.nn.functional.normalize(plain)
    np.testing.assert_allclose(found["features"][unknown], want, rtol=0, atol=1e-5)
