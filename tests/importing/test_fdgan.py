"""Importing the authors' FD-GAN: the same numbers as their networks, and a sentence for every flaw.

The files are of PyTorch 0.3.1: saved from a DataParallel wrapper, without step counters. G is
small and for crops of 64×32, so that only E and Di, whose sizes are fixed, are large.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from lookalike.data.transforms import PIXEL_NORMS
from lookalike.errors import UserError
from lookalike.importing import import_model
from lookalike.importing.fdgan.entries import LAYOUTS
from lookalike.importing.renaming import rename
from lookalike.methods.fdgan import FDGAN, FDGANModel
from lookalike.methods.model_file import load_model
from lookalike.nets import backbone, resnet
from lookalike.nets.fdgan import IdentityDiscriminator, PoseDiscriminator

H, W = 64, 32
# 2048 + 6 + 10 channels. Where their number is no multiple of 16, torch 2.13's transposed
# convolution of a map of one pixel reads what nobody wrote (MALLOC_PERTURB_=255 shows it).
NOISE = 10
NORM = PIXEL_NORMS["imagenet"]
MEAN, STD = (torch.tensor(v).view(3, 1, 1) for v in (NORM.mean, NORM.std))
Shapes = dict[str, tuple[int, ...]]
State = dict[str, Tensor]


# ---- the authors' files, written out -----------------------------------------------------------


def norm(name: str, channels: int) -> Shapes:
    return {f"{name}.{part}": (channels,)
            for part in ("weight", "bias", "running_mean", "running_var")}  # fmt: skip


def encoder_shapes(outputs: int) -> Shapes:
    """E (2 outputs) and Di (1): torchvision's ResNet-50 with its classifier, and the verifier."""
    base = "base_model.base"
    found: Shapes = {f"{base}.conv1.weight": (64, 3, 7, 7), **norm(f"{base}.bn1", 64)}
    into = 64
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
        for block in range(blocks):
            name = f"{base}.layer{stage}.{block}"
            sizes = ((into, width, 1), (width, width, 3), (width, 4 * width, 1))
            for k, (a, b, kernel) in enumerate(sizes, 1):
                found[f"{name}.conv{k}.weight"] = (b, a, kernel, kernel)
                found |= norm(f"{name}.bn{k}", b)
            if block == 0:
                found[f"{name}.downsample.0.weight"] = (4 * width, into, 1, 1)
                found |= norm(f"{name}.downsample.1", 4 * width)
            into = 4 * width
    found |= {f"{base}.fc.weight": (1000, 2048), f"{base}.fc.bias": (1000,)}
    found |= norm("embed_model.bn", 2048)
    found |= {"embed_model.classifier.weight": (outputs, 2048),
              "embed_model.classifier.bias": (outputs,)}  # fmt: skip
    return found


def generator_shapes(dim: int, pose: int, noise: int, bottleneck: tuple[int, int]) -> Shapes:
    found: Shapes = {"en_conv1.weight": (dim, 18, 4, 4)}
    widths = [dim, 2 * dim, 4 * dim, 8 * dim, 8 * dim]
    for k in (2, 3, 4, 5):
        found[f"en_conv{k}.1.weight"] = (widths[k - 1], widths[k - 2], 4, 4)
        found |= norm(f"en_conv{k}.2", widths[k - 1])
    found["en_avg.1.weight"] = (pose, 8 * dim, *bottleneck)
    found |= norm("en_avg.2", pose)
    found["de_avg.1.weight"] = (2048 + pose + noise, 8 * dim, *bottleneck)
    found |= norm("de_avg.2", 8 * dim)
    for k in (5, 4, 3, 2):
        found[f"de_conv{k}.1.weight"] = (widths[k - 1], widths[k - 2], 4, 4)
        found |= norm(f"de_conv{k}.2", widths[k - 2])
    return {**found, "de_conv1.1.weight": (dim, 3, 4, 4)}


def pose_shapes(dim: int) -> Shapes:
    found: Shapes = {"model.0.weight": (dim, 21, 4, 4), "model.0.bias": (dim,)}
    for k, (a, b) in zip((2, 5, 8), ((1, 2), (2, 4), (4, 8)), strict=True):
        found[f"model.{k}.weight"] = (b * dim, a * dim, 4, 4)
        found |= norm(f"model.{k + 1}", b * dim)
    return {**found, "model.11.weight": (1, 8 * dim, 4, 4), "model.11.bias": (1,)}


FULL = {"E": encoder_shapes(2), "G": generator_shapes(64, 128, 256, (8, 4)),
        "Di": encoder_shapes(1), "Dp": pose_shapes(64)}  # fmt: skip
SMALL = {**FULL, "G": generator_shapes(4, 6, NOISE, (H // 32, W // 32)), "Dp": pose_shapes(8)}


def drawn(shapes: Shapes, seed: int) -> State:
    draw = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        value = torch.rand(shape, generator=draw)
        if len(shape) > 1:
            fan = value[0].numel() if "de_" not in name else 4 * shape[0]
            value = (value - 0.5) * 2 * (3 / fan) ** 0.5
        state[name] = value + 0.5 if name.endswith("running_var") else value
    return state


def hollow(shapes: Shapes) -> State:
    """Zeros of those shapes that take no room."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


def save(state: dict[str, Any], path: Path, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wrapped: Any = {f"module.{name}": value for name, value in state.items()}
    if more or path.suffix == ".tar":
        wrapped = {"state_dict": wrapped, **more}
    torch.save(wrapped, path, _use_new_zipfile_serialization=False)
    return path


def test_the_files_have_the_released_numbers_of_entries() -> None:
    assert {kind: len(shapes) for kind, shapes in FULL.items()} == {
        "E": 273, "G": 52, "Di": 273, "Dp": 19}  # fmt: skip
    numbers = {
        kind: sum(torch.Size(s).numel() for n, s in shapes.items() if "running" not in n)
        for kind, shapes in FULL.items()
    }
    assert numbers == {"E": 25_565_226, "G": 55_864_192, "Di": 25_563_177, "Dp": 2_784_065}


@pytest.mark.parametrize("kind", ["E", "G", "Di", "Dp"])
def test_every_entry_of_the_released_files_has_its_place(kind: str) -> None:
    with torch.device("meta"):
        model = FDGAN.preset("code", stride_on="3x3", weights="none").model(0)
        nets = {"Di": IdentityDiscriminator(resnet(50)), "Dp": PoseDiscriminator()}
    needed = nets.get(kind, model).state_dict()
    if kind in ("E", "G"):
        parts = ("encoder.", "verifier.") if kind == "E" else ("generator.",)
        needed = {name: value for name, value in needed.items() if name.startswith(parts)}
    # Modern ones count their steps; the classifier isn't in ours.
    assert len(needed) == {"E": 325, "G": 62, "Di": 325, "Dp": 22}[kind]
    ours = {
        rename(name, LAYOUTS[kind].names): shape
        for name, shape in FULL[kind].items()
        if ".fc." not in name
    }
    theirs = {name: tuple(value.shape) for name, value in needed.items() if value.dim()}
    assert ours == theirs


# ---- the same numbers --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    return {kind: drawn(shapes, seed) for seed, (kind, shapes) in enumerate(SMALL.items())}


@pytest.fixture(scope="module")
def imported(
    states: dict[str, State], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("authors")
    for kind, state in states.items():
        save(state, folder / "stage3" / f"40_net_{kind}.pth")
    out = folder / "market.safetensors"
    text = str(import_model("fdgan", [folder / "stage3"], out))
    yield out, text
    shutil.rmtree(folder)  # 500 MB, which pytest would keep


def test_it_says_what_it_took_and_wrote(imported: tuple[Path, str]) -> None:
    out, text = imported
    assert "40_net_E.pth: 273 entries, 271 taken" in text
    assert "40_net_G.pth: 52 entries, 52 taken" in text
    assert "40_net_Di.pth: 273 entries, 271 taken" in text
    assert "40_net_Dp.pth: 19 entries, 19 taken" in text
    unused = "base_model.base.fc.weight, base_model.base.fc.bias"
    assert " ".join(text.split()).count(f"(ImageNet's classifier): {unused}") == 2
    assert "unknown" not in text
    assert f"wrote    {out}: fdgan, 64×32 pixels; recognises, reposes\n" in text
    assert sorted(p.name for p in out.parent.glob("*.safetensors")) == [
        "market.encoder.safetensors", "market.identity.safetensors",
        "market.pose.safetensors", "market.safetensors"]  # fmt: skip
    code = FDGAN.preset("code", stride_on="3x3", weights="none", height=H, width=W, noise_dim=NOISE,
                        generator_dim=4, pose_dim=6, dis_dim=8)  # fmt: skip
    assert load_model(out).method == code


def test_everybody_can_read_the_files(imported: tuple[Path, str]) -> None:
    files = imported[0].parent.glob("*.safetensors")
    modes = {file.name: file.stat().st_mode & 0o777 for file in files}
    assert len(modes) == 4
    assert set(modes.values()) == {0o644}, modes


def trunk(state: State) -> Any:
    """Their ResNet, whose names are ours, in eval mode."""
    base = "base_model.base."
    net = resnet(50)
    own = {k.removeprefix(base): v for k, v in state.items() if k.startswith(base)}
    missing, extra = net.load_state_dict(own, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in missing)
    assert extra == ["fc.weight", "fc.bias"]
    return net.eval()


def normed(state: State, name: str, x: Tensor) -> Tensor:
    parts = (state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *parts)


def verdict(state: State, a: Tensor, b: Tensor) -> Tensor:
    x = normed(state, "embed_model.bn", (a - b) ** 2)
    return F.linear(x, *(state[f"embed_model.classifier.{p}"] for p in ("weight", "bias")))


def generated(s: State, feature: Tensor, maps: Tensor, noise: Tensor) -> Tensor:
    x = F.conv2d(maps, s["en_conv1.weight"], stride=2, padding=1)
    for k in (2, 3, 4, 5):
        x = F.conv2d(F.leaky_relu(x, 0.2), s[f"en_conv{k}.1.weight"], stride=2, padding=1)
        x = normed(s, f"en_conv{k}.2", x)
    x = normed(s, "en_avg.2", F.conv2d(F.leaky_relu(x, 0.2), s["en_avg.1.weight"]))
    x = torch.cat([feature[:, :, None, None], x, noise[:, :, None, None]], 1)
    x = normed(s, "de_avg.2", F.conv_transpose2d(x.relu(), s["de_avg.1.weight"]))
    for k in (5, 4, 3, 2):
        x = F.conv_transpose2d(x.relu(), s[f"de_conv{k}.1.weight"], stride=2, padding=1)
        x = normed(s, f"de_conv{k}.2", x)
    return F.conv_transpose2d(x.relu(), s["de_conv1.1.weight"], stride=2, padding=1).tanh()


def test_embed_verify_and_repose_are_the_authors(
    imported: tuple[Path, str], states: dict[str, State]
) -> None:
    model = load_model(imported[0])
    assert isinstance(model, FDGANModel)
    draw = torch.Generator().manual_seed(9)
    images = torch.rand(2, 3, H, W, generator=draw)
    joints = torch.cat([torch.rand(2, 18, 2, generator=draw) * torch.tensor([W, H]),
                        torch.ones(2, 18, 1)], 2)  # fmt: skip
    noise = torch.randn(2, NOISE, generator=draw)
    with torch.no_grad():
        feature = trunk(states["E"])((images - MEAN) / STD).mean((2, 3))
        theirs = verdict(states["E"], feature[:1], feature[1:]).softmax(1)[:, 1]
        y = generated(states["G"], feature, model.pose_maps(joints), noise)
    torch.testing.assert_close(model.embed(images), feature, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.verify(feature[:1], feature[1:]).float(), theirs)
    assert y.std() > 0.05  # not all grey: the comparison says something
    pictures = model.repose(images, joints, noise)
    torch.testing.assert_close(pictures, (y * STD + MEAN).clamp(0, 1), rtol=0, atol=2e-5)


def test_the_discriminators_are_the_authors(
    imported: tuple[Path, str], states: dict[str, State]
) -> None:
    identity = IdentityDiscriminator(resnet(50)).eval()
    identity.load_state_dict(load_file(imported[0].with_name("market.identity.safetensors")))
    pose = PoseDiscriminator(8).eval()
    pose.load_state_dict(load_file(imported[0].with_name("market.pose.safetensors")))
    draw = torch.Generator().manual_seed(8)
    x, maps = (torch.randn(2, c, H, W, generator=draw) for c in (3, 18))
    with torch.no_grad():
        f, theirs = identity(x), trunk(states["Di"])(x).mean((2, 3))
        torch.testing.assert_close(f, theirs)
        torch.testing.assert_close(identity.head(f[:1], f[1:]),
                                   verdict(states["Di"], theirs[:1], theirs[1:]))  # fmt: skip
        s, y = states["Dp"], torch.cat([maps, x], 1)
        y = F.leaky_relu(F.conv2d(y, s["model.0.weight"], s["model.0.bias"], 2, 1), 0.2)
        for k, stride in ((2, 2), (5, 2), (8, 1)):
            y = F.conv2d(y, s[f"model.{k}.weight"], stride=stride, padding=1)
            y = F.leaky_relu(normed(s, f"model.{k + 1}", y), 0.2)
        y = F.conv2d(y, s["model.11.weight"], s["model.11.bias"], 1, 1)
        torch.testing.assert_close(pose(maps, x), y)


def test_the_encoder_starts_other_methods(
    imported: tuple[Path, str], states: dict[str, State]
) -> None:
    file = imported[0].with_name("market.encoder.safetensors")
    net = backbone("resnet50", weights=str(file)).eval()
    x = torch.randn(1, 3, H, W, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        torch.testing.assert_close(net(x), trunk(states["E"])(x))


# ---- which files -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # an imported encoder is large


def load(folder: Path, *paths: Path, **options: Any) -> str:
    out = folder / "out" / "model.safetensors"
    text = str(import_model("fdgan", paths or [folder], out, **options))
    return text.replace(f"{folder}/", "")


def refused(folder: Path, *paths: Path, **options: Any) -> str:
    """The sentence it gives; and it leaves nothing behind."""
    with pytest.raises(UserError) as caught:
        load(folder, *paths, **options)
    assert not (folder / "out").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def test_the_baseline_alone_recognises_but_does_not_repose(folder: Path) -> None:
    save(hollow(FULL["E"]), folder / "checkpoint.pth.tar")
    save(hollow(FULL["E"]), folder / "model_best.pth.tar", epoch=95, best_top1=0.8)
    text = load(folder)
    assert "model_best.pth.tar: 275 entries, 271 taken" in text
    assert "left out, unknown: epoch, best_top1" in text
    assert "fdgan, 256×128 pixels; recognises, but doesn't repose (no G file)" in text
    model: Any = load_model(folder / "out" / "model.safetensors")
    assert model.embed(torch.rand(1, 3, H, W)).shape == (1, 2048)
    with pytest.raises(UserError, match="This model has no generator, which reposing needs"):
        model.repose(torch.rand(1, 3, H, W), torch.zeros(1, 18, 3))
    assert int(model.state_dict()["encoder.bn1.num_batches_tracked"]) == 0
    torch.save(hollow(FULL["E"]), folder / "flat.pth")  # the released baselines may be that
    assert "flat.pth: 273 entries, 271 taken" in load(folder, folder / "flat.pth", force=True)


def test_best_newest_or_asked_epoch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lookalike.importing.fdgan.released_files import in_folder

    def chosen(step: int | None = None) -> list[str]:
        return [p.name for p in in_folder(folder, step)]

    for name in ("5_net_E", "5_net_G", "010_net_E", "20_net_G"):
        (folder / f"{name}.pth").touch()
    assert chosen() == ["010_net_E.pth"]  # 20 has no encoder
    assert chosen(5) == ["5_net_E.pth", "5_net_G.pth"]
    assert "has no networks of epoch 7; it has 5, 10, 20." in refused(folder, step=7)
    (folder / "best_net_E.pth").touch()
    (folder / "best_net_Dp.pth").touch()
    assert chosen() == ["best_net_Dp.pth", "best_net_E.pth"]
    file = folder / "5_net_E.pth"
    assert refused(folder, file, step=5).startswith("--step chooses in a folder")


def test_folders_and_files_of_something_else(folder: Path) -> None:
    assert "holds no encoder of FD-GAN: give the folder with" in refused(folder)
    assert refused(folder, folder / "no.pth") == "There is no file or folder no.pth."
    g = save(hollow(SMALL["G"]), folder / "g.pth")
    assert refused(folder, g) == (
        "g.pth can't be used without the encoder: give the E file too (EPOCH_net_E.pth of the same "
        "epoch)."
    )
    assert "g.pth and" in refused(folder, g, g)
    other = save({"conv1.weight": torch.zeros(1)}, folder / "other.pth")
    assert refused(folder, other) == (
        "other.pth is none of FD-GAN's E, G, Di and Dp files: it has the entries 'conv1.weight'."
    )


@pytest.mark.parametrize("kind", ["E", "G", "Di", "Dp"])
def test_every_entry_is_demanded(folder: Path, kind: str) -> None:
    """Without any one of them, and with any one misshapen, the file is refused by that name."""
    state = hollow(SMALL[kind])
    others = [] if kind == "E" else [save(hollow(SMALL["E"]), folder / "e.pth")]
    # An entry that tells a size, or the kind, has its own test.
    sized = ("en_conv1.weight", "en_avg.1.weight", "de_avg.1.weight", "model.0.weight",
             "embed_model.classifier.bias")  # fmt: skip
    names = [name for name in state if ".fc." not in name and name not in sized]
    for name in names[:: max(1, len(names) // 4)]:
        value = state.pop(name)
        by = "×".join(map(str, value.shape))
        sentence = refused(folder, *others, save(state, folder / "x.pth"))
        assert f"x.pth has no '{name}' ({by}), which the {kind} network needs" in sentence
        state[name] = torch.zeros(1).expand(7, *value.shape)
        sentence = refused(folder, *others, save(state, folder / "x.pth"))
        assert f"x.pth has '{name}' of shape 7×{by}, but the {kind} network needs" in sentence
        state[name] = value


@pytest.mark.parametrize("connected", [0, 2])
def test_a_missing_entry_is_named_itself(folder: Path, connected: int) -> None:
    """Also one that tells a size, whose want makes others seem misshapen."""
    shapes = dict(SMALL["G"])
    for name in ("de_conv5.1.weight", "de_conv4.1.weight")[:connected]:
        into, *rest = shapes[name]
        shapes[name] = (2 * into, *rest)
    e = save(hollow(SMALL["E"]), folder / "e.pth")
    for name in shapes:
        if name.endswith(".weight") and ".2." not in name:
            rest = hollow({k: shape for k, shape in shapes.items() if k != name})
            sentence = refused(folder, e, save(rest, folder / "g.pth"))
            assert f"g.pth has no '{name}'" in sentence
    rest = hollow({k: shape for k, shape in SMALL["Dp"].items() if k != "model.0.weight"})
    dp = save(rest, folder / "dp.pth")
    assert "dp.pth has no 'model.0.weight', which the Dp" in refused(folder, e, dp)


def test_numpy_beside_the_weights_is_passed_over(folder: Path) -> None:
    more = {"best_top1": np.float64(0.9), "curve": np.arange(3), "epoch": np.int64(7)}
    file = save(hollow(FULL["E"]), folder / "model_best.pth.tar", **more)
    assert "unknown: best_top1, curve, epoch" in load(folder, file)


def test_only_one_leading_module_is_stripped(folder: Path) -> None:
    """DataParallel wraps once: a doubly wrapped file is another network's."""
    twice = {f"module.{name}": value for name, value in hollow(FULL["E"]).items()}
    assert "is none of FD-GAN's" in refused(folder, save(twice, folder / "e.pth"))


def test_modern_files_bring_their_counters_all_of_them(folder: Path) -> None:
    state = hollow(FULL["E"])
    counters = {n.replace("running_mean", "num_batches_tracked"): torch.tensor(9)
                for n in state if n.endswith("running_mean")}  # fmt: skip
    assert len(counters) == 54
    name = "base_model.base.layer1.0.bn1.num_batches_tracked"
    some = {k: v for k, v in counters.items() if k != name}
    file = save({**state, **some}, folder / "e.pth")
    assert f"e.pth has no '{name}' (a single number)" in refused(folder, file)
    file = save({**state, **counters}, folder / "e.pth")
    assert "327 entries, 325 taken" in load(folder, file)
    model = load_model(folder / "out" / "model.safetensors")
    assert int(model.state_dict()["encoder.bn1.num_batches_tracked"]) == 9
    assert sorted(os.listdir(folder / "out")) == ["model.encoder.safetensors", "model.safetensors"]


def test_skips_of_a_unet_are_told_by_the_shapes(folder: Path) -> None:
    shapes = dict(SMALL["G"])
    for name in ("de_conv5.1.weight", "de_conv4.1.weight"):
        into, *rest = shapes[name]
        shapes[name] = (2 * into, *rest)
    e, g = save(hollow(SMALL["E"]), folder / "1_net_E.pth"), folder / "best_net_G.pth"
    text = load(folder, e, save(hollow(shapes), g))
    assert "recognises, reposes" in text
    assert "the files are of different epochs (1, best)" in text
    method: Any = load_model(folder / "out" / "model.safetensors").method
    assert method.connect_layers == 2
