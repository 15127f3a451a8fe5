"""Pictures judged: each number against its metric called by hand, and what is said otherwise."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.data import load
from lookalike.data.evaluation_pairs import held_out_pairs
from lookalike.data.posemaps import pose_mask
from lookalike.errors import UserError
from lookalike.evaluation.features import extract
from lookalike.evaluation.pictures.masks import images_by_stem, people_asked, read_mask
from lookalike.evaluation.pictures.networks import JudgeNetworks, load_networks, pooled
from lookalike.evaluation.pictures.of_folders import Folders, folder_quality
from lookalike.evaluation.pictures.of_model import COPY, TARGET, PictureOptions, picture_quality
from lookalike.evaluation.pictures.scores import PictureScores
from lookalike.evaluation.pictures.text_table import COLUMNS, picture_table
from lookalike.generation.pictures import to_pixels
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.methods.pg2 import PG2
from lookalike.metrics import rank
from lookalike.metrics.images import (
    diversity_pairs,
    frechet_distance,
    inception_score,
    l1,
    lab_dssim,
    masked,
    psnr,
    ssim,
)
from lookalike.nets import resnet
from lookalike.nets.perceptual import Perceptual

SIZE = (64, 32)
PAIRED = ("SSIM", "mask-SSIM", "mask-SSIM-condition", "PSNR", "L1", "DSSIM")


class Graph(torch.nn.Module):
    """Stands in for the Inception: few features, quickly."""

    def forward(self, images):
        small = torch.nn.functional.adaptive_avg_pool2d(images.float(), (2, 1)).flatten(1)
        return small, small.sin() * 3


@pytest.fixture(scope="module")
def bench(rendered):
    return load("world", rendered)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return PG2(height=64, width=32, channels=4).model(5).eval()


@pytest.fixture(scope="module")
def swapper():
    torch.manual_seed(0)
    return DGNet.preset("code", backbone="resnet10", weights="none", stride_on="3x3", height=64,
                        width=48, structure_dim=2, mlp_dim=8).model(5).eval()  # fmt: skip


@pytest.fixture(scope="module")
def people(bench):
    return people_asked(bench, poses=True)


@pytest.fixture(scope="module")
def by_hand(model, people):
    """The pairs, and the pictures of each row, made one by one."""
    rows = held_out_pairs(people, 9, seed=3)
    files = [[Image.open(people.paths[r]).convert("RGB") for r in pair] for pair in rows]
    files = [[f.resize(SIZE[::-1], Image.Resampling.BICUBIC) for f in pair] for pair in files]
    images = torch.from_numpy(np.array([[np.asarray(f) for f in pair] for pair in files]))
    source, target = images.permute(1, 0, 4, 2, 3)
    joints = torch.from_numpy(people.poses[rows[:, 1]].at(*SIZE))
    made = model.repose_parts(source.float() / 255, joints)
    made = {k: torch.from_numpy(to_pixels(v)).permute(0, 3, 1, 2) for k, v in made.items()}
    masks = [pose_mask(torch.from_numpy(people.poses[side].at(*SIZE)), *SIZE) for side in rows.T]
    shown = {COPY: source, "coarse": made["coarse"], "pg2": made["refined"]}
    return rows, shown, target, masks


def test_pairs_are_scored_as_by_hand(model, bench, by_hand):
    found = picture_quality(model, bench, 9, seed=3, batch=4)
    _, shown, target, (own, other) = by_hand
    assert [row["pictures"] for row in found.rows] == list(shown)
    for row, made in zip(found.rows, shown.values(), strict=True):
        want = {
            "SSIM": ssim(made, target),
            "mask-SSIM": ssim(masked(made, other), masked(target, other)),
            "mask-SSIM-condition": ssim(masked(made, own), masked(target, own)),
            "PSNR": psnr(made, target),
            "L1": l1(made, target),
            "DSSIM": lab_dssim(made, target),
        }
        assert {k: row[k] for k in want} == pytest.approx({k: float(v.mean()) for k, v in
                                                           want.items()}, abs=1e-9)  # fmt: skip
        assert row["pairs"] == 9
        assert row["ssim"] == "pg2"
    assert found.rows[0]["mask-SSIM"] != found.rows[0]["mask-SSIM-condition"]
    assert found.rows[1]["L1"] != found.rows[2]["L1"]
    assert found.notes == []


def test_the_forms_of_ssim_reach_the_numbers(model, bench, by_hand):
    _, shown, target, _ = by_hand
    for variant in ("patn", "standard"):
        options = PictureOptions(variant=variant)
        row = picture_quality(model, bench, 9, seed=3, options=options).rows[-1]
        assert row["SSIM"] == pytest.approx(float(ssim(shown["pg2"], target, variant).mean()))
        assert row["ssim"] == variant


def test_a_seed_gives_the_pairs_and_a_file_too(model, bench, people, tmp_path):
    first, again, other = (picture_quality(model, bench, 9, seed=s).rows[0] for s in (3, 3, 4))
    assert first == again
    assert first["L1"] != other["L1"]
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        names = [(people.paths[a], people.paths[b]) for a, b in held_out_pairs(people, 9, 3)]
        csv.writer(file).writerows([("from", "to"), *names])
    assert picture_quality(model, bench, pairs=tmp_path / "pairs.csv").rows[0] == first


def test_there_may_be_fewer_pairs(model, bench, people):
    _, counts = np.unique(people.pids, return_counts=True)
    pairs = int((counts * (counts - 1)).sum())
    assert picture_quality(model, bench, 100_000, batch=64).rows[0]["pairs"] == pairs


def test_sets_are_judged_as_by_hand(model, bench, by_hand):
    torch.manual_seed(1)
    networks = JudgeNetworks(resnet=resnet(18).eval(), inception=Graph())
    rows, shown, target, _ = by_hand
    found = picture_quality(model, bench, 9, seed=3, networks=networks, batch=4)
    assert [row["pictures"] for row in found.rows] == [*shown, TARGET]
    _, once = np.unique(rows[:, 1], return_index=True)
    assert len(once) < 9  # some targets come twice, and count once
    made = shown["pg2"]
    row, real = found.rows[-2:]
    with torch.no_grad():
        features = [pooled(networks.resnet, x) for x in (made, target[once])]
    assert row["frechet-resnet50"] == pytest.approx(frechet_distance(*features), rel=1e-4)
    assert row["FID"] == pytest.approx(frechet_distance(Graph()(made)[0], Graph()(target[once])[0]))
    assert not set(PAIRED) & set(real)
    assert "FID" not in real
    assert found.notes == [
        f"frechet-resnet50: {len(once)} images are fewer than the 512 features need for a "
        "covariance of full rank; compare it only with as many images.",
        "IS: it needs 10 images or more, one for each of its splits.",
    ]
    assert "IS" not in row


def test_inception_scores_of_pictures_and_of_bodies(model, bench, people):
    rows = held_out_pairs(people, 12, seed=0)
    found = picture_quality(model, bench, 12, networks=JudgeNetworks(inception=Graph()), batch=5)
    for row, side in ((found.rows[0], 0), (found.rows[-1], 1)):
        files = [Image.open(people.paths[r]).convert("RGB") for r in rows[:, side]]
        images = [np.asarray(f.resize(SIZE[::-1], Image.Resampling.BICUBIC)) for f in files]
        images = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
        assert (row["IS"], row["IS-deviation"]) == pytest.approx(
            inception_score(Graph()(images)[1]), rel=1e-5
        )
        for end, of in (("", 1), ("-condition", 0)):
            mask = pose_mask(torch.from_numpy(people.poses[rows[:, of]].at(*SIZE)), *SIZE)
            want = inception_score(Graph()(masked(images, mask))[1])
            got = row[f"mask-IS{end}"], row[f"mask-IS{end}-deviation"]
            assert got == pytest.approx(want, rel=1e-5)


def test_who_is_recognised(model, bench, people):
    torch.manual_seed(0)
    reid = IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64,
               width=32).model(5).eval()  # fmt: skip
    found = picture_quality(model, bench, 9, seed=3, networks=JudgeNetworks(reid=reid))
    rows = held_out_pairs(people, 9, seed=3)
    gallery = bench.gallery
    features = extract(reid, gallery.paths)
    for row, side in ((found.rows[0], 0), (found.rows[-1], 1)):
        asked = people[rows[:, side]]  # the pictures' size is the re-ID model's
        want = rank(extract(reid, asked.paths), features, asked.pids, gallery.pids, asked.camids,
                    gallery.camids, protocol=bench.protocol).row()  # fmt: skip
        assert (row["rank1"], row["mAP"]) == pytest.approx((want["rank1"], want["mAP"]), abs=1e-6)
    assert {"rank1", "mAP"} <= set(found.rows[1])
    assert (row["protocol"], row["gallery"]) == (bench.protocol, len(gallery))
    query, seen = (dataclasses.replace(p, camids=0 * p.camids) for p in (bench.query, gallery))
    alone = dataclasses.replace(bench, query=query, gallery=seen)
    found = picture_quality(model, alone, 2, networks=JudgeNetworks(reid=reid))
    assert "rank1" not in found.rows[0]
    assert "SSIM" in found.rows[0]
    assert found.notes[0].startswith("No rank1 of 'copying the source'. All query identities do")
    with pytest.raises(UserError, match="pg2 makes pictures of people, but recognises nobody"):
        load_networks(torch.device("cpu"), reid=model)


def test_perceptual_distance(model, bench):
    torch.manual_seed(0)
    networks = JudgeNetworks(perceptual=Perceptual("alex"))
    small = PG2(height=32, width=16, channels=4, blocks=3).model(5).eval()
    with pytest.raises(UserError, match=r"LPIPS needs pictures of 31 pixels both ways.*not 32×16"):
        picture_quality(small, bench, 3, networks=networks)
    assert picture_quality(model, bench, 3, networks=networks).rows[-1]["LPIPS"] != 0
    made, target = torch.randint(0, 256, (2, 3, 3, 64, 64), dtype=torch.uint8)
    distance = networks.distance(made, target)
    assert distance.shape == (3,)
    assert (networks.distance(made, made) == 0).all()
    assert (distance.abs() > 1e-6).all()


def test_a_model_that_swaps_wears_the_condition_on_the_target(swapper, bench, people):
    found = picture_quality(swapper, bench, 6, seed=1)
    assert [row["pictures"] for row in found.rows] == [COPY, "dgnet"]
    rows = held_out_pairs(people, 6, 1)
    files = [[Image.open(people.paths[r]).convert("RGB").resize((48, 64), Image.Resampling.BICUBIC)
              for r in side] for side in rows.T]  # fmt: skip
    source, target = (torch.from_numpy(np.array([np.asarray(f) for f in side])).permute(0, 3, 1, 2)
                      for side in files)  # fmt: skip
    made = swapper.swap(appearance=source / 255, structure=target / 255)
    made = torch.from_numpy(to_pixels(made)).permute(0, 3, 1, 2)
    assert found.rows[-1]["DSSIM"] == pytest.approx(float(lab_dssim(made, target).mean()), abs=1e-5)


def test_diversity_is_of_one_persons_pictures(swapper, bench, people):
    found = picture_quality(swapper, bench, 8, options=PictureOptions(diversity=True))
    assert [row["pictures"] for row in found.rows] == [COPY, "dgnet", TARGET]
    rows = held_out_pairs(people, 8, 0)
    files = [Image.open(people.paths[r]).convert("RGB").resize((48, 64), Image.Resampling.BICUBIC)
             for r in rows[:, 1]]  # fmt: skip
    images = torch.from_numpy(np.array([np.asarray(f) for f in files])).permute(0, 3, 1, 2).float()
    large = torch.nn.functional.interpolate(images, (256, 128), mode="bicubic", antialias=True)
    drawn = diversity_pairs(people.pids[rows[:, 0]], seed=0)
    of = {(i, j): float(lab_dssim(large[i, None].clamp(0, 255), large[j, None].clamp(0, 255)))
          for i, j in {tuple(pair) for pair in drawn.tolist()}}  # fmt: skip
    want = np.mean([of[tuple(pair)] for pair in drawn.tolist()])
    assert found.rows[-1]["diversity"] == pytest.approx(want, abs=1e-9)


def test_masks_of_a_world_and_of_a_folder(model, bench, people, tmp_path):
    from lookalike.world.writer.annotations import truth_of

    truth = truth_of(people.paths)
    for path, mask in zip(people.paths, truth.masks, strict=True):
        Image.fromarray(255 * mask.astype(np.uint8)).save(tmp_path / f"{Path(path).stem}.png")
    kinds = ("pose", "truth", str(tmp_path), "none")
    pose, world, folder, none = (
        picture_quality(model, bench, 5, options=PictureOptions(masks=kind)).rows[-1]
        for kind in kinds
    )
    assert world == folder
    assert world["mask-SSIM"] != pose["mask-SSIM"]
    assert world["SSIM"] == pose["SSIM"] == none["SSIM"]
    assert "mask-SSIM" not in none
    for path in tmp_path.glob("*"):
        path.unlink()
    with pytest.raises(UserError, match="There are no images in the folder"):
        picture_quality(model, bench, 5, options=PictureOptions(masks=str(tmp_path)))
    Image.new("L", (4, 4)).save(tmp_path / "other.png")
    with pytest.raises(UserError, match="There is no mask of"):
        picture_quality(model, bench, 5, options=PictureOptions(masks=str(tmp_path)))


def test_intervals_hold_the_means(model, bench):
    found = picture_quality(model, bench, 12, options=PictureOptions(confidence=0.9))
    for row in found.rows:
        assert row["confidence"] == 0.9
        assert set(row["intervals"]) == set(PAIRED)
        for name, (low, high) in row["intervals"].items():
            assert low <= row[name] <= high
            assert low < high


def test_what_cant_be_judged(model, bench):
    reid = IDE(backbone="resnet10", weights="none", stride_on="3x3").model(5)
    with pytest.raises(UserError, match="ide makes no pictures"):
        picture_quality(reid, bench, 4)
    alone = dataclasses.replace(bench, query=bench.query[:1], gallery=bench.gallery[:0])
    with pytest.raises(UserError, match="No identity has two images"):
        picture_quality(model, alone, 4)


def test_a_model_that_swaps_does_without_poses(swapper, bench, tmp_path):
    people = bench.query
    for path in people.paths:
        Image.open(path).save(tmp_path / Path(path).name)
    split = dataclasses.replace(people, paths=[str(tmp_path / Path(p).name) for p in people.paths])
    strange = dataclasses.replace(
        bench, name="folder", root=tmp_path, train=split, query=split, gallery=split[:0],
        annotations={},
    )  # fmt: skip
    found = picture_quality(swapper, strange, 3)
    assert found.notes[0].startswith("No mask-SSIM. No poses of ")
    assert "mask-SSIM" not in found.rows[0]
    assert "SSIM" in found.rows[0]


@pytest.fixture(scope="module")
def saved(model, bench, tmp_path_factory):
    """The pictures of twelve pairs as files, and what was measured of them."""
    folder = tmp_path_factory.mktemp("saved")
    options = PictureOptions(masks="none")
    return folder, picture_quality(model, bench, 12, save=folder, options=options)


def test_saved_pictures_are_scored_alike_as_folders(saved, people, model, bench):
    folder, want = saved
    with pytest.raises(UserError, match=r"holds other files; choose another --save"):
        picture_quality(model, bench, 12, save=folder)
    assert sorted(p.name for p in folder.iterdir()) == ["coarse", "condition", "pairs.csv", "pg2",
                                                        "target"]  # fmt: skip
    found = folder_quality(Folders(*(str(folder / k) for k in ("pg2", "target", "condition"))))
    assert [row["pictures"] for row in found.rows] == [COPY, "generated"]
    for row, other in zip(found.rows, (want.rows[0], want.rows[-1]), strict=True):
        for name in ("SSIM", "PSNR", "L1", "DSSIM"):
            assert row[name] == pytest.approx(other[name], abs=1e-9)
    with (folder / "pairs.csv").open() as file:
        assert next(csv.reader(file)) == ["from", "to"]
        assert [tuple(p) for p in csv.reader(file)] == [
            (people.paths[a], people.paths[b]) for a, b in held_out_pairs(people, 12, 0)
        ]


def test_sets_of_folders_need_no_names(saved):
    folder, _ = saved
    torch.manual_seed(1)
    networks = JudgeNetworks(resnet=resnet(18).eval(), inception=Graph())
    folders = Folders(str(folder / "pg2"), str(folder / "target"))
    paired = folder_quality(folders, networks).rows[0]
    for k, path in enumerate(sorted((folder / "target").iterdir())):
        (folder / "renamed").mkdir(exist_ok=True)
        (folder / "renamed" / f"{k}.png").write_bytes(path.read_bytes())
    folders = Folders(str(folder / "pg2"), str(folder / "renamed"))
    with pytest.raises(UserError, match=r"24 images are in only one of .*the first is '0' in"):
        folder_quality(folders, networks)
    alone = folder_quality(folders, networks, sets=True).rows[0]
    for name in ("frechet-resnet50", "FID", "IS"):
        assert alone[name] == pytest.approx(paired[name], rel=1e-5)
    assert "SSIM" not in alone
    assert alone["images"] == 12


def test_folders_with_masks_and_people(saved, tmp_path):
    folder, _ = saved
    mask = np.zeros((64, 32), np.uint8)
    mask[10:50, 8:24] = 255
    for path in (folder / "pg2").iterdir():
        Image.fromarray(mask).save(tmp_path / path.name)
    folders = Folders(str(folder / "pg2"), str(folder / "target"), masks=str(tmp_path))
    options = PictureOptions(diversity=True, confidence=0.95)
    row = folder_quality(folders, options=options).rows[0]
    names = sorted(p.name for p in tmp_path.iterdir())
    made, target = (
        torch.from_numpy(np.array([np.asarray(Image.open(folder / k / n)) for n in names]))
        .permute(0, 3, 1, 2)
        for k in ("pg2", "target")
    )  # fmt: skip
    cut = torch.from_numpy(mask > 0).float().expand(12, 1, -1, -1)
    want = float(ssim(masked(made, cut), masked(target, cut)).mean())
    assert row["mask-SSIM"] == pytest.approx(want, abs=1e-9)
    assert row["intervals_over"] == "pairs"
    assert row["diversity"] is None  # the names begin with numbers: everybody has one picture


def test_diversity_of_a_folder_is_that_of_its_people(saved, tmp_path):
    folder, _ = saved
    files = sorted((folder / "target").iterdir())[:4]
    for k, path in enumerate(files):
        for name in (f"{k // 2:04d}/{k}.png", f"flat/{k // 2:04d}_c{k}.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(path.read_bytes())
    options = PictureOptions(diversity=True)
    flat = folder_quality(Folders(str(tmp_path / "flat")), options=options).rows
    for path in (tmp_path / "flat").iterdir():
        path.unlink()
    deep = folder_quality(Folders(str(tmp_path)), options=options).rows
    large = [torch.from_numpy(np.array(Image.open(f))).permute(2, 0, 1)[None] for f in files]
    resized = dict(size=(256, 128), mode="bicubic", antialias=True)
    large = [torch.nn.functional.interpolate(x.float(), **resized).clamp(0, 255) for x in large]
    want = (lab_dssim(large[0], large[1]) + lab_dssim(large[2], large[3])) / 2
    for (row,) in (flat, deep):
        assert row["diversity"] == pytest.approx(float(want))
        assert set(row) == {"pictures", "images", "ssim", "data", "diversity"}


def test_folders_that_dont_fit(saved, tmp_path):
    folder, _ = saved
    made, target = str(folder / "pg2"), str(folder / "target")
    with pytest.raises(UserError, match=r"There is nothing to measure: give --reference"):
        folder_quality(Folders(made))
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        folder_quality(Folders(made, str(tmp_path / "nowhere")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"There are no images in the folder .*empty"):
        folder_quality(Folders(str(tmp_path / "empty"), target))
    name = sorted(p.name for p in (folder / "pg2").iterdir())[0]
    (tmp_path / "large").mkdir()
    for path in (folder / "target").iterdir():
        size = (40, 70) if path.name == name else (32, 64)
        Image.open(path).resize(size).save(tmp_path / "large" / path.name)
    with pytest.raises(UserError, match=r"has 70×40 pixels \(height×width\), but .* has 64×32"):
        folder_quality(Folders(made, str(tmp_path / "large")))
    (tmp_path / "large" / name).write_bytes(b"no image")
    with pytest.raises(UserError, match=f"Can't read the image .*{name}"):
        folder_quality(Folders(made, str(tmp_path / "large")))


def test_the_table_fits_whatever_it_holds():
    row = {c.key: 123.456 if c.factor == 1 else 1.0 for c in COLUMNS}
    row |= {"IS-deviation": 0.25, "pictures": COPY, "pairs": 12_800, "ssim": "standard",
            "confidence": 0.95, "intervals_over": "identities",
            "protocol": "market1501", "gallery": 19_732,
            "intervals": dict.fromkeys((*PAIRED, "LPIPS"), (0.1, 0.9))}  # fmt: skip
    from lookalike.evaluation.pictures.scores import PictureQuality

    real = {"pictures": TARGET, "pairs": 12_800, "IS": 3.0, "IS-deviation": 0.1}
    text = picture_table(PictureQuality([row, real], ["a note " * 20], {}))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    for column in COLUMNS:
        assert f"{column.head} {'↑' if column.higher else '↓'}" in text
    assert "123.456 ±0.250" in text
    assert "3.000 ±0.100" in text
    assert "SSIM standard" in text
    assert "queries among 19,732 real gallery" in text
    assert sum(line.startswith("  from ") for line in lines) == 2  # the blocks that have intervals
    assert sum(line.startswith(TARGET) for line in lines) == 1


def test_a_pair_without_a_body_does_not_count_in_mask_ssim() -> None:
    torch.manual_seed(0)
    made, target = torch.randint(0, 256, (2, 3, 3, 16, 16), dtype=torch.uint8)
    mask = torch.zeros(3, 1, 16, 16)
    mask[1:, :, 4:12] = 1
    scores, rest = PictureScores(), PictureScores()
    scores.add(made, target, {"": mask})
    rest.add(made[1:], target[1:], {"": mask[1:]})
    assert scores.unmasked == 1
    assert scores.means()["mask-SSIM"] == pytest.approx(rest.means()["mask-SSIM"])
    low, high = scores.intervals(np.arange(3), 0.95)["mask-SSIM"]
    assert low <= scores.means()["mask-SSIM"] <= high
    nothing = PictureScores()
    nothing.add(made, target, {"": torch.zeros_like(mask)})
    assert "mask-SSIM" not in nothing.means()


def test_masks_of_zero_and_one_are_those_of_black_and_white(tmp_path: Path) -> None:
    mask = np.zeros((8, 6), np.uint8)
    mask[2:5] = 1
    for name, values in (("one", mask), ("white", 255 * mask), ("none", 0 * mask)):
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    one, white, none = (
        np.array(read_mask(tmp_path / f"{n}.png")) for n in ("one", "white", "none")
    )
    assert np.array_equal(one, white)
    assert not none.any()


def test_two_masks_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / folder / "0001.png")
    with pytest.raises(UserError, match="have one name: whose mask is it"):
        images_by_stem(tmp_path)


def test_diversity_of_pictures_of_several_sizes() -> None:
    scores = PictureScores(diversity=True)
    scores.add(torch.zeros(1, 3, 16, 16, dtype=torch.uint8))
    scores.add(torch.full((1, 3, 20, 12), 255, dtype=torch.uint8))
    assert scores.diversity(np.array([1, 1]), 0, 4) > 0.1  # black and white differ in L alone
