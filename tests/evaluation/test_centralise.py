"""Features averaged over generated pictures, against a loop over images and conditions."""

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.data.poses import Poses
from lookalike.errors import UserError
from lookalike.evaluation import centralise, mirrored
from lookalike.generation.target_poses import TargetPoses
from lookalike.methods.dgnet import DGNet
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.ide import IDE
from lookalike.methods.pg2 import PG2

TRUNK = dict(backbone="resnet10", weights="none", stride_on="3x3")
MODELS = {
    "ide": IDE(**TRUNK, height=64, width=32),
    "dgnet": DGNet(**TRUNK, height=64, width=48, structure_dim=2, mlp_dim=8),
    "fdgan": FDGAN(**TRUNK, height=64, width=32, generator_dim=2, pose_dim=2, noise_dim=4),
    "pg2": PG2(height=64, width=32, channels=4, mask_radius=1),
}


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    return {name: method.model(5).eval() for name, method in MODELS.items()}


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 64, 32, generator=torch.Generator().manual_seed(1))


def conditions_of(name, count=3):
    rng = torch.Generator().manual_seed(2)
    if name == "dgnet":
        return torch.rand(count, 3, 64, 48, generator=rng)
    joints = torch.rand(count, 18, 3, generator=rng) * torch.tensor([32.0, 64, 0])
    return joints + torch.tensor([0, 0, 1.0])


def literal(model, images, generator, conditions, weight):
    rows = []
    for image in images:
        total = model.embed(image[None])[0]
        for condition in conditions:
            draw = generator.swap if generator.method.name == "dgnet" else generator.repose
            total = total + weight * model.embed(draw(image[None], condition[None]))[0]
        rows.append(total / total.norm())
    return torch.stack(rows)


@pytest.mark.parametrize("weight", [0.25, 1.0])
@pytest.mark.parametrize("name", ["dgnet", "fdgan", "pg2"])
def test_equals_the_literal_version_for_every_generator(models, images, name, weight):
    generator, conditions = models[name], conditions_of(name)
    for model in {"ide": models["ide"], name: generator}.values():
        if not model.embeds:  # PG² recognises nobody
            continue
        got = centralise(model, images, generator, conditions, weight, batch_size=2)
        want = literal(model, images, generator, conditions, weight)
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5)
        plain = torch.nn.functional.normalize(model.embed(images))
        assert (got - plain).abs().max() > 1e-5


@pytest.mark.parametrize("name", ["dgnet", "fdgan", "pg2"])
def test_weight_0_is_the_plain_feature_to_the_bit(models, images, name, monkeypatch):
    generator = models[name]
    verb = generator.generates[0]
    monkeypatch.setattr(generator, verb, lambda *_: pytest.fail("drawn"), raising=True)
    model = generator if generator.embeds else models["ide"]
    got = centralise(model, images, generator, conditions_of(name), 0.0)
    assert torch.equal(got, model.embed(images))


def test_conditions_are_what_the_verb_takes(models, images):
    """Tensors, arrays, PIL images, and the tables that `generate` reads them into."""
    net, joints = models["fdgan"], conditions_of("fdgan")
    want = centralise(net, images, net, joints)
    assert torch.equal(centralise(net, images, net, joints.numpy()), want)
    poses = Poses(joints.numpy(), np.tile([64, 32], (3, 1)))
    targets = TargetPoses(["a", "b", "c"], files=[None] * 3, poses=poses)
    torch.testing.assert_close(centralise(net, images, net, targets), want, rtol=0, atol=1e-5)
    net, structures = models["dgnet"], conditions_of("dgnet")
    pixels = (255 * structures).round().byte().permute(0, 2, 3, 1).numpy()
    want = centralise(net, images, net, torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    for given in (pixels, [Image.fromarray(x) for x in pixels]):
        torch.testing.assert_close(centralise(net, images, net, given), want, rtol=0, atol=1e-6)


def test_images_of_any_kind(models, images):
    net, conditions = models["dgnet"], conditions_of("dgnet")
    pixels = (255 * images).round().byte().permute(0, 2, 3, 1).numpy()
    want = centralise(net, pixels, net, conditions, batch_size=2)
    for given in ([Image.fromarray(x) for x in pixels], pixels):
        got = centralise(net, given, net, conditions)
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5)
    one = centralise(net, Image.fromarray(pixels[0]), net, conditions)
    torch.testing.assert_close(one, want[:1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["ide", "dgnet", "fdgan"])
def test_mirrored_is_the_mean_with_the_mirrored_image(models, images, name):
    model = models[name]
    sums = model.embed(images) + 0.5 * model.embed(images.flip(3))
    got = mirrored(model, images, 0.5, batch_size=2)
    torch.testing.assert_close(got, torch.nn.functional.normalize(sums), rtol=0, atol=1e-5)
    assert torch.equal(mirrored(model, images, 0), model.embed(images))


def test_bad_input_is_named(models, images):
    net, conditions = models["dgnet"], conditions_of("dgnet")
    with pytest.raises(UserError, match="A model of ide can't draw people of given images again"):
        centralise(net, images, models["ide"], conditions)
    with pytest.raises(UserError, match="pg2 makes pictures of people; it has no features"):
        centralise(models["pg2"], images, net, conditions)
    with pytest.raises(ValueError, match="no conditions"):
        centralise(net, images, net, conditions[:0])
    for weight in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="weight must be a number from 0 up"):
            centralise(net, images, net, conditions, weight)
    with pytest.raises(UserError, match="no joint"):
        centralise(net, images, models["pg2"], torch.zeros(1, 18, 3))
