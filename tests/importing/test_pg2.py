"""Importing the authors' PG²: the same numbers as their graph, and a sentence for every flaw.

The literal graph here works as theirs: height × width × channels arrays, SAME padding by
TensorFlow's rule, and every convolution taken by the number of its creation.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from lookalike.errors import UserError
from lookalike.importing import import_model
from lookalike.importing.pg2.entries import d_rows, g1_layers, g1_rows, g2_layers, g2_rows
from lookalike.methods.model_file import load_model
from lookalike.methods.pg2 import PG2
from lookalike.nets.pg2 import Discriminator

Array = NDArray[Any]
Variables = dict[str, Array]
H, W, N, WIDTH = 64, 16, 4, 2  # four blocks, the deepest map 8×2 with 8 channels


# ---- the authors' variables and graph ----------------------------------------------------------


def shapes(film: bool, inputs: int) -> dict[str, tuple[int, ...]]:
    """Every variable of a tiny PG², with the skip of DeepFashion's G2 or without."""
    n, found = WIDTH, {}

    def convs(scope: str, sizes: list[tuple[int, int, int]]) -> None:
        for k, (kernel, into, out) in enumerate(sizes):
            name = f"{scope}/Conv_{k}" if k else f"{scope}/Conv"
            found[f"{name}/weights"] = (kernel, kernel, into, out)
            found[f"{name}/biases"] = (out,)

    convs("Pose_AE/G", [
        (3, 21, n),
        (3, n, n), (3, n, n), (3, n, 2 * n),
        (3, 2 * n, 2 * n), (3, 2 * n, 2 * n), (3, 2 * n, 3 * n),
        (3, 3 * n, 3 * n), (3, 3 * n, 3 * n), (3, 3 * n, 4 * n),
        (3, 4 * n, 4 * n), (3, 4 * n, 4 * n),
        (3, 5 * n, 5 * n), (3, 5 * n, 5 * n), (1, 5 * n, 3 * n),
        (3, 6 * n, 6 * n), (3, 6 * n, 6 * n), (1, 6 * n, 2 * n),
        (3, 4 * n, 4 * n), (3, 4 * n, 4 * n), (1, 4 * n, n),
        (3, 2 * n, 2 * n), (3, 2 * n, 2 * n),
        (3, 2 * n, 3),
    ])  # fmt: skip
    small = 8 * 2
    found["Pose_AE/G/fully_connected/weights"] = (small * 4 * n, 64)
    found["Pose_AE/G/fully_connected/biases"] = (64,)
    found["Pose_AE/G/fully_connected_1/weights"] = (64, small * n)
    found["Pose_AE/G/fully_connected_1/biases"] = (small * n,)
    convs("UAEnoFC/G", [
        (3, 6, n),
        (3, n, n), (3, n, n), (3, n, n),
        (3, n, 2 * n), (3, 2 * n, 2 * n),
        (3, 4 * n, n), (3, n, n),
        (3, 2 * n if film else n, n), (3, n, n),
        (3, n, 3),
    ])  # fmt: skip
    widths = [inputs, n // 2, n, 2 * n]
    for i in (1, 2, 3):
        found[f"Discriminator.{i}/Discriminator.{i}.Filters"] = (5, 5, widths[i - 1], widths[i])
        found[f"Discriminator.{i}/Discriminator.{i}.Biases"] = (widths[i],)
    for i in (2, 3):
        for part in ("offset", "scale", "moving_mean", "moving_variance"):
            found[f"Discriminator.BN{i}.{part}"] = (widths[i],)
    found["Discriminator.Output/Discriminator.Output.W"] = (2 * n * 8 * 2, 1)
    found["Discriminator.Output/Discriminator.Output.b"] = (1,)
    return found


def variables(film: bool = False, inputs: int = 3) -> Variables:
    rng = np.random.default_rng(0)
    made = {}
    for name, shape in shapes(film, inputs).items():
        spread = np.sqrt(2 / max(1, np.prod(shape[:-1])))
        made[name] = (rng.normal(size=shape) * spread).astype(np.float32)
    return made


def conv(x: Array, w: Array, b: Array, stride: int = 1) -> Array:
    """B×H×W×C with TensorFlow's SAME padding."""
    kernel = w.shape[0]
    pads = []
    for length in x.shape[1:3]:
        out = -(-length // stride)
        total = max((out - 1) * stride + kernel - length, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    height, width = ((x.shape[a] - kernel) // stride + 1 for a in (1, 2))
    y = np.zeros((len(x), height, width, w.shape[3]))
    for i in range(kernel):
        for j in range(kernel):
            part = x[:, i : i + stride * height : stride, j : j + stride * width : stride]
            y += part[:, :height, :width] @ w[i, j]
    return y + b


def creation(v: Variables, scope: str) -> Iterator[Callable[..., Array]]:
    """The convolutions of a scope in the order of their making."""
    k = 0
    while f"{scope}/Conv{f'_{k}' if k else ''}/weights" in v:
        name = f"{scope}/Conv{f'_{k}' if k else ''}"
        w, b = (v[f"{name}/{part}"].astype(np.float64) for part in ("weights", "biases"))
        yield lambda x, stride=1, w=w, b=b: conv(x, w, b, stride)
        k += 1


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def doubled(x: Array) -> Array:
    return x.repeat(2, 1).repeat(2, 2)


def two(layers: Iterator[Callable[..., Array]], x: Array) -> Array:
    for _ in range(2):
        x = relu(next(layers)(x))
    return x


def g1(v: Variables, image: Array, pose: Array) -> Array:
    layers = creation(v, "Pose_AE/G")
    full = [v[f"Pose_AE/G/fully_connected{k}"].astype(np.float64)
            for k in ("/weights", "/biases", "_1/weights", "_1/biases")]  # fmt: skip
    x = relu(next(layers)(np.concatenate([image, pose], 3)))
    skips = []
    for i in range(N):
        x = x + two(layers, x)
        skips.append(x)
        if i < N - 1:
            x = relu(next(layers)(x, 2))
    code = x.reshape(len(x), -1) @ full[0] + full[1]
    x = (code @ full[2] + full[3]).reshape(len(x), x.shape[1], x.shape[2], WIDTH)
    for i in range(N):
        x = np.concatenate([x, skips[N - 1 - i]], 3)
        x = x + two(layers, x)
        if i < N - 1:
            x = relu(next(layers)(doubled(x)))
    x = next(layers)(x)
    assert next(layers, None) is None
    return x


def g2(v: Variables, coarse: Array, image: Array, film: bool) -> Array:
    layers = creation(v, "UAEnoFC/G")
    x = relu(next(layers)(np.concatenate([coarse, image], 3)))
    skips = []
    for i in range(N - 2):
        x = two(layers, x)
        skips.append(x)
        if i < N - 3:
            x = relu(next(layers)(x, 2))
    for i in range(N - 2):
        if i < N - 3 or film:
            x = np.concatenate([x, skips[N - 3 - i]], 3)
        x = two(layers, x)
        if i < N - 3:
            x = doubled(x)
    x = next(layers)(x)
    assert next(layers, None) is None
    return x


def judge(v: Variables, x: Array) -> Array:
    for i in (1, 2, 3):
        theirs = f"Discriminator.{i}/Discriminator.{i}"
        x = conv(x, v[f"{theirs}.Filters"], v[f"{theirs}.Biases"], 2)
        if i > 1:
            x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
            x = x * v[f"Discriminator.BN{i}.scale"] + v[f"Discriminator.BN{i}.offset"]
        x = np.where(x > 0, x, 0.2 * x)
    flat = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # it keeps its maps channels first
    theirs = "Discriminator.Output/Discriminator.Output"
    return (flat @ v[f"{theirs}.W"] + v[f"{theirs}.b"])[:, 0]


# ---- the same numbers --------------------------------------------------------------------------


def imported(v: Variables, folder: Path, **options: Any) -> tuple[Path, str]:
    np.savez(folder / "pg2.npz", **v)
    out = folder / "out" / "model.safetensors"
    return out, str(import_model("pg2", [folder / "pg2.npz"], out, **options))


@pytest.mark.parametrize(("film", "inputs"), [(False, 3), (True, 6)], ids=["market", "film"])
def test_repose_is_the_authors(tmp_path: Path, film: bool, inputs: int) -> None:
    v = variables(film, inputs)
    out, text = imported(v, tmp_path)
    assert "G1       " in text
    assert "pg2.npz: 52 entries, 52 taken" in text
    assert "pg2.npz: 22 entries, 22 taken" in text
    assert "pg2.npz: 16 entries, 16 taken" in text
    assert "left out" not in text
    assert f"wrote    {out}: pg2, 64×16 pixels (other data); reposes\n" in text
    model = load_model(out)
    assert model.method == PG2.preset("code", height=64, width=16, channels=2, g2_skip_outer=film,
                                      dis_mode="pair" if film else "triplet_market")  # fmt: skip
    draw = np.random.default_rng(1)
    images = draw.random((2, H, W, 3))
    joints = np.concatenate([draw.integers((0, 0), (W, H), (2, 18, 2)), np.ones((2, 18, 1))], 2)
    pose = np.full((2, H, W, 18), -1.0)
    for k, j in np.ndindex(2, 18):
        y, x = np.indices((H, W))
        near = (x - joints[k, j, 0]) ** 2 + (y - joints[k, j, 1]) ** 2 <= 16
        pose[k, :, :, j] = np.where(near, 1, -1)
    condition = (255 * images - 127.5) / 127.5
    coarse = g1(v, condition, pose)
    refined = coarse + g2(v, coarse, condition, film)
    assert np.abs(refined).max() > 0.5  # not all grey: the comparison says something
    net: Any = model.double()
    x = torch.from_numpy(condition).permute(0, 3, 1, 2)
    with torch.no_grad():
        made = net.coarse(x, torch.from_numpy(joints))
        better = net.refined(made, x)
    np.testing.assert_allclose(made.permute(0, 2, 3, 1).numpy(), coarse, atol=1e-5)
    np.testing.assert_allclose(better.permute(0, 2, 3, 1).numpy(), refined, atol=1e-5)
    pictures = net.float().repose(torch.from_numpy(images).permute(0, 3, 1, 2).float(),
                                  torch.from_numpy(joints).float())  # fmt: skip
    expected = np.clip((refined + 1) / 2, 0, 1)
    np.testing.assert_allclose(pictures.permute(0, 2, 3, 1).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("inputs", [3, 6])
def test_the_discriminator_is_the_authors(tmp_path: Path, inputs: int) -> None:
    v = variables(inputs=inputs)
    out, text = imported(v, tmp_path)
    file = out.with_name("model.discriminator.safetensors")
    assert f"wrote    {file}: the discriminator, which only training needs" in text
    assert {path.stat().st_mode & 0o777 for path in (out, file)} == {0o644}  # everybody's to read
    with safetensors.safe_open(str(file), "pt") as f:
        about = f.metadata()
    sizes = (int(about[name]) for name in ("height", "width", "layers", "channels", "inputs"))
    net = Discriminator(*sizes)
    net.load_state_dict(load_file(file))
    images = np.random.default_rng(2).random((3, H, W, inputs))
    with torch.no_grad():
        found = net.eval().double()(torch.from_numpy(images).permute(0, 3, 1, 2))
    np.testing.assert_allclose(found.numpy(), judge(v, images), atol=1e-5)


def test_one_network_alone_reposes_coarsely(tmp_path: Path) -> None:
    v = {name: value for name, value in variables().items() if name.startswith("Pose_AE/")}
    out, text = imported(v, tmp_path)
    assert "reposes coarsely (no G2)" in text
    assert load_model(out).method.parts == "g1"
    assert [p.name for p in out.parent.iterdir()] == ["model.safetensors"]


# ---- the authors' real sizes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "g1_count", "g2_count", "d_count", "convs"),
    [
        ("code", 70_795_075, 6_058_883, 4_324_737, (30, 16)),
        ("deepfashion_code", 122_103_235, 12_696_067, 10_896_257, (36, 21)),
    ],
)
def test_the_tables_name_every_number_of_the_released_networks(
    preset: str, g1_count: int, g2_count: int, d_count: int, convs: tuple[int, int]
) -> None:
    method = PG2.preset(preset)
    with torch.device("meta"):
        net: Any = method.model(0)
        dis = Discriminator(method.height, method.width, method.depth - 1)
    tables = {
        g1_count: g1_rows(method.depth, net.g1.small[1:], net.g1.state_dict()),
        g2_count: g2_rows(method.depth - 2, net.g2.state_dict()),
        d_count: d_rows(method.depth - 1, dis.state_dict()),
    }
    for count, rows in tables.items():
        assert sum(np.prod(row.shape) for row in rows if "moving" not in row.theirs) == count
    assert (len(g1_layers(method.depth)), len(g2_layers(method.depth - 2))) == convs
    theirs = {row.theirs: row.shape for rows in tables.values() for row in rows}
    small, code, film = (32, 640, False) if preset == "code" else (64, 768, True)
    assert theirs["Pose_AE/G/Conv/weights"] == (3, 3, 21, 128)
    assert theirs["Pose_AE/G/fully_connected/weights"] == (small * code, 64)
    assert theirs["Pose_AE/G/fully_connected_1/weights"] == (64, small * 128)
    assert theirs[f"Pose_AE/G/Conv_{convs[0] - 1}/weights"] == (3, 3, 256, 3)
    assert theirs["UAEnoFC/G/Conv/weights"] == (3, 3, 6, 128)
    assert theirs[f"UAEnoFC/G/Conv_{convs[1] - 3}/weights"] == (3, 3, 256 if film else 128, 128)
    assert theirs["Discriminator.Output/Discriminator.Output.W"] == (small * 512, 1)


# ---- flaws -------------------------------------------------------------------------------------


def refused(v: Variables, folder: Path) -> str:
    """The sentence it gives; and it leaves nothing behind."""
    with pytest.raises(UserError) as caught:
        imported(v, folder)
    assert not (folder / "out").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def test_every_variable_is_demanded(tmp_path: Path) -> None:
    """Without any one of them, and with any one misshapen, the file is refused by that name."""
    v = variables()
    sizes = {"Pose_AE/G/Conv_23/weights": "has 23 convolutions in Pose_AE/G",
             "Pose_AE/G/Conv/weights": "which tells a size",
             "Pose_AE/G/fully_connected/weights": "which tells a size",
             "UAEnoFC/G/Conv_8/weights": "which tells a size",
             "Discriminator.1/Discriminator.1.Filters": "which tells a size"}  # fmt: skip
    for name in list(v)[::3] + list(sizes):
        value = v.pop(name)
        by = "×".join(map(str, value.shape))
        sentence = refused(v, tmp_path)
        assert f"has no '{name}' ({by})" in sentence or sizes.get(name, "?") in sentence, sentence
        if name not in sizes:
            v[name] = np.zeros((7, *value.shape), np.float32)
            assert f"has '{name}' of shape 7×{by}, but the" in refused(v, tmp_path)
        v[name] = value
    assert imported(v, tmp_path)


def test_what_else_is_in_the_file_is_named(tmp_path: Path) -> None:
    v = {f"{name}:0": value for name, value in variables().items()}
    for name in ("Pose_AE/G/Conv/weights/Adam", "Pose_AE/G/Conv/weights/Adam_1", "beta1_power_1",
                 "step", "g_lr", "UAEnoFC/G/noise", "other"):  # fmt: skip
        v[name] = np.zeros(1, np.float32)
    v["words"] = np.array("none")
    text = " ".join(imported(v, tmp_path)[1].split())
    assert "54 entries, 52 taken" in text
    training = "left out, known and unused (of the training): "
    assert f"{training}Pose_AE/G/Conv/weights/Adam, Pose_AE/G/Conv/weights/Adam_1 G2" in text
    assert "left out, unknown: UAEnoFC/G/noise D" in text
    assert f"{training}beta1_power_1, g_lr, step left out, unknown: other, words wrote" in text


def test_a_broken_number_is_named(tmp_path: Path) -> None:
    v = variables()
    v["UAEnoFC/G/Conv_3/biases"][1] = np.nan
    assert "NaN or infinite numbers in 'UAEnoFC/G/Conv_3/biases'" in refused(v, tmp_path)


def test_files_of_something_else(tmp_path: Path) -> None:
    out = tmp_path / "out" / "model.safetensors"
    (tmp_path / "a.npz").write_bytes(b"PK no zip")
    np.save(tmp_path / "b.npy", np.zeros(3))
    np.savez(tmp_path / "c.npz", **{"w": np.array({}, object)})
    np.savez(tmp_path / "d.npz", w=np.zeros(3))
    encrypted = bytearray((tmp_path / "d.npz").read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        encrypted[encrypted.index(mark) + flags] |= 1
    (tmp_path / "d.npz").write_bytes(encrypted)
    for name in ("a.npz", "b.npy", "c.npz", "d.npz"):
        with pytest.raises(UserError, match=r"as an \.npz file of variables") as caught:
            import_model("pg2", [tmp_path / name], out)
        assert "numpy.savez('pg2.npz', **{n: r.get_tensor(n)" in str(caught.value)
    assert refused({"conv1": np.zeros(3)}, tmp_path).startswith("pg2.npz has no variables of Pose_")
    for paths, sentence in (
        ([tmp_path / "a.npz", tmp_path / "c.npz"], "lie in one file, but 2 are given"),
        ([tmp_path / "gone.npz"], "There is no file or folder"),
        ([tmp_path], "holds no checkpoint: give the .npz file"),
    ):
        with pytest.raises(UserError, match=sentence):
            import_model("pg2", paths, out)
    assert not out.exists()


# ---- TensorFlow's own files --------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The folder of two checkpoints, as far as their names go."""
    folder = tmp_path / "trained"
    folder.mkdir()
    for step in (5999, 11999):
        for end in ("index", "data-00000-of-00001", "meta"):
            (folder / f"model.ckpt-{step}.{end}").touch()
    return folder


def test_a_checkpoint_is_read_by_tensorflow(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v, opened = variables(), []

    def load_checkpoint(prefix: str) -> Any:
        opened.append(Path(prefix).name)
        return SimpleNamespace(
            get_variable_to_shape_map=lambda: {k: list(a.shape) for k, a in v.items()},
            get_tensor=v.__getitem__,
        )

    fake = SimpleNamespace(train=SimpleNamespace(load_checkpoint=load_checkpoint))
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    out, _ = imported(v, tmp_path)
    first = out.read_bytes()
    for path, step in ((checkpoint, None), (checkpoint, 5999),
                       (checkpoint / "model.ckpt-5999", None),
                       (checkpoint / "model.ckpt-5999.index", None),
                       (checkpoint / "model.ckpt-5999.data-00000-of-00001", None)):  # fmt: skip
        import_model("pg2", [path], out, step=step, force=True)
        assert out.read_bytes() == first
    assert opened == ["model.ckpt-11999", *["model.ckpt-5999"] * 4]
    with pytest.raises(UserError, match="has no checkpoint of step 7; it has 5999, 11999"):
        import_model("pg2", [checkpoint], out, step=7, force=True)


def test_without_tensorflow_it_says_how_to_go_on(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match="needs TensorFlow, which isn't installed here") as caught:
        import_model("pg2", [checkpoint], tmp_path / "m.safetensors")
    prefix = checkpoint / "model.ckpt-11999"
    assert f"r = tensorflow.train.load_checkpoint('{prefix}')" in str(caught.value)
