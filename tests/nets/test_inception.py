"""What can be checked of the Inception of 2015 without its weights: names, shapes, parts."""

import copy

import pytest
import torch
import torch.nn.functional as F

from lookalike.errors import UserError
from lookalike.nets.inception import Inception, average, inception, tensorflow_resize

# Of torchvision's inception_v3 as it is published: 27,161,264 parameters with 1000 classes and
# 3,326,696 of them in the auxiliary classifier, which the graph of 2015-12-05 doesn't have.
TRUNK = 27_161_264 - 3_326_696 - (2048 + 1) * 1000


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Inception().eval()


def test_counts_and_public_names(net):
    assert sum(p.numel() for p in net.parameters()) == TRUNK + (2048 + 1) * 1008
    state = net.state_dict()
    convs = [k for k in state if k.endswith(".conv.weight")]
    assert len(convs) == 94
    assert len(state) == 94 * (1 + 5) + 2
    shapes = {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
        "Mixed_5d.branch3x3dbl_3.conv.weight": (96, 96, 3, 3),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6b.branch7x7_2.conv.weight": (128, 128, 1, 7),
        "Mixed_6b.branch7x7_3.conv.weight": (192, 128, 7, 1),
        "Mixed_6d.branch7x7dbl_2.conv.weight": (160, 160, 7, 1),
        "Mixed_6e.branch7x7dbl_5.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7b.branch3x3_2a.conv.weight": (384, 384, 1, 3),
        "Mixed_7c.branch3x3dbl_1.conv.weight": (448, 2048, 1, 1),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
        "fc.weight": (1008, 2048),
        "fc.bias": (1008,),
    }
    assert {k: tuple(state[k].shape) for k in shapes} == shapes


def test_features_and_logits_without_the_bias(net):
    images = torch.randint(0, 256, (2, 3, 64, 32), generator=torch.Generator().manual_seed(0))
    sizes = {}
    hooks = [
        getattr(net, name).register_forward_hook(
            lambda _, __, out, name=name: sizes.update({name: tuple(out.shape[1:])})
        )
        for name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c")
    ]
    with torch.no_grad():
        features, logits = net(images.to(torch.uint8))
    for hook in hooks:
        hook.remove()
    assert sizes == {
        "Conv2d_2b_3x3": (64, 147, 147),
        "Conv2d_4a_3x3": (192, 71, 71),
        "Mixed_5d": (288, 35, 35),
        "Mixed_6e": (768, 17, 17),
        "Mixed_7c": (2048, 8, 8),
    }
    assert features.shape == (2, 2048)
    want = F.linear(features, net.fc.weight, net.fc.bias) - net.fc.bias
    torch.testing.assert_close(logits, want)


def test_pools_are_those_of_the_graph(net):
    flat = torch.ones(1, 2, 5, 5)
    assert (average(flat) == 1).all()  # padding that counted would darken the border
    assert net.Mixed_7b.pool == "average"
    assert net.Mixed_7c.pool == "maximum"
    assert net.Conv2d_1a_3x3.bn.eps == 0.001


# The branches of each block in the order in which its channels lie, and how many each has.
ORDER = {
    "Mixed_5b": {"branch1x1": 64, "branch5x5_2": 64, "branch3x3dbl_3": 96, "branch_pool": 32},
    "Mixed_6a": {"branch3x3": 384, "branch3x3dbl_3": 96, "": 288},
    "Mixed_6c": {"branch1x1": 192, "branch7x7_3": 192, "branch7x7dbl_5": 192, "branch_pool": 192},
    "Mixed_7a": {"branch3x3_2": 320, "branch7x7x3_4": 192, "": 768},
    "Mixed_7c": {"branch1x1": 320, "branch3x3_2a": 384, "branch3x3_2b": 384,
                 "branch3x3dbl_3a": 384, "branch3x3dbl_3b": 384, "branch_pool": 192},
}  # fmt: skip


@pytest.mark.parametrize("name", ORDER)
def test_branches_lie_in_the_order_of_the_weights(net, name):
    block = copy.deepcopy(getattr(net, name))
    marks = {}
    for k, branch in enumerate(ORDER[name]):
        marks[branch] = 10.0 * (k + 1) if branch else 1.0  # 1: what came in, at its maximum
        if branch:  # says its mark, whatever comes in
            conv = getattr(block, branch)
            torch.nn.init.zeros_(conv.conv.weight)
            torch.nn.init.constant_(conv.bn.bias, marks[branch])
    channels = {"5": 192, "6a": 288, "6c": 768, "7a": 768, "7c": 2048}
    inputs = channels[name[6:]] if name[6:] in channels else channels[name[6]]
    with torch.no_grad():
        out = block(torch.ones(1, inputs, 9, 9))[0, :, 1, 1]
    assert out.tolist() == [marks[b] for b, count in ORDER[name].items() for _ in range(count)]


def test_resizing_is_tensorflow_ones():
    row = torch.tensor([0.0, 10.0, 40.0]).view(1, 1, 1, 3).expand(1, 1, 2, 3)
    found = tensorflow_resize(row, 6)
    # Pixel i lies at i·3/6, between floor and the next; after the last there is nothing more.
    assert found[0, 0, 0].tolist() == [0, 5, 10, 25, 40, 40]
    assert found.shape == (1, 1, 6, 6)
    assert tensorflow_resize(row, 3)[0, 0, 0].tolist() == [0, 10, 40]


def test_public_weights_load_and_others_are_refused(net, tmp_path):
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "public.pth")
    loaded = inception(tmp_path / "public.pth")
    assert not loaded.training
    assert torch.equal(loaded.fc.weight, net.fc.weight)
    with pytest.raises(UserError, match="no Inception weights file"):
        inception(tmp_path / "none.pth")
    torchvisions = {**state, "fc.weight": torch.zeros(1000, 2048)}
    torch.save(torchvisions, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"'fc.weight' of shape \(1000, 2048\)"):
        inception(tmp_path / "other.pth")
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"can't be read"):
        inception(tmp_path / "broken.pth")
