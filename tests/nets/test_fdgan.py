"""FD-GAN's networks against the specified counts, shapes and starts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lookalike.nets import resnet
from lookalike.nets.batchnorm import BatchNorm1d, BatchNorm2d
from lookalike.nets.fdgan import (
    Generator,
    IdentityDiscriminator,
    PoseDiscriminator,
    Verifier,
    average,
    init_weights,
)
from lookalike.nets.norms import instance_norm

IMAGENET_CLASSIFIER = 2_049_000  # unused, but in the published counts


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def buffers(module: nn.Module) -> int:
    return sum(b.numel() for b in module.buffers())


def test_counts() -> None:
    with torch.device("meta"):
        trunk, verifier, generator = resnet(50), Verifier(2048), Generator()
        identity, pose = IdentityDiscriminator(resnet(50)), PoseDiscriminator()
    assert count(trunk) + count(verifier) == 23_516_226
    assert count(trunk) + count(verifier) + IMAGENET_CLASSIFIER == 25_565_226
    assert (count(verifier), buffers(verifier)) == (8_194, 4_097)
    assert buffers(trunk) + buffers(verifier) == 57_270
    assert (count(generator), buffers(generator)) == (55_864_192, 6_026)
    assert count(generator.encode) == 9_065_472
    assert count(generator.decode) == 46_798_720
    assert count(identity) + IMAGENET_CLASSIFIER == 25_563_177
    assert (count(identity.head), buffers(identity)) == (6_145, 57_270)
    assert (count(pose), buffers(pose)) == (2_784_065, 1_795)


def test_counts_of_the_generators_options() -> None:
    with torch.device("meta"):
        connected = [count(Generator(connect=k)) for k in range(6)]
        assert connected == [55_864_192, 60_058_496, 62_155_648, 62_679_936, 62_811_008, 62_814_080]
        assert count(Generator(fuse="add")) == 54_553_472
        plain = Generator(norm="instance")
    # No weights in the norms, but a bias in every convolution but one of them.
    norms, biases = 2 * (128 + 256 + 512 + 512 + 128 + 512 + 512 + 256 + 128 + 64), 64 + 3
    assert count(plain) == 55_864_192 - norms + norms // 2 + biases
    assert buffers(plain) == 0


def test_shapes_of_the_paper() -> None:
    with torch.device("meta"):
        generator = Generator()
        x, sizes = torch.zeros(2, 18, 256, 128), []
        for stage in generator.encode:
            x = stage(x)
            sizes.append(tuple(x.shape[1:]))
        assert sizes == [(64, 128, 64), (128, 64, 32), (256, 32, 16), (512, 16, 8), (512, 8, 4),
                         (128, 1, 1)]  # fmt: skip
        x, sizes = torch.zeros(2, 2048 + 128 + 256, 1, 1), []
        for stage in generator.decode:
            x = stage(x)
            sizes.append(tuple(x.shape[1:]))
        assert sizes == [(512, 8, 4), (512, 16, 8), (256, 32, 16), (128, 64, 32), (64, 128, 64),
                         (3, 256, 128)]  # fmt: skip
        pose = PoseDiscriminator()
        patches = pose(torch.zeros(2, 18, 256, 128), torch.zeros(2, 3, 256, 128))
        assert patches.shape == (2, 1, 30, 14)
        assert average(resnet(50)(torch.zeros(2, 3, 256, 128))).shape == (2, 2048)


@pytest.mark.parametrize("size", [(32, 32), (96, 48), (47, 33)])
@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("fuse", ["cat", "add"])
@pytest.mark.parametrize("connect", [0, 5])
def test_any_size_and_option(size: tuple[int, int], norm, fuse, connect: int) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    g = Generator(6, size, dim=2, pose_dim=3, noise_dim=4, norm=norm, fuse=fuse, connect=connect)
    for q in g.parameters():  # positive, so that no ReLU of these few channels is dead
        nn.init.uniform_(q, 0.01, 0.1)
    g.double()
    f, p, z = (torch.rand(2, *shape).double() for shape in ((6,), (18, *size), (4,)))
    pictures = g(f, p, z)
    assert pictures.shape == (2, 3, *size)
    pictures.square().sum().backward()
    assert all(q.grad is not None and q.grad.isfinite().all() for q in g.parameters())
    g.eval()
    picture = g(f[:1], p[:1], z[:1])
    for changed in ((f[1:], p[:1], z[:1]), (f[:1], p[1:], z[:1]), (f[:1], p[:1], z[1:])):
        assert not g(*changed).equal(picture)


def literal(g: Generator, f: Tensor, p: Tensor, z: Tensor, connect: int) -> Tensor:
    """The generator by its table: activation, convolution, norm; skips of activated maps."""

    def bn(x: Tensor, norm: nn.Module) -> Tensor:
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
        gain, shift = (v.view(1, -1, 1, 1) for v in (norm.weight, norm.bias))  # type: ignore[operator, union-attr]
        return (x - mean) / (var + 1e-5).sqrt() * gain + shift

    leaky = nn.functional.leaky_relu
    seen = [g.encode[0].conv(p)]
    for stage in list(g.encode)[1:]:
        seen[-1] = leaky(seen[-1], 0.2)
        seen.append(bn(stage.conv(seen[-1]), stage.norm))
    x = torch.cat([f[:, :, None, None], seen.pop(), z[:, :, None, None]], 1)
    for k, stage in enumerate(g.decode):
        if 1 <= k <= connect:
            x = torch.cat([x, seen[5 - k]], 1)
        x = stage.conv(x.relu())
        if k < 5:
            x = bn(x, stage.norm)
    return x


@pytest.mark.parametrize("connect", [0, 2, 5])
def test_the_generator_is_its_table(connect: int) -> None:
    torch.manual_seed(0)
    g = Generator(6, (64, 32), dim=2, pose_dim=3, noise_dim=4, connect=connect, dropout=0.0)
    g.double()
    f, p = torch.rand(3, 6).double(), torch.rand(3, 18, 64, 32).double()
    z = torch.randn(3, 4).double()
    torch.testing.assert_close(g(f, p, z), literal(g, f, p, z, connect), rtol=1e-9, atol=1e-9)


def test_dropout_is_in_the_decoder_but_for_its_last_stage() -> None:
    g = Generator(6, (32, 32), dim=2)
    assert [stage.dropout.p for stage in g.encode] == [0.0] * 6
    assert [stage.dropout.p for stage in g.decode] == [0.2] * 5 + [0.0]


def test_instance_norm_leaves_single_values_alone() -> None:
    g = Generator(6, (64, 32), dim=2, norm="instance")
    x = torch.randn(2, 4, 3, 2)
    torch.testing.assert_close(g.encode[1].norm(x), instance_norm(x))
    code = torch.randn(2, 128, 1, 1)
    assert g.encode[5].norm(code).equal(code)


def test_verifier_is_the_norm_of_squared_differences() -> None:
    torch.manual_seed(0)
    v = Verifier(5).double()
    nn.init.normal_(v.classifier.weight)
    a, b = torch.randn(2, 7, 5).double()
    d = (a - b) ** 2
    normal = (d - d.mean(0)) / (d.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(v(a, b), normal @ v.classifier.weight.T + v.classifier.bias)
    assert v(a, b).equal(v(b, a))


def test_starts() -> None:
    torch.manual_seed(0)
    v = Verifier(2048)
    assert float(v.classifier.weight.detach().std()) == pytest.approx(0.001, rel=0.05)
    assert not v.classifier.bias.any()
    assert v.bn.weight.eq(1).all()
    assert not v.bn.bias.any()
    for net in (Generator(64, (64, 32), dim=16), PoseDiscriminator(16)):
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and layer.weight.numel() > 9_000:
                assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
        norms = [m for m in net.modules() if isinstance(m, BatchNorm2d)]
        gains = torch.cat([m.weight for m in norms]).detach()
        assert float(gains.mean()) == pytest.approx(1, abs=0.005)
        assert float(gains.std()) == pytest.approx(0.02, rel=0.2)
        assert not any(m.bias.any() for m in norms)
    conv, norm = nn.Conv2d(3, 4, 2), BatchNorm1d(4)
    before = conv.bias.clone()  # type: ignore[union-attr]
    init_weights(nn.Sequential(conv, norm))
    assert conv.bias.equal(before)  # type: ignore[union-attr]
    assert norm.weight.eq(1).all()


def test_the_identity_discriminator_starts_as_the_encoder() -> None:
    torch.manual_seed(0)
    trunk, verifier = resnet(18), Verifier(512)
    for tensor in (*trunk.state_dict().values(), *verifier.state_dict().values()):
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.0)
    identity = IdentityDiscriminator(resnet(18))
    identity.start_from(trunk, verifier)
    for name, value in trunk.state_dict().items():
        assert identity.trunk.state_dict()[name].equal(value), name
    for name, value in verifier.bn.state_dict().items():
        assert identity.head.bn.state_dict()[name].equal(value), name
    assert identity.head.classifier.weight.equal(verifier.classifier.weight[1:])  # "same"
    assert identity.head.classifier.bias.equal(verifier.classifier.bias[1:])
    single = Verifier(512, 1)
    identity.start_from(trunk, single)
    assert identity.head.classifier.weight.equal(single.classifier.weight)
