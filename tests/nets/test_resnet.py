"""Shapes, names, counts and strides of the ResNet trunks."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.errors import UserError
from lookalike.nets import resnet

COUNTS = {18: 11_176_512, 34: 21_284_672, 50: 23_508_032, 101: 42_500_160}


@pytest.mark.parametrize("depth", COUNTS)
def test_parameter_counts_of_torchvision_without_fc(depth: int) -> None:
    net = resnet(depth)
    assert sum(p.numel() for p in net.parameters()) == COUNTS[depth]
    assert net.channels == (512 if depth < 50 else 2048)


def test_names_are_torchvisions() -> None:
    keys = resnet(50).state_dict()
    assert len(keys) == 53 * 6  # 53 convolutions, each with a BN of five entries
    for key in (
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.num_batches_tracked",
        "layer3.5.conv3.weight",
        "layer4.2.bn3.bias",
    ):
        assert key in keys
    assert not any(k.startswith(("layer1.1.downsample", "fc", "layer4.3")) for k in keys)
    assert "layer1.0.downsample.0.weight" not in resnet(18).state_dict()
    assert tuple(resnet(18).state_dict()["layer2.0.downsample.0.weight"].shape) == (128, 64, 1, 1)


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("stride_on", ["3x3", "1x1"])
@pytest.mark.parametrize(("last_stride", "size"), [(2, (8, 4)), (1, (16, 8))])
def test_last_stride(depth: int, stride_on: str, last_stride: int, size: tuple[int, int]) -> None:
    net = resnet(depth, stride_on=stride_on, last_stride=last_stride).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 256, 128)).shape == (1, net.channels, *size)


@pytest.mark.parametrize(("stride_on", "strides"), [("3x3", (1, 2)), ("1x1", (2, 1))])
def test_stride_placement(stride_on: str, strides: tuple[int, int]) -> None:
    block = resnet(50, stride_on=stride_on).layer2[0]  # type: ignore[arg-type]
    assert (block.conv1.stride[0], block.conv2.stride[0], block.conv3.stride[0]) == (*strides, 1)


def literal(state: dict[str, Tensor], x: Tensor, depth: int, stride_on: str, last: int) -> Tensor:
    """ResNet of He et al. written out over the state dict."""

    def conv_bn(x: Tensor, conv: str, bn: str, stride: int) -> Tensor:
        w = state[conv + ".weight"]
        x = F.conv2d(x, w, stride=stride, padding=(w.shape[2] - 1) // 2)
        s = [state[f"{bn}.{n}"][:, None, None] for n in ("running_mean", "running_var")]
        x = (x - s[0]) / (s[1] + 1e-5).sqrt()
        return x * state[bn + ".weight"][:, None, None] + state[bn + ".bias"][:, None, None]

    x = F.max_pool2d(conv_bn(x, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for stage, count in enumerate({18: [2, 2, 2, 2], 50: [3, 4, 6, 3]}[depth], 1):
        for block in range(count):
            at = f"layer{stage}.{block}"
            stride = 1 if block > 0 or stage == 1 else (last if stage == 4 else 2)
            if depth == 18:
                strides = [stride, 1]
            else:
                strides = [stride, 1, 1] if stride_on == "1x1" else [1, stride, 1]
            y = x
            for i, s in enumerate(strides, 1):
                y = conv_bn(y, f"{at}.conv{i}", f"{at}.bn{i}", s)
                y = y.relu() if i < len(strides) else y
            if f"{at}.downsample.0.weight" in state:
                x = conv_bn(x, f"{at}.downsample.0", f"{at}.downsample.1", stride)
            x = (x + y).relu()
    return x


@pytest.mark.parametrize(
    ("depth", "stride_on", "last"), [(18, "3x3", 2), (50, "3x3", 1), (50, "1x1", 2)]
)
def test_forward_is_the_literal_one(depth: int, stride_on: str, last: int) -> None:
    torch.manual_seed(0)
    net = resnet(depth, stride_on=stride_on, last_stride=last).double().eval()  # type: ignore[arg-type]
    state = net.state_dict()
    for value in state.values():
        if value.is_floating_point() and value.dim() == 1:
            value.copy_(torch.rand(value.shape) * 0.5 + 0.5)
    x = torch.randn(2, 3, 64, 32, dtype=torch.float64)
    expected = literal(state, x, depth, stride_on, last)
    torch.testing.assert_close(net(x), expected, rtol=1e-9, atol=1e-9)


def test_he_initialisation() -> None:
    torch.manual_seed(0)
    net = resnet(50)
    w = net.layer3[0].conv1.weight  # 512 → 256 channels
    assert w.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)  # fan-out, gain √2
    assert net.bn1.weight.eq(1).all()
    assert net.layer4[2].bn3.bias.eq(0).all()


def test_channels_last_and_bf16_autocast() -> None:
    torch.manual_seed(0)
    net = resnet(18).to(memory_format=torch.channels_last)
    # torch 2.13's bf16 convolutions to maps one pixel wide are wrong on some CPUs: 64, not 32
    x = torch.randn(2, 3, 128, 64).to(memory_format=torch.channels_last)
    full = net(x)
    assert full.is_contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        half = net(x)
    assert half.dtype == torch.bfloat16
    assert F.cosine_similarity(half.float().flatten(), full.flatten(), 0) > 0.99
    half.float().sum().backward()
    assert net.conv1.weight.grad is not None
    assert net.conv1.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("depth", "options", "message"),
    [
        (51, {}, "Unknown ResNet depth '51'"),
        (50, {"stride_on": "auto"}, "Unknown stride_on 'auto'"),
        (50, {"last_stride": 3}, "Unknown last_stride '3'"),
    ],
)
def test_wrong_options(depth: int, options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resnet(depth, **options)  # type: ignore[arg-type]
