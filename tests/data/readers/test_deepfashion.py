import os
import re
from collections import defaultdict

import numpy as np
import pytest
from helpers.runs import TINY
from PIL import Image

from lookalike.cli import main
from lookalike.data import load
from lookalike.data.poses.with_poses import with_poses
from lookalike.data.readers.common import UNLISTED
from lookalike.errors import UserError
from lookalike.world.writer.annotations import truth_of

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
    assert bench.passed_over == {}
    other = tmp_path / inner / images / "MEN/Denim/id_00000080/07_1_front.jpg"
    other.touch()
    assert load("deepfashion", tmp_path).passed_over == {UNLISTED: [str(other)]}


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
                            "fashionWOMENTees_Tanksid0000000302_1front.jpg"],
        "filted_up_train_flip": ["fashionMENDenimid0000008001_1front.jpg"],
        "filted_up_test": ["fashionMENDenimid0000009901_2side.jpg",
                           "fashionMENDenimid0000009901_1front.jpg",
                           "fashionWOMENTees_Tanksid0000000702_1front.jpg"],
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
    assert bench.pid_names[4] == "fashionWOMENTees_Tanksid0000000702"
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


# --- Pose-Transfer's files, with rendered people in them


@pytest.fixture(scope="module")
def made(rendered, tmp_path_factory):
    """In-shop and fashion_data as Pose-Transfer's tools make them of rendered people: the folder;
    and, by the end of a flattened name, the joints of 256×256 pictures, 18×2."""
    root = tmp_path_factory.mktemp("made")
    splits = {"bounding_box_train": "train", "query": "query", "bounding_box_test": "gallery"}
    truth = truth_of(sorted(path for split in splits for path in (rendered / split).glob("*.jpg")))
    tables, pairs, joints, lines = defaultdict(list), defaultdict(list), {}, []
    counts: dict[tuple, int] = defaultdict(int)
    for path, pid, clothes, points in zip(
        truth.paths, truth.pids, truth.clothes, truth.keypoints2d, strict=True
    ):
        n = counts[pid, clothes] = counts[pid, clothes] + 1
        item, outfit, view = f"id_{pid:08d}", f"{clothes + 1:02d}", ("", "front", "side")[n]
        name = f"WOMEN/Tees_Tanks/{item}/{outfit}_{n}_{view}.jpg"
        flat = f"fashionWOMENTees_Tanks{item.replace('_', '')}{outfit}_{n}{view}.jpg"
        split = splits[os.path.basename(os.path.dirname(path))]
        lines.append(f"img/{name} {item} {split}")
        part = "train" if split == "train" else "test"
        crop = Image.open(path)
        for folder, height, width in (("img", 256, 256), ("img_highres", 1101, 750)):
            person = crop.resize((height // 2, height))
            whole = Image.new("RGB", (width, height), "white")
            whole.paste(person, ((width - person.width) // 2, 0))
            save(whole, root / "In-shop" / folder / name)
            if folder == "img":
                save(whole.crop((40, 0, 216, 256)), root / "fashion_data" / part / flat)
        xy = 2 * points[:, :2] + (64, 0)
        joints[flat] = xy
        inside = ((xy >= (64, 0)) & (xy < (192, 256))).all(1)
        xs, ys = (np.where(inside, xy[:, k].astype(int) - (40, 0)[k], -1).tolist() for k in (0, 1))
        tables[part].append(f"{flat}: {ys}: {xs}")
        if n == 2:
            first = flat.replace("_2side", "_1front")
            pairs[part] += [f"{first},{flat}", f"{flat},{first}"]
    (root / "In-shop" / "Eval").mkdir()
    list_file = root / "In-shop" / "Eval" / "list_eval_partition.txt"
    list_file.write_text(
        "\n".join([str(len(lines)), "image_name item_id evaluation_status", *lines])
    )
    for part in ("train", "test"):
        for kind, rows, head in (
            ("annotation", tables, "name:keypoints_y:keypoints_x"),
            ("pairs", pairs, "from,to"),
        ):
            file = root / "fashion_data" / f"fasion-resize-{kind}-{part}.csv"
            file.write_text("\n".join([head, *rows[part]]) + "\n")
    return root, joints


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def furthest(bench, joints):
    """How many images have joints, and the furthest from where it is, in pixels of 256 rows."""
    known, furthest = 0, 0.0
    for people in (bench.train, bench.query, bench.gallery):
        for path, pose, (height, width) in zip(
            people.paths, people.poses.joints, people.poses.sizes, strict=True
        ):
            end = "".join(re.findall(r"id_?(\d{8})/?(\d\d_\d)", path)[0])
            xy = next(xy for name, xy in joints.items() if f"id{end}" in name)
            at = pose[:, :2] * 256 / height - ((width * 256 / height - 256) / 2, 0)
            seen = pose[:, 2] > 0
            known += seen.sum() > 9
            furthest = max(furthest, float(np.abs(at - xy)[seen].max()))
    return known, furthest


@pytest.mark.parametrize("highres", [False, True])
def test_pose_transfers_poses_on_the_in_shop_benchmark(made, highres):
    root, joints = made
    data = f"deepfashion:{root}/In-shop?outfits=true&poses={root}/fashion_data"
    bench = with_poses(load(data + ("&highres=true" if highres else "")))
    assert (bench.train.poses.sizes == ((1101, 750) if highres else (256, 256))).all()
    known, off = furthest(bench, joints)
    assert known == 24
    assert off < 2
    train_alone = f"{root}/fashion_data/fasion-resize-annotation-train.csv"
    bench = with_poses(load("deepfashion", root / "In-shop", poses=train_alone))
    assert (bench.train.poses.known > 0).all()
    assert not bench.query.poses.known.any()


def test_pose_transfers_own_folders(made):
    root, joints = made
    bench = with_poses(load(f"deepfashion:{root}/fashion_data"))
    assert furthest(bench, joints)[0] == 24
    assert furthest(bench, joints)[1] < 2
    assert [len(p) for p in (bench.train, bench.query, bench.gallery)] == [12, 6, 6]
    assert bench.pid_names[1].startswith("fashionWOMENTees_Tanksid000000")
    assert len(bench.pid_names) == 12  # outfits


def test_flattened_pictures_of_all_256_columns(made, tmp_path):
    """Somebody's own copy without the cut: the frame is shifted there too."""
    root, joints = made
    for path in (root / "In-shop" / "img").rglob("*.jpg"):
        where = "".join(path.relative_to(root / "In-shop" / "img").parts)
        flat = "fashion" + where.replace("id_", "id").replace("1_front", "1front")
        save(Image.open(path), tmp_path / "train" / flat.replace("2_side", "2side"))
    bench = with_poses(load("deepfashion", tmp_path, poses=root / "fashion_data"))
    assert furthest(bench, joints)[0] == 24
    assert furthest(bench, joints)[1] < 2


def test_the_documented_commands(made, tmp_path, capsys):
    root, _ = made
    in_shop = f"deepfashion:{root}/In-shop?outfits=true&poses={root}/fashion_data"
    own = f"deepfashion:{root}/fashion_data"
    for data, out in ((in_shop, str(tmp_path / "a")), (own, str(tmp_path / "b"))):
        assert main(["data", "check", data]) == 0
        assert "images with a pose, of 24: 24" in capsys.readouterr().out
        assert main(["train", "pg2", "--data", data, "--out", out, *TINY["pg2"].split()]) == 0
    pairs = f"{root}/fashion_data/fasion-resize-pairs-test.csv"
    capsys.readouterr()
    quality = ["quality", out, "--data", own, "--pairs", pairs, "--weights", "none"]
    assert main(quality) == 0
    assert "12 pairs" in capsys.readouterr().out


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
    flat_folders = flat(tmp_path / "flat")
    with pytest.raises(UserError, match=r"Options highres and outfits .* for filted_up_train and"):
        load("deepfashion", flat_folders, outfits=True)
    (flat_folders / "filted_up_test" / "x.jpg").touch()
    with pytest.raises(UserError, match=r"x.jpg' isn't named as in 'fashionWOMEN.*': move it"):
        load("deepfashion", flat_folders)


def test_a_line_of_any_length_is_quoted_shortly(tmp_path):
    (tmp_path / "img").mkdir()
    (tmp_path / "list_eval_partition.txt").write_text("1\nhead\n" + "x" * 10**6)
    with pytest.raises(UserError, match=r"line 3: 'x*…' isn't like") as error:
        load("deepfashion", tmp_path)
    assert len(str(error.value)) < 500
