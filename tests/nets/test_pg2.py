"""PG²'s networks against the published counts, shapes and a literal forward pass."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.nets.pg2 import G1, G2, Discriminator, Halving, PoseEmbed

State = dict[str, Tensor]
MARKET, DEEPFASHION = (128, 64, 5), (256, 256, 6)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("size", "embed", "published"),
    [
        (MARKET, "concat", 70_795_075),
        (DEEPFASHION, "concat", 122_103_235),
        (MARKET, "ce", 71_043_011),
        (DEEPFASHION, "ce", 122_613_315),
        (MARKET, "hme", 94_492_163),
        (DEEPFASHION, "hme", 162_940_291),
    ],
)
def test_g1_counts(size: tuple[int, int, int], embed: PoseEmbed, published: int) -> None:
    with torch.device("meta"):
        assert count(G1(*size, pose_embed=embed)) == published


def test_g2_and_discriminator_counts() -> None:
    with torch.device("meta"):
        assert count(G2(3)) == 6_058_883
        assert count(G2(4, skip_outer=True)) == 12_696_067
        market = [Discriminator(128, 64, 4, inputs=k) for k in (3, 6)]
        fashion = [Discriminator(256, 256, 5, inputs=k) for k in (3, 6)]
    assert [count(d) for d in market] == [4_324_737, 4_329_537]
    assert [count(d) for d in fashion] == [10_896_257, 10_901_057]
    biases = [sum(c.bias.numel() for c in d.convs) for d in (market[0], fashion[0])]
    assert biases == [960, 1472]


def seen_by(blocks: nn.ModuleList) -> list[tuple[int, ...]]:
    """Filled with the shape of what each block is given, without the batch."""
    shapes: list[tuple[int, ...]] = []
    for block in blocks:
        block.register_forward_pre_hook(lambda _, x: shapes.append(tuple(x[0].shape[1:])))
    return shapes


@pytest.mark.parametrize(
    ("size", "encoder", "decoder", "code"),
    [
        (MARKET,
         [(128, 128, 64), (256, 64, 32), (384, 32, 16), (512, 16, 8), (640, 8, 4)],
         [(768, 8, 4), (1024, 16, 8), (768, 32, 16), (512, 64, 32), (256, 128, 64)],
         (20_480, 64, 4_096)),
        (DEEPFASHION,
         [(128, 256, 256), (256, 128, 128), (384, 64, 64), (512, 32, 32), (640, 16, 16),
          (768, 8, 8)],
         [(896, 8, 8), (1280, 16, 16), (1024, 32, 32), (768, 64, 64), (512, 128, 128),
          (256, 256, 256)],
         (49_152, 64, 8_192)),
    ],
)  # fmt: skip
def test_g1_shapes(size: Any, encoder: Any, decoder: Any, code: Any) -> None:
    with torch.device("meta"):
        net = G1(*size)
        down, up = seen_by(net.encoder.blocks), seen_by(net.blocks)
        made = net(torch.empty(2, 3, *size[:2]), torch.empty(2, 18, *size[:2]))
    assert (down, up, made.shape) == (encoder, decoder, (2, 3, *size[:2]))
    assert (net.to_code.in_features, net.to_code.out_features, net.from_code.out_features) == code


@pytest.mark.parametrize(
    ("size", "skip", "decoder"),
    [
        (MARKET, False, [(768, 32, 16), (384, 64, 32), (128, 128, 64)]),
        (DEEPFASHION, True, [(1024, 32, 32), (512, 64, 64), (384, 128, 128), (256, 256, 256)]),
    ],
)
def test_g2_shapes(size: Any, skip: bool, decoder: Any) -> None:
    with torch.device("meta"):
        net, image = G2(size[2] - 2, skip_outer=skip), torch.empty(2, 3, *size[:2])
        up = seen_by(net.decoder)
        assert net(image, image).shape == image.shape
    assert up == decoder


def test_discriminator_shapes() -> None:
    with torch.device("meta"):
        for size, features in ((MARKET, 16_384), (DEEPFASHION, 32_768)):
            net = Discriminator(*size[:2], size[2] - 1)
            assert net.out.in_features == features
            assert net(torch.empty(4, 3, *size[:2])).shape == (4,)


# ---- padding ---------------------------------------------------------------------------


def tensorflow_same(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A convolution with stride 2 by TensorFlow's definition of SAME, one output at a time."""
    k, (height, width) = weight.shape[2], x.shape[2:]
    before = [max((math.ceil(n / 2) - 1) * 2 + k - n, 0) // 2 for n in (height, width)]
    out = x.new_zeros(len(x), len(weight), math.ceil(height / 2), math.ceil(width / 2))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            for a in range(k):
                for b in range(k):
                    r, c = 2 * i + a - before[0], 2 * j + b - before[1]
                    if 0 <= r < height and 0 <= c < width:
                        out[:, :, i, j] += x[:, :, r, c] @ weight[:, :, a, b].T
    return out + bias[:, None, None]


@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_is_tensorflows(kernel: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 4, dtype=torch.float64)
    net = Halving(3, 5, kernel, "tf_same").double()
    torch.testing.assert_close(net(x), tensorflow_same(x, net.weight, net.bias))
    before, after = (0, 1) if kernel == 3 else (1, 2)
    explicit = F.conv2d(F.pad(x, (before, after, before, after)), net.weight, net.bias, 2)
    assert torch.equal(net(x), explicit)


@pytest.mark.parametrize("kernel", [3, 5])
def test_symmetric_padding_shifts_what_is_seen(kernel: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 4)
    net, same = Halving(3, 5, kernel, "symmetric"), Halving(3, 5, kernel, "tf_same")
    same.load_state_dict(net.state_dict())
    assert torch.equal(net(x), F.conv2d(x, net.weight, net.bias, 2, kernel // 2))
    assert net(x).shape == same(x).shape
    assert not torch.allclose(net(x), same(x))


# ---- literal forward passes ------------------------------------------------------------


def k3(s: State, name: str, x: Tensor) -> Tensor:
    return F.conv2d(x, s[f"{name}.weight"], s[f"{name}.bias"], padding=1)


def halved(s: State, name: str, x: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (0, 1, 0, 1)), s[f"{name}.weight"], s[f"{name}.bias"], 2)


def linear(s: State, name: str, x: Tensor) -> Tensor:
    return x @ s[f"{name}.weight"].T + s[f"{name}.bias"]


def doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def encode(s: State, name: str, x: Tensor, blocks: int, residual: bool) -> list[Tensor]:
    x = k3(s, f"{name}.inlet", x).relu()
    skips = []
    for i in range(blocks):
        r = x
        x = k3(s, f"{name}.blocks.{i}.a", x).relu()
        x = k3(s, f"{name}.blocks.{i}.b", x).relu()
        x = x + r if residual else x
        skips.append(x)
        if i < blocks - 1:
            x = halved(s, f"{name}.downs.{i}", x).relu()
    return skips


def literal_g1(s: State, image: Tensor, pose: Tensor, embed: str, blocks: int, channels: int,
               residual: bool, bottleneck: bool) -> Tensor:  # fmt: skip
    seen = torch.cat((image, pose), 1) if embed == "concat" else image
    skips = encode(s, "encoder", seen, blocks, residual)
    x = skips[-1]
    if bottleneck:
        batch, _, h, w = x.shape
        code = linear(s, "to_code", x.reshape(batch, -1))
        if embed == "ce":
            hidden = linear(s, "pose_code.0", pose).relu()
            code = torch.cat((code, linear(s, "pose_code.2", hidden)), 1)
        if embed == "hme":
            deepest = encode(s, "pose_encoder", pose, blocks, residual)[-1]
            code = torch.cat((code, linear(s, "pose_to_code", deepest.reshape(batch, -1))), 1)
        x = linear(s, "from_code", code).reshape(batch, channels, h, w)
    for i in range(blocks):
        x = r = torch.cat((x, skips[blocks - 1 - i]), 1)
        x = k3(s, f"blocks.{i}.a", x).relu()
        x = k3(s, f"blocks.{i}.b", x).relu()
        x = x + r if residual else x
        if i < blocks - 1:
            x = F.conv2d(doubled(x), s[f"ups.{i}.weight"], s[f"ups.{i}.bias"]).relu()
    return k3(s, "out", x)


@pytest.mark.parametrize(
    ("embed", "residual", "bottleneck"),
    [
        ("concat", True, True),
        ("ce", True, True),
        ("hme", True, True),
        ("concat", False, True),
        ("concat", True, False),
    ],
)
def test_g1_is_the_literal_one(embed: PoseEmbed, residual: bool, bottleneck: bool) -> None:
    torch.manual_seed(0)
    net = G1(32, 16, 3, 4, embed, residual, bottleneck).double()
    image = torch.randn(2, 3, 32, 16, dtype=torch.float64)
    pose = torch.randn(2, *((36,) if embed == "ce" else (18, 32, 16)), dtype=torch.float64)
    expected = literal_g1(net.state_dict(), image, pose, embed, 3, 4, residual, bottleneck)
    torch.testing.assert_close(net(image, pose), expected)
    again = net.to(memory_format=torch.channels_last)(image, pose)  # type: ignore[call-overload]
    torch.testing.assert_close(again, expected)
    assert not torch.allclose(net(image, pose + 1), expected)  # the pose arrives
    assert any(isinstance(m, nn.Linear) for m in net.modules()) == bottleneck


def literal_g2(s: State, coarse: Tensor, image: Tensor, blocks: int, outer: bool) -> Tensor:
    x = k3(s, "inlet", torch.cat((coarse, image), 1)).relu()
    saved = []
    for i in range(blocks):
        x = k3(s, f"encoder.{i}.b", k3(s, f"encoder.{i}.a", x).relu()).relu()
        saved.append(x)
        if i < blocks - 1:
            x = halved(s, f"downs.{i}", x).relu()
    for i in range(blocks):
        if i < blocks - 1 or outer:
            x = torch.cat((x, saved[blocks - 1 - i]), 1)
        x = k3(s, f"decoder.{i}.b", k3(s, f"decoder.{i}.a", x).relu()).relu()
        x = doubled(x) if i < blocks - 1 else x
    return k3(s, "out", x)


@pytest.mark.parametrize("outer", [False, True])
def test_g2_is_the_literal_one(outer: bool) -> None:
    torch.manual_seed(0)
    net = G2(3, 4, outer).double()
    coarse, image = torch.randn(2, 2, 3, 16, 8, dtype=torch.float64)
    expected = literal_g2(net.state_dict(), coarse, image, 3, outer)
    torch.testing.assert_close(net(coarse, image), expected)


def literal_d(s: State, x: Tensor, layers: int) -> Tensor:
    for i in range(layers):
        x = F.pad(x, (1, 2, 1, 2))
        x = F.conv2d(x, s[f"convs.{i}.weight"], s[f"convs.{i}.bias"], 2)
        if i:
            mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), False, keepdim=True)
            scale, offset = (s[f"norms.{i - 1}.{n}"][:, None, None] for n in ("weight", "bias"))
            x = (x - mean) / (var + 1e-5).sqrt() * scale + offset
        x = torch.where(x > 0, x, 0.2 * x)
    return linear(s, "out", x.reshape(len(x), -1))[:, 0]


def test_discriminator_is_the_literal_one_and_judges_a_batch_as_a_whole() -> None:
    torch.manual_seed(0)
    net, x = Discriminator(32, 16, 3, 4).double(), torch.randn(6, 3, 32, 16, dtype=torch.float64)
    for p in net.norms.parameters():
        nn.init.normal_(p)
    before = {name: b.clone() for name, b in net.named_buffers()}
    for mode in (True, False):  # in eval mode too
        torch.testing.assert_close(net.train(mode)(x), literal_d(net.state_dict(), x, 3))
    assert not torch.allclose(net(x[:3]), net(x)[:3])
    assert all(torch.equal(b, before[name]) for name, b in net.named_buffers())


def test_first_weights() -> None:
    torch.manual_seed(0)
    for net in (G1(32, 16, 3, 16), G2(3, 16)):
        for m in net.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                area = m.weight[0, 0].numel() if m.weight.dim() == 4 else 1
                bound = math.sqrt(6 / (area * sum(m.weight.shape[:2])))
                assert 0.9 * bound < float(m.weight.detach().abs().max()) <= bound
                assert m.bias is not None
                assert not m.bias.any()
    dis = Discriminator(32, 16, 3, 32)
    for m in dis.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            assert float(m.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
            assert float(m.weight.detach().abs().max()) <= 0.0347
            assert not m.bias.any()
    assert all((n.weight == 1).all() and not n.bias.any() for n in dis.norms)
