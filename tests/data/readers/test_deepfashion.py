import os

import numpy as np
import pytest

from lookalike.data import load
from lookalike.errors import UserError

LINES = """\
9
image_name item_id evaluation_status
img/WOMEN/Dresses/id_00000002/02_1_front.jpg                       id_00000002 train
img/WOMEN/Dresses/id_00000002/02_2_side.jpg                        id_00000002 train
img/WOMEN/Dresses/id_00000002/03_1_front.jpg                       id_00000002 train
img/MEN/Denim/id_00000080/01_1_front.jpg                           id_00000080 query
img/MEN/Denim/id_00000080/01_3_back.jpg                            id_00000080 gallery
img/MEN/Denim/id_00000080/02_1_front.jpg                           id_00000080 gallery
img/MEN/Denim/id_00000080/02_4_full.jpg                            id_00000080 query
img/WOMEN/Shorts/id_00000004/01_1_front.jpg                        id_00000004 gallery

"""


def in_shop(root, images=("img",), place="Eval"):
    (root / place).mkdir(parents=True, exist_ok=True)
    (root / place / "list_eval_partition.txt").write_text(LINES)
    for line in LINES.splitlines()[2:-1]:
        for folder in images:
            file = root / folder / line.split()[0].removeprefix("img/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return root


def exist(bench):
    splits = (bench.train, bench.query, bench.gallery)
    return all(os.path.isfile(path) for split in splits for path in split.paths)


@pytest.mark.parametrize("inner", ["", "In-shop Clothes Retrieval Benchmark"])
@pytest.mark.parametrize(("images", "place"), [("img", "Eval"), ("Img/img", "Eval"), ("img", "")])
def test_the_in_shop_benchmark(tmp_path, inner, images, place):
    in_shop(tmp_path / inner, [images], place)
    bench = load("deepfashion", tmp_path)
    assert bench.pid_names == {1: "id_00000002", 2: "id_00000004", 3: "id_00000080"}
    assert bench.train.pids.tolist() == [1, 1, 1]
    assert bench.query.pids.tolist() == [3, 3]
    assert bench.gallery.pids.tolist() == [3, 3, 2]
    assert bench.protocol == "market1501"
    assert exist(bench)
    assert bench.query.paths[0].endswith("img/MEN/Denim/id_00000080/01_1_front.jpg")


def test_no_protocol_leaves_out_more_than_the_image_itself(tmp_path):
    bench = load("deepfashion", in_shop(tmp_path))
    people = (bench.train, bench.query, bench.gallery)
    pids, cams = (np.concatenate([getattr(p, x) for p in people]) for x in ("pids", "camids"))
    assert len({*zip(pids.tolist(), cams.tolist(), strict=True)}) == len(pids)
    assert cams.min() == 0


def test_outfits_are_persons_of_their_own(tmp_path):
    bench = load(f"deepfashion:{in_shop(tmp_path)}?outfits=true")
    assert [bench.pid_names[pid] for pid in bench.train.pids] == [
        "id_00000002/02", "id_00000002/02", "id_00000002/03"]  # fmt: skip
    assert bench.query.pids.tolist() == [4, 5]
    assert bench.gallery.pids.tolist() == [4, 5, 3]


def test_high_resolution(tmp_path):
    in_shop(tmp_path, ["img", "Img/img_highres"])
    bench = load("deepfashion", tmp_path, highres=True)
    assert exist(bench)
    assert all(f"{os.sep}img_highres{os.sep}WOMEN" in path for path in bench.train.paths)


def flat(root):
    names = {
        "filted_up_train": ["fashionMENDenimid0000008001_1front.jpg",
                            "fashionMENDenimid0000008001_7additional.jpg",
                            "fashionWOMENTeesid0000000302_1front.jpg"],
        "filted_up_train_flip": ["fashionMENDenimid0000008001_1front.jpg"],
        "filted_up_test": ["fashionMENDenimid0000009901_2side.jpg",
                           "fashionMENDenimid0000009901_1front.jpg",
                           "fashionWOMENTeesid0000000702_1front.jpg"],
    }  # fmt: skip
    for folder, files in names.items():
        (root / folder).mkdir(parents=True)
        for file in files:
            (root / folder / file).touch()
    return root


def test_the_folders_of_pg2(tmp_path):
    bench = load("deepfashion", flat(tmp_path))
    assert bench.train.pids.tolist() == [1, 1, 3]
    assert bench.pid_names[1] == "fashionMENDenimid0000008001"
    assert [os.path.basename(p) for p in bench.query.paths] == [
        "fashionMENDenimid0000009901_1front.jpg"
    ]
    assert bench.gallery.pids.tolist() == [2, 4]  # the last has nobody to find
    assert bench.annotations == {}
    assert exist(bench)
    peaks = tmp_path / "PoseFiltered" / "all_peaks_dic_DeepFashion.p"
    peaks.parent.mkdir()
    peaks.touch()
    assert load("deepfashion", tmp_path).annotations == {"pose": peaks}


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(
        UserError, match=r"No DeepFashion at .* hold Eval.list_eval_partition.txt and"
    ):
        load("deepfashion", tmp_path)
    in_shop(tmp_path, ["images"])
    with pytest.raises(UserError, match=r"No folder .*img': unpack"):
        load("deepfashion", tmp_path)
    (tmp_path / "img").mkdir()
    with pytest.raises(UserError, match=r"No folder .*img_highres': unpack"):
        load("deepfashion", tmp_path, highres=True)
    for line in (
        "img/a.jpg id_1",
        "img/a.jpg id_1 test",
        "a.jpg id_1 train",
        "img/a b.jpg x train",
    ):
        (tmp_path / "Eval" / "list_eval_partition.txt").write_text(f"1\nhead\n{line}\n")
        with pytest.raises(UserError, match=rf"line 3: '{line}' isn't like 'img/WOMEN"):
            load("deepfashion", tmp_path)
    with pytest.raises(UserError, match="take no options highres and outfits"):
        load("deepfashion", flat(tmp_path / "flat"), outfits=True)
