"""Features of other people's programs: .npz, .npy with lists, .mat, .pt, distances, any names."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from scipy.io import savemat

from lookalike.errors import UserError
from lookalike.evaluation.evaluation import evaluate_features
from lookalike.evaluation.foreign_features import read_features
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.metrics import rank, rank_distances

RNG = np.random.default_rng(0)
Q, G = RNG.normal(size=(3, 4)).astype(np.float32), RNG.normal(size=(5, 4)).astype(np.float32)
Q_PIDS, G_PIDS = np.array([1, 2, 2]), np.array([-1, 0, 1, 2, 2])
Q_CAMS, G_CAMS = np.array([0, 0, 1]), np.array([2, 2, 1, 1, 0])
NAMES = [["0001_c1s1_1.jpg", "0002_c1s1_1.jpg", "0002_c2s1_1.jpg"],
         ["-1_c3s1_1.jpg", "0000_c3s1_1.jpg", "0001_c2s1_1.jpg", "0002_c2s1_2.jpg",
          "0002_c1s1_2.jpg"]]  # fmt: skip
TABLES = ["\n".join(["name,pid,camid", *(f"{n},{p},{c}" for n, p, c in zip(*rows, strict=True))])
          for rows in ((NAMES[0], Q_PIDS, Q_CAMS), (NAMES[1], G_PIDS, G_CAMS))]  # fmt: skip
TORCHREID = {"qf": torch.tensor(Q), "gf": torch.tensor(G), "q_pids": Q_PIDS, "g_pids": G_PIDS,
             "q_camids": Q_CAMS, "g_camids": G_CAMS}  # fmt: skip


def same(found, rtol=0.0):
    for got, want in zip((found.query, found.gallery), (Q, G), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol)
        assert got.dtype in (np.float32, np.float64)
    for got, want in zip(found.ids, (Q_PIDS, G_PIDS, Q_CAMS, G_CAMS), strict=True):
        assert np.array_equal(got, want)
        assert got.dtype == np.int64


def saved(path, value):
    torch.save(value, path)
    return path


def refused(sentence, files, **options):
    with pytest.raises(UserError, match=sentence) as caught:
        read_features(files, **options)
    assert "\n" not in str(caught.value)


def test_layumis_file(tmp_path):
    arrays = {}
    for side, f, pids, cams in (("query", Q, Q_PIDS, Q_CAMS), ("gallery", G, G_PIDS, G_CAMS)):
        arrays |= {f"{side}_f": f, f"{side}_label": pids.tolist(), f"{side}_cam": cams.tolist()}
    savemat(tmp_path / "pytorch_result.mat", arrays)
    same(read_features([tmp_path / "pytorch_result.mat"]))
    # as MATLAB writes them: doubles, in columns
    doubles = {k: v if k.endswith("f") else np.array(v, float)[:, None] for k, v in arrays.items()}
    savemat(tmp_path / "matlab.mat", doubles)
    same(read_features([tmp_path / "matlab.mat"]))
    multi = {k.replace("query", "mquery"): v for k, v in arrays.items() if "query" in k}
    savemat(tmp_path / "multi_query.mat", multi)
    same(read_features([tmp_path / "multi_query.mat", tmp_path / "pytorch_result.mat"]))


@pytest.mark.parametrize("change", [
    lambda d: d,
    lambda d: {k: torch.as_tensor(v) for k, v in d.items()},
    lambda d: {k: v if "f" in k else v.tolist() for k, v in d.items()},
    lambda d: {k: v if "f" in k else tuple(v) for k, v in d.items()},  # numpy's scalars
    lambda d: {"query": {k[2:] if k[1] == "_" else "feats": v for k, v in d.items() if k[0] == "q"},
               "gallery": {k[2:] if k[1] == "_" else "feats": v for k, v in d.items()
                           if k[0] == "g"}},
])  # fmt: skip
@pytest.mark.parametrize("legacy", [False, True])
def test_torchreids_names(tmp_path, change, legacy):
    file = tmp_path / "dump.pth"
    torch.save(change(TORCHREID), file, _use_new_zipfile_serialization=not legacy)
    same(read_features([file]))
    file.rename(tmp_path / "dump.pt")
    same(read_features([tmp_path / "dump.pt"]))


def test_torchreids_sides_in_two_files(tmp_path):
    files = [saved(tmp_path / f"{side}_feat.pth", {k: v for k, v in TORCHREID.items()
                                                   if k[0] == side}) for side in "qg"]  # fmt: skip
    same(read_features(files))


def test_fastreids_predictions(tmp_path):
    feats = torch.cat([torch.tensor(Q), torch.tensor(G)])
    pids, cams = (torch.tensor(np.concatenate(x)) for x in ((Q_PIDS, G_PIDS), (Q_CAMS, G_CAMS)))
    batches = [{"feats": feats[i : i + 3], "pids": pids[i : i + 3], "camids": cams[i : i + 3]}
               for i in (0, 3, 6)]  # fmt: skip
    file = saved(tmp_path / "predictions.pth", batches)
    same(read_features([file], queries=3))
    same(read_features([saved(tmp_path / "n.pth", {"num_query": 3, "feats": feats, "pids": pids,
                                                   "camids": cams})]))  # fmt: skip
    one_by_one = {"feats": list(feats), "pids": pids.tolist(), "camids": cams.tolist()}
    same(read_features([saved(tmp_path / "list.pth", one_by_one)], queries=3))
    refused(r"no array 'query_features'; it has feats, pids, camids \(--queries N", [file])
    refused("9 of the 8 rows", [file], queries=9)


@pytest.mark.parametrize("kind", [np.float16, torch.float16, torch.bfloat16])
def test_half_precision(tmp_path, kind):
    if kind is np.float16:
        file = tmp_path / "half.npz"
        arrays = {k: np.asarray(v) for k, v in TORCHREID.items()}
        np.savez(file, **{k: v.astype(kind) if "f" in k else v for k, v in arrays.items()})
    else:
        half = {k: v.to(kind) if "f" in k else v for k, v in TORCHREID.items()}
        file = saved(tmp_path / "half.pt", half)
    same(read_features([file]), rtol=0.01)


def test_one_array_and_lists(tmp_path):
    files, lists = [], []
    for side, feats, names, table in zip("qg", (Q, G), NAMES, TABLES, strict=True):
        files.append(tmp_path / f"{side}.npy")
        np.save(files[-1], feats)
        lists.append(tmp_path / f"{side}.txt")
        lists[-1].write_text("\n".join(names) + "\n")
        (tmp_path / f"{side}.csv").write_text(table, encoding="utf-16")
        (tmp_path / f"{side}.tsv").write_text(table.replace(",", "\t"))
    same(read_features(files, lists=lists))
    for suffix in ("csv", "tsv"):
        same(read_features(files, lists=[tmp_path / f"{side}.{suffix}" for side in "qg"]))
    np.save(tmp_path / "both.npy", np.concatenate([Q, G]))
    (tmp_path / "both.txt").write_text("\n".join(NAMES[0] + NAMES[1]))
    same(read_features([tmp_path / "both.npy"], lists=[tmp_path / "both.txt"], queries=3))
    np.save(tmp_path / "ids.npy", np.stack([G_PIDS, G_CAMS], 1))
    same(read_features(files, lists=[lists[0], tmp_path / "ids.npy"]))
    refused("is one array without a name: say who is on its rows with --lists", files[:1])
    refused("Give a list for each", files, lists=lists[:1])
    refused("pids of the list must be 3 whole numbers", files, lists=lists[::-1])
    refused("--queries how many", files[:1], lists=lists[:1])


def test_lists_that_are_none(tmp_path):
    np.save(tmp_path / "q.npy", Q)
    bad = tmp_path / "bad.csv"
    for text, sentence in (
        (
            "a.jpg\nb.jpg\nc.jpg\n",
            "neither a head with pid and camid nor names .* row 1 is 'a.jpg'",
        ),
        ("pid,camid\n1,1\n1,x\n1,1\n", "has 'x' for camids in row 2 below the head"),
        ("pid,label,camid\n1,1,1\n", "two columns for pids"),
        ("", "no array 'pids'|whole numbers"),
        (f"{10**30}_c1s1.jpg\n" * 3, "neither a head with pid and camid nor names"),
        ("x" * 10**5, "row 1 is 'x{80}…'"),
    ):
        bad.write_text(text)
        refused(sentence, [tmp_path / "q.npy"] * 2, lists=[bad, bad])
    bad.write_text("name,pid,camid\n店.jpg,1,1\n" * 1, encoding="gbk")
    refused("bad.csv' isn't UTF-8 in line 2: name its encoding, which may be gbk",
            [tmp_path / "q.npy"] * 2, lists=[bad, bad])  # fmt: skip
    refused("There is no encoding 'gkb'", [tmp_path / "q.npy"] * 2, lists=[bad], encoding="gkb")


def test_any_names_by_keys(tmp_path):
    arrays = {"embs_a": Q, "embs_b": G, "who_a": Q_PIDS, "who_b": G_PIDS, "seen_a": Q_CAMS,
              "seen_b": G_CAMS}  # fmt: skip
    np.savez(tmp_path / "f.npz", **arrays)
    ours = {"embs": "features", "who": "pids", "seen": "camids"}
    keys = [f"{'query' if name[-1] == 'a' else 'gallery'}_{ours[name[:-2]]}={name}"
            for name in arrays]  # fmt: skip
    same(read_features([tmp_path / "f.npz"], keys))
    refused("has no array 'query_features'; it has embs_a, embs_b", [tmp_path / "f.npz"])
    refused("has no array 'nothing'; it has embs_a", [tmp_path / "f.npz"],
            keys=["query_features=nothing"])  # fmt: skip
    refused("isn't OURS=THEIRS", [tmp_path / "f.npz"], keys=["embs"])
    refused("did you mean 'pids'", [tmp_path / "f.npz"], keys=["pid=who"])
    np.savez(tmp_path / "two.npz", query_feats=Q, query_f=Q, **arrays)
    refused("has query_feats and query_f, each of which may be query_features: choose with --keys",
            [tmp_path / "two.npz"])  # fmt: skip


def test_distances_are_ranked_as_they_are(tmp_path):
    dist = np.linalg.norm(Q[:, None] - G[None], axis=2)
    ids = Q_PIDS, G_PIDS, Q_CAMS, G_CAMS
    want = rank_distances(dist, *ids)
    assert want.row() == rank(Q, G, *ids, metric="euclidean").row()
    with_ids = {k: v for k, v in TORCHREID.items() if "_" in k} | {"distmat": dist}
    files = [saved(tmp_path / "d.pth", with_ids), tmp_path / "d.npy"]
    np.save(files[1], dist)
    for side, table in zip("qg", TABLES, strict=True):
        (tmp_path / f"{side}.csv").write_text(table)
    lists = [tmp_path / "q.csv", tmp_path / "g.csv"]
    for file, given in ((files[0], ()), (files[1], lists)):
        row = evaluate_features([file], lists=given).rows[0]
        assert {key: row[key] for key in want.row()} == want.row()
        assert (row["metric"], row["queries"], row["gallery"]) == ("given", 3, 5)
    both = saved(tmp_path / "both.pth", TORCHREID | {"distmat": -dist})
    same(read_features([both]))  # features, unless it is asked for the distances
    assert read_features([both], ["distances=distmat"]).distances[0, 0] == -dist[0, 0]
    for options in ({"options": EvaluationOptions(rates=True)}, {"protocol": "open-reid"}):
        with pytest.raises(UserError, match="need"):
            evaluate_features([files[0]], **options)
    np.save(files[1], dist[:, :4])
    refused("must be numbers of 3 queries × 5 gallery images, not float", files[1:], lists=lists)


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_nothing_is_run(tmp_path, capsys):
    for legacy in (False, True):
        torch.save({"qf": Evil()}, tmp_path / "e.pt", _use_new_zipfile_serialization=not legacy)
        refused("so it isn't read|can't be read", [tmp_path / "e.pt"])
    (tmp_path / "p.pt").write_bytes(pickle.dumps(Evil()))
    refused("so it isn't read|can't be read", [tmp_path / "p.pt"])
    np.savez(tmp_path / "o.npz", query_features=np.array([Evil()], object))
    refused("can't be read|no array", [tmp_path / "o.npz"])
    assert "run" not in capsys.readouterr().out


def test_a_bomb_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.reading.LARGE", 1 << 20)
    with (
        zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as file,
        file.open("query_features.npy", "w", force_zip64=True) as member,
    ):
        head = io.BytesIO()
        shape = {"descr": "<f4", "fortran_order": False, "shape": (2**20, 1)}
        np.lib.format.write_array_header_1_0(head, shape)
        member.write(head.getvalue())
        for _ in range(4):
            member.write(bytes(2**20))
    refused("GiB of hardly anything", [tmp_path / "b.npz"])


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"MATLAB 5.0 x", b"\x89HDF\r\n", b"\x93NUMPY",
                                     b"\x80\2}q\0."])  # fmt: skip
@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat", ".pt"])
def test_damage_is_one_sentence(tmp_path, content, suffix):
    file = tmp_path / f"f{suffix}"
    file.write_bytes(content)
    refused("can't be read|7.3|without a name|has no array", [file])


def test_one_name_of_two_images_is_not_one_image(tmp_path):
    """Base names of two cameras: with another feature it is another image."""
    names = np.array(["1.jpg", "2.jpg", "1.jpg", "2.jpg"])
    pids, q_cams = np.array([1, 2, 3, 4]), np.zeros(4, int)
    feats = RNG.normal(size=(4, 8))
    copy = feats[1] * (1 + 1e-6)  # as another batch rounds it
    gallery = np.concatenate([RNG.normal(size=(4, 8)), copy[None]])
    np.savez(tmp_path / "q.npz", features=feats, pids=pids, camids=q_cams, paths=names)
    np.savez(tmp_path / "g.npz", features=gallery, pids=[1, 2, 3, 4, 2], camids=[1, 1, 1, 1, 1],
             paths=np.append(names, "2.jpg"))  # fmt: skip
    files = [tmp_path / "q.npz", tmp_path / "g.npz"]
    assert read_features(files).twins.tolist() == [-1, -1, -1, -1, 1]
    found = evaluate_features(files)
    twins = np.array([-1, -1, -1, -1, 1])
    ids = pids, np.array([1, 2, 3, 4, 2]), q_cams, np.ones(5, int)
    want = rank(feats, gallery, *ids, twins=twins)
    assert found.rows[0]["mAP"] == pytest.approx(want.mAP)
    assert found.notes["market1501"] == (
        "1 gallery image is a query too, as of another camera: left out where it would find itself."
    )


def test_clothes_are_read(tmp_path):
    arrays = {k: np.asarray(v) for k, v in TORCHREID.items()}
    worn = {
        "q_clothes": np.array(["a", "b", "c"]),
        "g_clothes": np.array(["x", "x", "a", "c", "b"]),
    }
    np.savez(tmp_path / "f.npz", **arrays, **worn)
    found = read_features([tmp_path / "f.npz"]).clothes
    assert (found[0][0] == found[1][2]) & (found[0][1] == found[1][4])
    rows = {p: evaluate_features([tmp_path / "f.npz"], p) for p in ("same-clothes", "market1501")}
    assert rows["same-clothes"].rows[0]["mAP"] != rows["market1501"].rows[0]["mAP"]
    assert not rows["same-clothes"].notes


def test_paths_in_bytes_are_paths(tmp_path):
    ids = {"features": Q, "pids": Q_PIDS, "camids": Q_CAMS}
    np.savez(tmp_path / "q.npz", paths=np.array([b"\xc3\xbc.jpg", b"b", b"c"]), **ids)
    again = {**ids, "features": Q[[2, 0, 2]], "camids": Q_CAMS + 5}
    np.savez(tmp_path / "g.npz", paths=np.array(["x", "ü.jpg", "c"]), **again)
    found = read_features([tmp_path / "q.npz", tmp_path / "g.npz"])
    assert found.twins.tolist() == [-1, 0, 2]


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("paths", np.array(["a", "b", "c"], object), "'paths' in .* holds pickled objects"),
        ("pids", Q_PIDS.astype(object), "'pids' in .* holds pickled objects"),
        ("paths", np.array(["a", "b"]), r"'paths' in .* must be 3 texts .*, not <U1 of \(2,\)"),
        ("clothes", np.array([0.5, 1, 2]), "'clothes' in .* must be 3 texts or whole numbers"),
    ],
)
def test_what_a_column_should_be_and_is_not_is_told(tmp_path, name, values, sentence):
    side = {"features": Q, "pids": Q_PIDS, "camids": Q_CAMS}
    np.savez(tmp_path / "q.npz", **{**side, name: values})
    np.savez(tmp_path / "g.npz", **side)
    refused(sentence, [tmp_path / "q.npz", tmp_path / "g.npz"])


def test_one_text_beside_the_features_is_no_column(tmp_path):
    side = {"features": Q, "pids": Q_PIDS, "camids": Q_CAMS, "name": "resnet50"}
    np.savez(tmp_path / "q.npz", **side)
    assert read_features([tmp_path / "q.npz"] * 2).twins is None


@pytest.mark.parametrize("what", ["person_names", "camera_names"])
def test_names_of_one_side_alone_say_nothing_of_the_other(tmp_path, what):
    side = {"features": Q, "pids": Q_PIDS, "camids": Q_CAMS}
    np.savez(tmp_path / "q.npz", **{**side, what: np.array(["0007", "0009", "0009"])})
    np.savez(tmp_path / "g.npz", **side)
    refused(f"One side alone has {what}", [tmp_path / "q.npz", tmp_path / "g.npz"])


def test_a_number_is_one_name_in_both_files(tmp_path):
    numbers = {"pids": np.array([1, 2, 2]), "camids": Q_CAMS, "camera_names": ["1", "1", "2"]}
    np.savez(tmp_path / "q.npz", features=Q, person_names=["0003", "0010", "0010"], **numbers)
    np.savez(tmp_path / "g.npz", features=Q, person_names=["10", "3", "3.0"], **numbers)
    found = read_features([tmp_path / "q.npz", tmp_path / "g.npz"])
    assert found.gallery_pids.tolist() == [*found.query_pids[[1, 0, 0]]]


def test_whole_numbers_of_a_spreadsheet(tmp_path):
    np.save(tmp_path / "q.npy", Q)
    np.save(tmp_path / "g.npy", G)
    for table, name in zip(TABLES, "qg", strict=True):
        head, *rows = table.split("\n")
        rows = [";".join([*row.split(",")[:2], row.split(",")[2] + ".0"]) for row in rows]
        text = "\r\n".join(["sep=;", head.replace(",", ";"), *rows, ";;"])
        (tmp_path / f"{name}.csv").write_text(text, "utf-16")
    same(read_features([tmp_path / "q.npy", tmp_path / "g.npy"],
                       lists=[tmp_path / "q.csv", tmp_path / "g.csv"]))  # fmt: skip
