"""The tables of the body and its rest shapes."""

import numpy as np
import pytest
import torch

from lookalike.world.bodies.body import (
    FOOT,
    HAND,
    HEAD,
    HIP,
    LOWER_ARM,
    MEAN,
    NECK,
    SHIN,
    THIGH,
    TORSO,
    UPPER_ARM,
    body,
)

R_SHOULDER, R_ELBOW, R_WRIST, L_SHOULDER, L_WRIST = 2, 3, 4, 5, 7
R_HIP, R_KNEE, R_ANKLE, L_HIP = 8, 9, 10, 11


def joints(vertices):
    return body().joints @ vertices


def test_tables_have_one_size():
    b = body()
    count, bones = len(b.canonical), len(b.bones)
    assert b.faces.shape[1] == b.canonical.shape[1] == 3
    assert set(np.unique(b.faces)) <= set(range(count))
    assert b.arm.shape == b.is_arm.shape == b.part.shape == (count,)
    assert b.laplacian.shape == (count, count)
    assert b.skin_bones.shape == b.skin_weights.shape == (count, 8)
    assert b.skin_bones.min() >= 0
    assert b.skin_bones.max() < bones
    assert len(b.parents) == len(b.mean_heads) == bones
    assert b.joints.shape == (18, count)
    assert [b.faces.dtype, b.part.dtype, b.skin_bones.dtype] == [np.int32] * 3
    assert [b.canonical.dtype, b.skin_weights.dtype, b.laplacian.dtype] == [np.float32] * 3
    assert b.bones[b.bone("wrist.L")] == "wrist.L"
    assert body() is b


def test_bones_come_parents_first():
    assert body().parents[0] == -1
    assert all(0 <= parent < bone for bone, parent in enumerate(body().parents[1:], 1))
    names = {b.split(".")[0].rstrip("0123456789") for b in body().bones}
    assert not names & {"finger", "metacarpal", "toe", "eye"}  # too small to move on their own


def test_skin_weights_are_shares_with_zeros_last():
    weights = body().skin_weights
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert (np.diff(weights, axis=1) <= 0).all()


def test_the_person_stands_upright_and_looks_to_minus_y():
    b = body()
    foot, head = b.canonical[b.part == FOOT], b.canonical[b.part == HEAD]
    assert foot[:, 2].max() < head[:, 2].min()
    nose, ear = joints(b.canonical)[[0, 16]]
    assert nose[1] < ear[1] - 0.05
    assert b.mean_heads[b.bone("wrist.L"), 0] > 0.3  # the person's left


@pytest.mark.parametrize(
    ("landmark", "z", "height"),
    [("sole", -0.818, lambda c: c[:, 2].min()), ("top", 1.02, lambda c: c[:, 2].max())],
)
def test_canonical_coordinates_are_those_that_garments_are_cut_by(landmark, z, height):
    assert height(body().canonical) == pytest.approx(z, abs=0.005), landmark


def test_joints_of_the_limbs_are_where_canonical_coordinates_say():
    b = body()
    at = {name: b.mean_heads[b.bone(f"{name}.L"), 2] for name in ("upperleg01", "lowerleg01")}
    assert at["upperleg01"] == pytest.approx(0.158, abs=0.005)
    assert at["lowerleg01"] == pytest.approx(-0.286, abs=0.005)


def test_every_part_is_there_on_both_sides():
    b = body()
    left, right = b.canonical[:, 0] > 1e-4, b.canonical[:, 0] < -1e-4
    for part in (TORSO, HIP, THIGH, SHIN, FOOT, UPPER_ARM, LOWER_ARM, HAND, NECK, HEAD):
        here = b.part == part
        assert (here & left).sum() > 20, part
        assert (here & left).sum() == pytest.approx((here & right).sum(), rel=0.05), part
    assert ((b.is_arm == 1) == np.isin(b.part, (UPPER_ARM, LOWER_ARM, HAND))).all()


def test_the_arm_coordinate_runs_from_shoulder_to_wrist():
    b = body()
    for side in "LR":
        for bone, value in (("upperarm01", 0), ("lowerarm01", 0.5), ("wrist", 1)):
            joint = b.mean_heads[b.bone(f"{bone}.{side}")]
            near = (np.linalg.norm(b.canonical - joint, axis=1) < 0.06) & (b.is_arm == 1)
            assert b.arm[near].mean() == pytest.approx(value, abs=0.12), (bone, side)
    assert (b.arm[np.isin(b.part, (THIGH, SHIN, FOOT, HEAD))] == -1).all()
    assert b.arm.max() > 1.1  # fingers


def test_the_laplacian_averages_neighbours():
    b = body()
    np.testing.assert_allclose(b.laplacian @ np.ones(len(b.canonical)), 1, atol=1e-6)
    v = 5000
    neighbours = set(b.faces[(b.faces == v).any(1)].ravel()) - {v}
    literal = b.canonical[sorted(neighbours)].mean(0)
    np.testing.assert_allclose((b.laplacian @ b.canonical)[v], literal, atol=1e-6)


def test_joints_come_in_openposes_order():
    at = joints(body().canonical)
    assert (at[[2, 3, 4, 8, 9, 10, 14, 16], 0] < 0).all()  # the person's right
    assert (at[[5, 6, 7, 11, 12, 13, 15, 17], 0] > 0).all()
    limb = at[[R_SHOULDER, R_HIP, R_KNEE, R_ANKLE], 2]
    assert (np.diff(limb) < -0.3).all()
    np.testing.assert_allclose(at[1], (at[R_SHOULDER] + at[L_SHOULDER]) / 2, atol=1e-9)
    np.testing.assert_allclose(np.asarray(body().joints.sum(1)), 1, atol=1e-3)


def test_joints_have_openposes_proportions():
    """Of real crops' OpenPose skeletons seen from the front: hips .62 of the shoulders, the knee
    .51 of the way from hip to ankle (medians of 10,238)."""
    at = joints(body().rest(dict(gender=0.4, height=0.34, proportions=0.62))[0])
    hips, shoulders = (at[left, 0] - at[right, 0] for left, right in ((11, 8), (5, 2)))
    assert hips / shoulders == pytest.approx(0.62, abs=0.06)
    assert (at[R_HIP] - at[R_KNEE])[2] / (at[R_HIP] - at[R_ANKLE])[2] == pytest.approx(
        0.5, abs=0.03
    )


@pytest.mark.parametrize(("gender", "height"), [(0.1, 0.34), (0.9, 0.36), (0.5, 0.2)])
def test_the_height_slider_is_linear(gender, height):
    vertices, _ = body().rest(dict(gender=gender, age=0.68, height=height))
    tall = np.ptp(vertices[:, 2])
    assert tall == pytest.approx(1.364 + 1.09 * height - 0.14 * gender, abs=0.04)


def test_a_rest_shape_depends_on_its_phenotype_alone():
    b, before = body(), torch.get_num_threads()
    first = b.rest(MEAN)
    other = b.rest(dict(MEAN, weight=0.9))
    torch.set_num_threads(2)
    try:
        again = b.rest(MEAN)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    assert np.array_equal(first[0], b.canonical)
    assert np.abs(other[0] - first[0]).max() > 0.01


def test_hands_are_half_closed_and_in_line_with_the_forearm():
    b = body()
    vertices, heads = b.rest(dict(gender=0.3, height=0.4))
    for side, sign in (("L", 1), ("R", -1)):
        wrist, elbow = heads[b.bone(f"wrist.{side}")], heads[b.bone(f"lowerarm01.{side}")]
        hand = vertices[(b.part == HAND) & (b.canonical[:, 0] * sign > 0)] - wrist
        along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        middle = hand.mean(0)
        assert middle @ along / np.linalg.norm(middle) > 0.9
        assert (hand @ along).max() < 0.14  # open it would reach .17


def test_a_cut_off_cache_is_made_anew_and_nothing_else_is_touched(tmp_path, monkeypatch):
    import anny
    from safetensors import SafetensorError

    from lookalike.world.bodies import body as module

    cut, own = tmp_path / "v14" / "load_data.safetensors", tmp_path / "photos" / "mine.safetensors"
    for file in (cut, own):
        file.parent.mkdir()
        file.write_bytes(b"half")

    def model():
        if cut.exists():
            raise SafetensorError("incomplete")
        return "a model"

    monkeypatch.setattr(anny.paths, "_ANNY_CACHE_DIR", [tmp_path])
    monkeypatch.setattr(anny, "Anny", model)
    assert module._model() == "a model"
    assert own.read_bytes() == b"half"
