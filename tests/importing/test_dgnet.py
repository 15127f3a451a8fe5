"""Importing the authors' DG-Net: the same numbers as their networks, and a sentence for every flaw.

`authors` are whole files with random weights; `hollow` are files with the right names and shapes,
whose tensors are single zeros spread out, for everything that the numbers don't matter to.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch
import torch.nn.functional as F
import yaml
from literal import dgnet as ref
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.transforms import PIXEL_NORMS
from lookalike.errors import UserError
from lookalike.importing import import_model
from lookalike.importing.dgnet.entries import LAYOUTS
from lookalike.importing.renaming import rename
from lookalike.methods.dgnet import DGNet
from lookalike.methods.model_file import load_model
from lookalike.methods.teacher import load_teacher
from lookalike.nets.dgnet import Discriminator

K, H, W = 5, 96, 48
MEAN = torch.tensor(PIXEL_NORMS["imagenet"].mean, dtype=torch.float64).view(3, 1, 1)
STD = torch.tensor(PIXEL_NORMS["imagenet"].std, dtype=torch.float64).view(3, 1, 1)


def normalised(images: Tensor) -> Tensor:
    return ((images.double() - MEAN) / STD).to(images.dtype)


def crops(seed: int, dtype: torch.dtype, height: int = H, width: int = W) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, height, width, generator=draw, dtype=torch.float64).to(dtype)


# ---- whole files -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The authors' files for 96×48 crops, gen and dis with what real files have besides."""
    folder = tmp_path_factory.mktemp("authors")
    files = ref.authors_files(folder, 3, K, teacher_stride=1, nonlocal_entries=True,
                              module_prefix=True)  # fmt: skip
    config = yaml.safe_load(files["config"].read_text())
    config |= {"crop_image_height": H, "crop_image_width": W, "ID_class": K, "batch_size": 6}
    files["config"].write_text(yaml.safe_dump(config))
    yield files
    shutil.rmtree(folder)  # 280 MB, which pytest would keep


@pytest.fixture(scope="module")
def imported(authors: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("imported") / "market.safetensors"
    folders = [authors["config"].parent, authors["teacher"].parent]
    text = str(import_model("dgnet", folders, out))
    assert "gen_00100000.pt: 142 entries, 118 taken" in text
    assert "id_00100000.pt: 338 entries, 336 taken" in text
    assert "dis_00100000.pt: 84 entries, 84 taken" in text
    assert "net_last.pth: 329 entries, 327 taken" in text
    assert (
        text.count("known and unused (ImageNet's classifier): model.fc.weight, model.fc.bias") == 2
    )
    for name in torch.load(authors["gen"], weights_only=True)["a"]:
        assert (name in text) == ("nonloc" in name or ".norm.running_" in name)
    assert "unknown" not in text
    assert "note" not in text
    beside = [
        "market.discriminator.safetensors",
        "market.safetensors",
        "market.teacher.safetensors",
    ]
    assert sorted(os.listdir(out.parent)) == beside
    yield out
    shutil.rmtree(out.parent)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-11)], ids=["f32", "f64"]
)
def test_swap_and_embed_are_the_authors(
    imported: Path, authors: dict[str, Path], dtype: torch.dtype, tolerance: float
) -> None:
    model = load_model(imported).to(dtype)
    gen, id_ = (torch.load(authors[kind], weights_only=True)["a"] for kind in ("gen", "id"))
    appearance, structure = crops(1, dtype), crops(2, dtype)
    expected = ref.reference_swap(gen, id_, normalised(appearance), normalised(structure))
    pictures = (expected.double() * STD + MEAN).clamp(0, 1)
    swapped = model.swap(appearance=appearance, structure=structure)
    assert swapped.dtype == dtype
    assert pictures.std() > 0.05  # not clipped away: the comparison says something
    torch.testing.assert_close(swapped.double(), pictures, rtol=0, atol=tolerance)
    features = model.embed(appearance)
    wanted = ref.reference_embed(id_, normalised(appearance))
    wanted[:, 512:] *= 0.5**0.5  # √β: the score of two is then their product
    assert features.shape == (2, 1024)
    assert features.dtype == dtype
    torch.testing.assert_close(features, wanted, rtol=0, atol=tolerance)
    halves = (("f_prim", slice(0, 512), 1.0), ("f_fine", slice(512, 1024), 0.5**0.5))
    for name, part, length in halves:
        assert model.parts[name] == part
        lengths = features[:, part].norm(dim=1)
        assert torch.allclose(lengths, torch.full((2,), length, dtype=dtype))


def test_everybody_can_read_the_files(imported: Path) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in imported.parent.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o644}, modes


def test_images_of_another_size_are_resized(imported: Path) -> None:
    model = load_model(imported)
    assert model.size == (H, W)
    images = crops(1, torch.float32, 131, 70)
    resized = F.interpolate(images, (H, W), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(model.embed(images), model.embed(resized))
    torch.testing.assert_close(model.swap(images, images), model.swap(resized, resized))


def test_the_settings_are_the_authors(imported: Path) -> None:
    method = load_model(imported).method
    same = {"height": H, "width": W, "batch_size": 6, "stride_on": "3x3", "weights": "none"}
    assert method == DGNet.preset("code", **same)  # config.yaml's own defaults are the preset's


def test_the_discriminator_is_the_authors(imported: Path, authors: dict[str, Path]) -> None:
    file = imported.with_name("market.discriminator.safetensors")
    with safetensors.safe_open(str(file), "pt") as f:
        about = f.metadata()
    ours = Discriminator(*(int(about[name]) for name in ("dim", "scales", "residuals")))
    ours.load_state_dict(load_file(file))
    theirs = ref.Discriminator()
    state = torch.load(authors["dis"], weights_only=True)["a"]
    theirs.load_state_dict({name.removeprefix("module."): v for name, v in state.items()})
    x = crops(4, torch.float32)
    for got, wanted in zip(ours(x), theirs(x), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="not a Lookalike model"):
        load_model(file)


def test_the_teacher_is_the_authors(imported: Path, authors: dict[str, Path]) -> None:
    file = imported.with_name("market.teacher.safetensors")
    people = People([f"{k}.jpg" for k in range(K)], list(range(1, K + 1)), [0] * K)
    ours = load_teacher(str(file), people, 256, 128).eval()
    assert ours.method.last_stride == 1
    theirs = ref.Teacher(K, stride=1)
    theirs.load_state_dict(torch.load(authors["teacher"], weights_only=True))
    x = crops(5, torch.float32)
    with torch.no_grad():
        wanted = theirs.eval()(normalised(x))
        torch.testing.assert_close(ours.logits(normalised(x)), wanted, rtol=1e-4, atol=1e-4)
        pooled = theirs.model(normalised(x)), theirs.model(normalised(x).flip(3))
        views = [theirs.classifier.add_block(p.mean((2, 3))) for p in pooled]
    torch.testing.assert_close(ours.features(normalised(x)), F.normalize(views[0] + views[1]),
                               rtol=0, atol=1e-5)  # fmt: skip


# ---- hollow files ------------------------------------------------------------------------------

State = dict[str, Tensor]


def shapes(net: nn.Module) -> State:
    """Zeros of the net's names, shapes and types that take no room."""
    return {k: torch.zeros((), dtype=v.dtype).expand(v.shape) for k, v in net.state_dict().items()}


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    with torch.device("meta"):
        nets = {"gen": ref.Generator(), "dis": ref.Discriminator(),
                "id": ref.AppearanceEncoder(K), "teacher": ref.Teacher(K)}  # fmt: skip
    return {kind: shapes(net) for kind, net in nets.items()}


class Hollow:
    """An output folder and a teacher's folder of hollow files, to change before importing."""

    def __init__(self, root: Path, states: dict[str, State]) -> None:
        self.root, self.out = root, root / "out" / "model.safetensors"
        self.run, self.best = root / "outputs" / "run", root / "models" / "best"
        self.states = {kind: dict(state) for kind, state in states.items()}
        (self.run / "checkpoints").mkdir(parents=True)
        self.best.mkdir(parents=True)
        self.config({})

    def config(self, changes: dict[str, Any]) -> None:
        config = {**ref.CONFIG, "ID_class": K, **changes}
        (self.run / "config.yaml").write_text(yaml.safe_dump(config))

    def save(self, kind: str, step: int = 10, **options: Any) -> Path:
        path = self.run / "checkpoints" / f"{kind}_{step:08d}.pt"
        content: Any = {"a": self.states[kind]}
        if kind == "teacher":
            path, content = self.best / "net_last.pth", self.states[kind]
        torch.save(content, path, **options)
        return path

    def load(self, *paths: Path, **options: Any) -> str:
        return str(import_model("dgnet", paths or [self.run], self.out, **options))

    def refuses(self, *paths: Path, **options: Any) -> str:
        """The sentence it gives; and it leaves nothing behind."""
        before = sorted(self.root.rglob("*"))
        with pytest.raises(UserError) as caught:
            self.load(*paths, **options)
        assert sorted(self.root.rglob("*")) == before
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence.replace(f"{self.root}/", "")


@pytest.fixture
def hollow(tmp_path: Path, states: dict[str, State]) -> Iterator[Hollow]:
    yield Hollow(tmp_path, states)
    shutil.rmtree(tmp_path)


def test_a_missing_entry(hollow: Hollow) -> None:
    hollow.save("id")
    del hollow.states["gen"]["dec.model.3.norm.gamma"]
    hollow.save("gen")
    assert hollow.refuses() == (
        "outputs/run/checkpoints/gen_00000010.pt has no 'dec.model.3.norm.gamma' (64), which the "
        "gen network needs: it is incomplete or of another network."
    )


@pytest.mark.parametrize("kind", ["gen", "dis", "id", "teacher"])
def test_every_entry_that_a_network_needs_is_demanded(hollow: Hollow, kind: str) -> None:
    """Without any one of them, and with any one misshapen, the file is refused by that name."""
    unused = ("model.fc.", ".norm.running_")
    needed = [k for k in hollow.states[kind] if not any(u in k for u in unused)]
    others = [hollow.save("id")] if kind not in ("id", "teacher") else []
    for name in needed[:: max(1, len(needed) // 3)]:
        value = hollow.states[kind].pop(name)
        sentence = hollow.refuses(*others, hollow.save(kind))
        assert f"has no '{name}' (" in sentence
        hollow.states[kind][name] = torch.zeros(1).expand(7, *value.shape)
        sentence = hollow.refuses(*others, hollow.save(kind))
        by = "×".join(map(str, value.shape)) or "a single number"
        named = f"has '{name}' of shape {'×'.join(map(str, (7, *value.shape)))}, but the {kind}"
        sized = name.endswith(("classifier.0.weight", "model.0.conv.weight", "0.0.conv.weight"))
        assert (named in sentence and f"needs {by}." in sentence) or sized
        hollow.states[kind][name] = value


def test_a_misshapen_entry(hollow: Hollow) -> None:
    hollow.states["id"]["model.layer4.0.conv2.weight"] = torch.zeros(512, 512, 1, 1)
    hollow.save("id")
    assert hollow.refuses() == (
        "outputs/run/checkpoints/id_00000010.pt has 'model.layer4.0.conv2.weight' of shape "
        "512×512×1×1, but the id network needs 512×512×3×3."
    )


def test_a_broken_number(hollow: Hollow) -> None:
    hollow.states["id"]["model.bn1.bias"] = torch.full((64,), torch.nan)
    hollow.save("id")
    assert "has NaN or infinite numbers in 'model.bn1.bias'" in hollow.refuses()


def test_unknown_entries_are_named(hollow: Hollow) -> None:
    hollow.states["id"] |= {"model.layer5.weight": torch.zeros(2), "classifier3.x": torch.zeros(())}
    hollow.states["id"] |= {"epoch": 3}  # type: ignore[dict-item]
    hollow.save("id")
    text = hollow.load()
    assert "341 entries, 336 taken" in text
    assert "left out, unknown: model.layer5.weight, classifier3.x, epoch" in text


def test_the_id_file_alone_recognises_but_does_not_swap(hollow: Hollow) -> None:
    file = hollow.save("id")
    renamed = shutil.move(file, hollow.root / "weights.bin")  # its name and place don't matter
    text = hollow.load(Path(renamed))
    assert "doesn't swap (no gen file)" in text
    model = load_model(hollow.out)
    assert model.classes == K
    assert not any(name.startswith("generator.") for name in model.state_dict())
    images = torch.rand(1, 3, 64, 32)
    assert model.embed(images).shape == (1, 1024)
    with pytest.raises(UserError, match="This model has no generator, which generating needs"):
        model.swap(images, images)


@pytest.mark.parametrize("kinds", [("gen",), ("dis",), ("gen", "dis"), ("gen", "teacher"), ()])
def test_nothing_without_the_appearance_encoder(hollow: Hollow, kinds: tuple[str, ...]) -> None:
    files = [hollow.save(kind) for kind in kinds] or [hollow.run / "config.yaml"]
    sentence = hollow.refuses(*files)
    assert "can't be used without the appearance encoder: give the id file too" in sentence


def test_a_teacher_alone_goes_to_out(hollow: Hollow) -> None:
    hollow.save("teacher")
    text = hollow.load(hollow.best)
    assert "no opts.yaml beside" in text  # and so the stride is a guess
    assert "2, the default, was taken" in text
    model = load_model(hollow.out)
    assert (model.method.name, model.method.last_stride, model.classes) == ("ide", 2, K)
    assert [p.name for p in hollow.out.parent.iterdir()] == ["model.safetensors"]


def test_the_teachers_options(hollow: Hollow) -> None:
    hollow.save("teacher")
    opts = hollow.best / "opts.yaml"
    opts.write_text("stride: 3\n")
    assert hollow.refuses(hollow.best) == (
        "models/best/opts.yaml says stride: 3, but a last stage strides by 1 or 2."
    )
    opts.write_text(f"stride: 1\nnclasses: {K + 1}\n")
    assert f"says nclasses: {K + 1}, but the weights have {K}." in hollow.load(hollow.best)
    assert load_model(hollow.out).method.last_stride == 1


def test_a_teacher_of_other_identities(hollow: Hollow) -> None:
    hollow.save("id")
    for name in ("classifier.classifier.0.weight", "classifier.classifier.0.bias"):
        hollow.states["teacher"][name] = hollow.states["teacher"][name][:3]
    hollow.save("teacher")
    sentence = hollow.refuses(hollow.run, hollow.best)
    assert "net_last.pth tells 3 identities apart, but" in sentence
    assert f"id_00000010.pt {K}: they were trained on different data." in sentence


def test_the_newest_complete_step_or_the_one_asked_for(hollow: Hollow) -> None:
    for kind, step in (("id", 9), ("gen", 9), ("id", 100), ("gen", 100), ("id", 200)):
        hollow.save(kind, step)
    text = hollow.load()
    assert "id_00000100.pt" in text
    assert "gen_00000100.pt" in text
    assert "step 200 in" in text
    assert "is incomplete: step 100 was taken" in text
    assert "has no checkpoints of step 7; it has 9, 100, 200." in hollow.refuses(
        step=7, force=True)  # fmt: skip
    text = hollow.load(hollow.run / "checkpoints", step=200, force=True)
    assert "id_00000200.pt" in text
    assert "gen_" not in text
    file = hollow.run / "checkpoints" / "id_00000009.pt"
    assert hollow.refuses(file, step=9, force=True) == (
        "--step chooses in a folder: give the folder, or the files without --step."
    )
    text = hollow.load(file, hollow.run / "checkpoints" / "gen_00000100.pt", force=True)
    assert "the files are of different steps (00000009, 00000100)" in text


def test_no_step_has_all_kinds(hollow: Hollow) -> None:
    hollow.save("id", 1)
    hollow.save("gen", 2)
    assert hollow.refuses() == (
        "outputs/run has no step with all of gen, id: choose one of its steps with --step (1, 2)."
    )


def test_two_files_of_a_kind(hollow: Hollow) -> None:
    files = [hollow.save("id", 1), hollow.save("id", 2)]
    assert "id_00000001.pt and" in hollow.refuses(*files)
    assert "are both id files: give one of them" in hollow.refuses(*files)


def test_places_without_checkpoints(hollow: Hollow) -> None:
    assert hollow.refuses() == (
        "outputs/run holds no checkpoints: give the authors' folder outputs/NAME, which has "
        "checkpoints/gen_*.pt and id_*.pt, or the files one by one."
    )
    assert hollow.refuses(hollow.root / "nowhere.pt") == "There is no file or folder nowhere.pt."


class Net(nn.Linear):
    """Somebody's own class, as in a whole pickled model."""


def test_a_pickled_object_is_not_opened(hollow: Hollow) -> None:
    for number, content in enumerate((Net(2, 2), {"a": Net(2, 2)})):
        for zipped in (True, False):
            path = hollow.root / f"net{number}{zipped}.pt"
            torch.save(content, path, _use_new_zipfile_serialization=zipped)
            assert hollow.refuses(path) == (
                f"{path.name} holds a pickled object, which could run any code, so it isn't "
                "opened: save the network's state_dict() instead."
            )


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_short(hollow: Hollow, zipped: bool) -> None:
    hollow.states["id"]["model.conv1.weight"] = torch.randn(64, 3, 7, 7)
    path = hollow.save("id", _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in [0, 1, 10, 100, 1000, len(whole) // 3, len(whole) // 2, len(whole) - 9]:
        path.write_bytes(whole[:length])
        assert hollow.refuses() == (
            "outputs/run/checkpoints/id_00000010.pt can't be read as a PyTorch checkpoint: it is "
            "damaged, incomplete or another kind of file; copy or download it again."
        ), length


def test_the_format_of_2019_is_read(hollow: Hollow) -> None:
    file = hollow.save("id", _use_new_zipfile_serialization=False)
    assert "336 taken" in hollow.load(file)


def test_files_that_are_something_else(hollow: Hollow) -> None:
    other = hollow.root / "resnet.pth"
    torch.save({k: torch.zeros(1) for k in ("conv1.weight", "bn1.weight", "x", "y", "z")}, other)
    assert hollow.refuses(other) == (
        "resnet.pth is none of DG-Net's gen, dis, id and teacher files: it has the entries "
        "'conv1.weight', 'bn1.weight', 'x', 'y' …."
    )
    torch.save({"gen": {"state": {}}, "id": {}}, other)
    assert hollow.refuses(other) == (
        "resnet.pth holds no named weights, but only 'gen', 'id': leave it out."
    )
    torch.save([torch.zeros(1)], other)
    assert hollow.refuses(other) == "resnet.pth holds no named weights, but a list: leave it out."
    for name, text in (("a.yaml", "x: 1"), ("b.yaml", "{"), ("c.yml", "- 1")):
        (hollow.root / name).write_text(text)
    assert "is neither DG-Net's config.yaml nor" in hollow.refuses(hollow.root / "a.yaml")
    assert "b.yaml can't be read as YAML (" in hollow.refuses(hollow.root / "b.yaml")
    assert "c.yml holds no options" in hollow.refuses(hollow.root / "c.yml")


def test_a_network_built_otherwise_is_refused(hollow: Hollow) -> None:
    hollow.save("id")
    for changes, said in (
        ({"ID_stride": 2}, "ID_stride: 2, but Lookalike's DG-Net has 1"),
        ({"pool": "avg"}, "pool: avg, but Lookalike's DG-Net has max"),
        ({"batch_size": "many"}, "has a setting that DG-Net can't have"),
        ({"teacher_style": 9}, "has a setting that DG-Net can't have"),
    ):
        hollow.config(changes)
        assert f"outputs/run/config.yaml {'' if 'has a' in said else 'says '}{said}" in (
            hollow.refuses())  # fmt: skip
    tanh = {"gen": {**ref.CONFIG["gen"], "tanh": True}}
    hollow.config(tanh)
    assert "taken" in hollow.load()  # there is no generator in this one
    hollow.save("gen")
    assert "says gen.tanh: True, but Lookalike's DG-Net has False" in hollow.refuses(force=True)


def test_sizes_come_from_the_weights(hollow: Hollow) -> None:
    small = DGNet.preset("code", stride_on="3x3", weights="none", structure_dim=8, mlp_dim=32)
    with torch.device("meta"):
        model, dis = small.model(3), Discriminator(16, 2, 4)
    state, dis_state = shapes(model), shapes(dis)
    for kind, part in (("gen", "generator."), ("id", "appearance."), ("dis", "scales.")):
        source = dis_state if kind == "dis" else state
        backwards = [(ours, theirs) for theirs, ours in LAYOUTS[kind].names]
        renamed = {rename(k, backwards): v for k, v in source.items() if k.startswith(part)}
        assert None not in renamed
        hollow.states[kind] = renamed  # type: ignore[assignment]
        hollow.save(kind)
    hollow.config({"lr2": 0.003, "step_size": 1000, "warm_scale": 0.001, "max_w": 2})
    text = hollow.load()
    config = (("ID_class", 5, 3), ("gen.dim", 16, 8), ("gen.mlp_dim", 512, 32))
    for key, there, real in (*config, ("dis.dim", 32, 16), ("dis.num_scales", 3, 2)):
        assert f"config.yaml says {key}: {there}, but the weights have {real}." in text
    method = load_model(hollow.out).method
    assert (method.structure_dim, method.mlp_dim) == (8, 32)
    assert (method.dis_dim, method.dis_scales) == (16, 2)
    assert (method.lr_trunk, method.lr_head, method.ramp) == (0.003, 0.03, 1000)
    assert method.milestones == (1000, 1500, 1750)
    assert method.structure_weight == method.appearance_weight == 2


def test_existing_files_are_kept_unless_forced(hollow: Hollow) -> None:
    hollow.save("id")
    hollow.save("teacher")
    hollow.load()
    assert hollow.refuses() == (
        "out/model.safetensors exists; choose another --out, or replace it with --force."
    )
    (hollow.out.parent / "model.teacher.safetensors").touch()
    hollow.out.unlink()
    both = (hollow.run, hollow.best)
    assert "model.teacher.safetensors exists" in hollow.refuses(*both)
    hollow.load(*both, force=True)
    assert load_model(hollow.out.parent / "model.teacher.safetensors").classes == K
    hollow.out = hollow.root / "model.pt"
    assert "must be a file whose name ends in .safetensors" in hollow.refuses()
    hollow.out = hollow.root / "folder.safetensors"
    hollow.out.mkdir()
    assert "is a folder; name a file in it." in hollow.refuses()


def test_a_full_disk_leaves_nothing(hollow: Hollow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a part of the second file nor the complete first one."""
    hollow.out.parent.mkdir()
    hollow.save("id")
    hollow.save("dis")
    calls: list[str] = []

    def full(tensors: State, path: Path, metadata: dict[str, str]) -> None:
        if calls:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        calls.append(str(path))
        save_file(tensors, path, metadata)

    save: Callable[..., None] = full
    monkeypatch.setattr("safetensors.torch.save_file", save)
    sentence = hollow.refuses()
    assert sentence.startswith("Could not write to ")
    assert sentence.endswith("No space left on device); nothing was imported.")
    assert calls


def test_a_folder_of_dgnet_plus_plus_is_explained(tmp_path: Path) -> None:
    nets = {"a": {"enc_content.x": torch.zeros(1)}, "b": {"enc_content.x": torch.zeros(1)}}
    (tmp_path / "checkpoints").mkdir()
    for name in ("gen_00000010.pt", "id_00000010.pt"):
        torch.save(nets, tmp_path / "checkpoints" / name)
    with pytest.raises(UserError, match="as DG-Net\\+\\+ writes them: that is another system"):
        import_model("dgnet", [tmp_path], tmp_path / "out.safetensors")


def test_names_go_both_ways() -> None:
    rows = [("a.{1..}.m.{0..}", "x.{0..}.y.{3..}"), ("b", "z")]
    assert rename("a.1.m.0.weight", rows) == "x.0.y.3.weight"
    assert rename("a.12.m.4.weight", rows) == "x.11.y.7.weight"
    assert rename("a.0.m.0.weight", rows) is None  # before the first
    assert rename("a.1.m.0", rows) is None
    assert rename("ab.weight", rows) is None
    assert rename("b.c.weight", rows) == "z.c.weight"
    assert rename("x.11.y.7.weight", [(b, a) for a, b in rows]) == "a.12.m.4.weight"
