"""The literal DG-Net against its specification's oracles: counts, names, formulas, step 0."""

import math

import pytest
import torch
import torch.nn.functional as F
import yaml
from literal import dgnet as ref
from torch import nn

H, W = 48, 40  # the least that the widest dilation's reflection padding allows


def count(net):
    return sum(p.numel() for p in net.parameters())


def images(seed, batch=2):
    return torch.randn(batch, 3, H, W, generator=torch.Generator().manual_seed(seed))


def make_batch(num_classes):
    batch = {name: images(i) for i, name in enumerate(("x_a", "x_b", "xp_a", "xp_b"))}
    batch["l_a"], batch["l_b"] = torch.tensor([0, 1]), torch.tensor([2, num_classes - 1])
    return batch


def make_draws(u=0.3, erase=True):
    names = ("ex_a", "ex_b", "exp_a", "exp_b")
    return {"u": u, **{n: images(10 + i) if erase else None for i, n in enumerate(names)}}


@pytest.fixture(scope="module")
def fresh():
    torch.manual_seed(0)
    return ref.Reference(751)


# ---- networks ---------------------------------------------------------------------------------


def test_parameter_counts(fresh):
    gen = fresh.gen
    assert count(gen.enc_content) == 380_544
    assert count(gen.dec) == 1_455_555
    assert count(gen.mlp_w1) == 1_443_072
    assert count(gen) == 13_380_675
    assert count(fresh.dis.cnns[0]) == 341_857
    assert count(fresh.dis) == 1_025_571
    assert count(fresh.id) == 28_427_782
    assert count(fresh.id.model) - count(fresh.id.model.fc) == 23_508_032
    assert count(fresh.id.classifier1) == 1_435_375
    assert count(fresh.teacher) == 26_992_407


@pytest.mark.parametrize(("k", "total"), [(702, 28_377_508), (767, 28_444_198), (1041, 28_725_322)])
def test_parameter_count_of_the_appearance_encoder_on_other_benchmarks(k, total):
    with torch.device("meta"):
        assert count(ref.AppearanceEncoder(k)) == total


def conv(name, *shape):
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def res(name, channels, norm=False):
    """The entries of four residual blocks."""
    entries = {}
    for block in range(4):
        for i in range(2):
            layer = f"{name}.model.{block}.model.{i}"
            entries |= conv(f"{layer}.conv", channels, channels, 3, 3)
            if norm:
                entries[f"{layer}.norm.running_mean"] = (channels,)
                entries[f"{layer}.norm.running_var"] = (channels,)
    return entries


def shapes(net):
    return {name: tuple(value.shape) for name, value in net.state_dict().items()}


def test_generator_entries(fresh):
    enc, dec = "enc_content.model", "dec.model"
    want = conv(f"{enc}.0.conv", 16, 1, 3, 3) | conv(f"{enc}.1.conv", 32, 16, 3, 3)
    want |= conv(f"{enc}.2.conv", 32, 32, 3, 3) | conv(f"{enc}.3.conv", 64, 32, 3, 3)
    want |= res(f"{enc}.4", 64) | conv(f"{enc}.5.conv1.conv", 32, 64, 1, 1)
    for rate in (6, 12, 18):
        want |= conv(f"{enc}.5.conv{rate}.0.conv", 32, 64, 1, 1)
        want |= conv(f"{enc}.5.conv{rate}.1.conv", 32, 32, 3, 3)
    want |= conv(f"{enc}.5.fuse.conv", 128, 128, 1, 1)
    want |= res(f"{dec}.1", 128, norm=True)
    for i, out in ((3, 64), (5, 32)):
        want |= conv(f"{dec}.{i}.conv", out, 2 * out, 5, 5)
        want |= {f"{dec}.{i}.norm.gamma": (out,), f"{dec}.{i}.norm.beta": (out,)}
    want |= conv(f"{dec}.6.conv", 32, 32, 3, 3) | conv(f"{dec}.7.conv", 32, 32, 3, 3)
    want |= conv(f"{dec}.8.conv", 3, 32, 1, 1)
    for mlp in [f"mlp_{x}{k}" for x in "wb" for k in (1, 2, 3, 4)]:
        want |= conv(f"{mlp}.model.0.fc", 512, 2048) | conv(f"{mlp}.model.1.fc", 512, 512)
        want |= conv(f"{mlp}.model.2.fc", 256, 512)
    assert len(want) == 134
    assert shapes(fresh.gen) == want


def test_discriminator_entries(fresh):
    want = {}
    for scale in range(3):
        cnn = f"cnns.{scale}"
        want |= conv(f"{cnn}.0.conv", 32, 3, 1, 1) | conv(f"{cnn}.4.conv", 64, 32, 3, 3)
        for i in (1, 2, 3):
            want |= conv(f"{cnn}.{i}.conv", 32, 32, 3, 3)
        for i in (5, 6, 7, 8):
            want |= conv(f"{cnn}.{i}.model.0.conv", 64, 64, 3, 3)
            want |= conv(f"{cnn}.{i}.model.1.conv", 64, 64, 3, 3)
        want |= conv(f"{cnn}.9", 1, 64, 1, 1)
    assert len(want) == 84
    assert shapes(fresh.dis) == want


def batchnorm(name, channels):
    columns = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{c}": (channels,) for c in columns} | {f"{name}.num_batches_tracked": ()}


def resnet():
    """The 320 entries of torchvision's ResNet-50, under `model.`."""
    want = {"conv1.weight": (64, 3, 7, 7)} | batchnorm("bn1", 64) | conv("fc", 1000, 2048)
    inputs = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            b = f"layer{stage}.{block}"
            want |= {f"{b}.conv1.weight": (width, inputs, 1, 1)} | batchnorm(f"{b}.bn1", width)
            want |= {f"{b}.conv2.weight": (width, width, 3, 3)} | batchnorm(f"{b}.bn2", width)
            want |= {f"{b}.conv3.weight": (4 * width, width, 1, 1)}
            want |= batchnorm(f"{b}.bn3", 4 * width)
            if block == 0:
                want |= {f"{b}.downsample.0.weight": (4 * width, inputs, 1, 1)}
                want |= batchnorm(f"{b}.downsample.1", 4 * width)
            inputs = 4 * width
    return {f"model.{name}": shape for name, shape in want.items()}


def head(name, num_classes=751):
    return (
        conv(f"{name}.add_block.0", 512, 2048)
        | batchnorm(f"{name}.add_block.1", 512)
        | conv(f"{name}.classifier.0", num_classes, 512)
    )


def test_entries_of_the_reidentification_networks(fresh):
    want = resnet() | head("classifier1") | head("classifier2")
    assert len(want) == 338
    assert shapes(fresh.id) == want
    want = resnet() | head("classifier")
    assert len(want) == 329
    assert shapes(fresh.teacher) == want


def test_shapes_at_full_size(fresh):
    x = torch.randn(2, 3, 256, 128)
    with torch.no_grad():
        s = fresh.gen.encode(x)
        last = fresh.id.model(x[:1])
        y = fresh.gen.decode(s[:1], torch.rand(1, 8192))
        scores = [tuple(score.shape) for score in fresh.dis(x[:1])]
    assert s.shape == (2, 128, 64, 32)
    assert s.mean().abs() < 1e-5
    assert s.std().item() == pytest.approx(1, abs=1e-2)
    assert last.shape == (1, 2048, 16, 8)
    assert y.shape == (1, 3, 256, 128)
    assert scores == [(1, 1, 64, 32), (1, 1, 32, 16), (1, 1, 16, 8)]


# ---- formulas ---------------------------------------------------------------------------------


def functional(state):
    """Es, the decoder and one discriminator, written over again as functions of a state."""

    def conv2d(x, name, stride=1, dilation=1):
        weight = state[f"{name}.weight"]
        pad = dilation * (weight.shape[2] // 2)
        x = F.pad(x, (pad, pad, pad, pad), mode="reflect")
        return F.conv2d(x, weight, state[f"{name}.bias"], stride, dilation=dilation)

    def normal(x):
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
        return (x - mean) / (var + 1e-5).sqrt()

    def lrelu(x):
        return torch.where(x > 0, x, 0.2 * x)

    def encode(x):
        e = "enc_content.model"
        x = x.sum(1, keepdim=True) / 3
        for i, stride in enumerate((2, 1, 1, 2)):
            x = lrelu(normal(conv2d(x, f"{e}.{i}.conv", stride)))
        for i in range(4):
            y = lrelu(normal(conv2d(x, f"{e}.4.model.{i}.model.0.conv")))
            x = x + normal(conv2d(y, f"{e}.4.model.{i}.model.1.conv"))
        parts = [normal(conv2d(x, f"{e}.5.conv1.conv"))]
        for rate, dilation in ((6, 3), (12, 6), (18, 9)):
            y = lrelu(normal(conv2d(x, f"{e}.5.conv{rate}.0.conv")))
            parts.append(normal(conv2d(y, f"{e}.5.conv{rate}.1.conv", dilation=dilation)))
        return normal(conv2d(torch.cat(parts, 1), f"{e}.5.fuse.conv"))

    def mlp(x, name):
        for i in range(3):
            x = x @ state[f"{name}.model.{i}.fc.weight"].T + state[f"{name}.model.{i}.fc.bias"]
            x = lrelu(x) if i < 2 else x
        return x[:, :, None, None]

    def decode(x, f):
        d = "dec.model"
        for k, chunk in enumerate(f.split(2048, 1), 1):
            w, b = mlp(chunk, f"mlp_w{k}"), mlp(chunk, f"mlp_b{k}")
            y = normal(conv2d(x, f"{d}.1.model.{k - 1}.model.0.conv"))
            y = lrelu(w[:, :128] * y + b[:, :128])
            y = normal(conv2d(y, f"{d}.1.model.{k - 1}.model.1.conv"))
            x = x + w[:, 128:] * y + b[:, 128:]
        for i in (3, 5):
            x = conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), f"{d}.{i}.conv")
            mean, std = x.mean((1, 2, 3), keepdim=True), x.std((1, 2, 3), keepdim=True)
            gamma, beta = (state[f"{d}.{i}.norm.{n}"].view(-1, 1, 1) for n in ("gamma", "beta"))
            x = lrelu((x - mean) / (std + 1e-5) * gamma + beta)
        x = lrelu(conv2d(lrelu(conv2d(x, f"{d}.6.conv")), f"{d}.7.conv"))
        return conv2d(x, f"{d}.8.conv")

    def score(x, scale):
        c = f"cnns.{scale}"
        for i, stride in enumerate((1, 1, 2, 1, 2)):
            x = lrelu(conv2d(x, f"{c}.{i}.conv", stride))
        for i in (5, 6, 7, 8):
            y = lrelu(conv2d(x, f"{c}.{i}.model.0.conv"))
            x = x + conv2d(y, f"{c}.{i}.model.1.conv")
        return conv2d(x, f"{c}.9")

    return encode, decode, score


def test_networks_against_a_functional_version():
    torch.manual_seed(0)
    gen, dis = ref.Generator().double(), ref.Discriminator().double()
    ref.randomise(gen)
    ref.randomise(dis)
    encode, decode, _ = functional(gen.state_dict())
    x, f = images(0).double(), torch.rand(2, 8192, dtype=torch.float64)
    with torch.no_grad():
        s = gen.encode(x)
        torch.testing.assert_close(s, encode(x), rtol=0, atol=1e-11)
        y, want = gen.decode(s, f), decode(s, f)
        torch.testing.assert_close(y, want, rtol=0, atol=1e-11 * float(want.abs().max()))
        score = functional(dis.state_dict())[2]
        for scale, got in enumerate(dis(x)):
            torch.testing.assert_close(got, score(x, scale), rtol=0, atol=1e-12)
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)


def test_discriminator_loss_scale_by_scale_and_image_by_image():
    torch.manual_seed(0)
    dis = ref.Discriminator().double()
    for p in dis.parameters():
        nn.init.normal_(p, 0, 0.1)
    fake, real = images(0).double()[:, :, :32, :32], images(1).double()[:, :, :32, :32]
    loss, penalty = ref.discriminator_loss(dis, fake, real, 0.01)

    def pooled(x, times):
        for _ in range(times):
            total = F.avg_pool2d(x, 3, 2, 1, divisor_override=1)
            x = total / F.avg_pool2d(torch.ones_like(x), 3, 2, 1, divisor_override=1)
        return x

    want_loss, want_penalty = 0.0, 0.0
    for scale, cnn in enumerate(dis.cnns):
        want_loss += cnn(pooled(fake, scale)).pow(2).mean()
        want_loss += (cnn(pooled(real, scale)) - 1).pow(2).mean()
        for i in range(len(real)):
            x = real[i : i + 1].clone().requires_grad_()
            (slope,) = torch.autograd.grad(cnn(pooled(x, scale)).sum(), x)
            want_penalty += 0.01 * slope.pow(2).sum() / len(real)
    torch.testing.assert_close(loss, want_loss)
    torch.testing.assert_close(penalty, want_penalty)
    adversarial = sum(
        2 * (cnn(pooled(fake, i)) - 1).pow(2).mean() for i, cnn in enumerate(dis.cnns)
    )
    torch.testing.assert_close(ref.adversarial_loss(dis, fake), adversarial)


def test_ramps(fresh):
    assert set(fresh.weights(30_000).values()) == {0}
    assert set(fresh.weights(30_001).values()) == {0.0005}
    assert set(fresh.weights(32_000).values()) == {1}
    code = {"recon_s": 1, "recon_f": 1, "recon_cyc": 2, "teacher": 2}
    assert fresh.weights(34_000) == code
    assert fresh.weights(99_999) == code


# ---- one iteration ----------------------------------------------------------------------------


def reached(loss, nets):
    """The names of the networks where the gradient of `loss` is not exactly zero everywhere."""
    if not loss.requires_grad:
        return ()
    owned = [(name, p) for name, net in nets.items() for p in net.parameters()]
    grads = torch.autograd.grad(loss, [p for _, p in owned], retain_graph=True, allow_unused=True)
    names = [n for (n, _), g in zip(owned, grads, strict=True) if g is not None and (g != 0).any()]
    return tuple(dict.fromkeys(names))


GENERATOR = ("Es", "decoder", "MLPs")
ROUTES = {  # with the discriminator's own loss
    "d_loss": (),
    "adv": GENERATOR,
    "recon_x": GENERATOR,
    "recon_xp": GENERATOR,
    "recon_id": GENERATOR,
    "recon_f": (),
    "recon_cyc": GENERATOR,
    "id": ("trunk", "head 1"),
    "id_fine": ("trunk", "head 2"),
    "pid": ("trunk", "head 1"),
    "teacher": ("trunk", "head 1"),
    "fine": ("trunk", "head 2"),
}


@pytest.mark.parametrize(("u", "structure"), [(0.5, ("Es",)), (0.51, GENERATOR)])
def test_which_loss_moves_which_network(u, structure):
    torch.manual_seed(0)
    r = ref.Reference(7)
    ref.randomise(r.id)
    batch, draws = make_batch(7), make_draws(u)
    made = r.forward(batch, draws)
    losses = r.discriminator_losses(batch, made) | r.generator_losses(batch, made, 32_000, u)
    nets = {
        "Es": r.gen.enc_content,
        "decoder": r.gen.dec,
        "MLPs": nn.ModuleList([getattr(r.gen, f"mlp_{x}{k}") for x in "wb" for k in range(1, 5)]),
        "trunk": r.id.model,
        "head 1": r.id.classifier1,
        "head 2": r.id.classifier2,
    }
    for name, expected in {**ROUTES, "recon_s": structure}.items():
        assert losses[name].item() > 0, name
        assert reached(losses[name], nets) == expected, name
    assert not any(p.requires_grad for p in r.teacher.parameters())


def test_each_side_has_its_donors_and_labels():
    torch.manual_seed(0)
    r = ref.Reference(7, dropout=(0.0, 0.0))
    ref.randomise(r.id)
    batch, draws = make_batch(7), make_draws()
    x = {"a": batch["x_a"], "b": batch["x_b"]}
    xp = {"a": batch["xp_a"], "b": batch["xp_b"]}
    erased = {"a": draws["ex_a"], "b": draws["ex_b"]}
    erased_p = {"a": draws["exp_a"], "b": draws["exp_b"]}
    label = {"a": batch["l_a"], "b": batch["l_b"]}
    with torch.no_grad():
        made = r.forward(batch, draws)
        got = r.generator_losses(batch, made, 33_000, u=0.2)

        def code(image):
            return r.id(image)[0]

        def logits(image, head):
            return r.id(image)[1][head - 1]

        want = dict.fromkeys(got, 0.0)
        for i, j in ("ab", "ba"):  # side i: its other side is j
            y = r.gen.decode(r.gen.encode(x[j]), code(x[i]))  # structure j, appearance i
            z = r.gen.decode(r.gen.encode(x[i]), code(x[j]))  # structure i, appearance j
            s, s_again, f, f_again = r.gen.encode(x[i]), r.gen.encode(z), code(x[i]), code(y)
            p = logits(y, 1).log_softmax(1)
            q = (r.teacher(y).softmax(1) + r.teacher(y.flip(3)).softmax(1)) / 2
            want["adv"] += 2 * sum((score - 1).pow(2).mean() for score in r.dis(y))
            want["recon_x"] += (r.gen.decode(s, f) - x[i]).abs().mean()
            want["recon_xp"] += (r.gen.decode(s, code(xp[i])) - x[i]).abs().mean()
            want["recon_s"] += (s_again - s).abs().mean()
            want["recon_f"] += (f_again - f).abs().mean()
            want["recon_cyc"] += (r.gen.decode(s_again, f_again) - x[i]).abs().mean()
            want["id"] += F.cross_entropy(logits(erased[i], 1), label[i])
            want["id_fine"] += F.cross_entropy(logits(erased[i], 2), label[i])
            want["pid"] += F.cross_entropy(logits(erased_p[i], 1), label[i])
            want["recon_id"] += F.cross_entropy(logits(y, 1), label[i])
            want["teacher"] += (torch.special.xlogy(q, q) - q * p).sum() / 2
            want["fine"] += F.cross_entropy(logits(y, 2), label[j])
            want["d_loss"] = want.get("d_loss", 0.0) + sum(
                fake.pow(2).mean() + (real - 1).pow(2).mean()
                for fake, real in zip(r.dis(y), r.dis(x[i]), strict=True)
            )
    d = r.discriminator_losses(batch, made)
    got["d_loss"] = d["d_loss"].detach() - d["d_r1"].detach()
    for name in got.keys() - {"g_total"}:
        assert float(got[name]) == pytest.approx(float(want[name]), rel=2e-4), name


def test_first_step_on_market():
    torch.manual_seed(0)
    r = ref.Reference(751)
    losses = r.step(make_batch(751), 0, make_draws())
    assert float(losses["d_loss"]) == pytest.approx(6.00, abs=0.02)
    assert 0 < float(losses["d_r1"]) < 0.01
    assert float(losses["adv"]) == pytest.approx(12.0, abs=0.05)
    assert 0.5 * float(losses["recon_id"]) == pytest.approx(6.62, abs=0.05)
    assert float(losses["id"]) == pytest.approx(2 * math.log(751), abs=0.15)
    assert float(losses["pid"]) == pytest.approx(2 * math.log(751), abs=0.15)
    for name in ("recon_s", "recon_f", "recon_cyc", "id_fine", "teacher", "fine"):
        assert float(losses[name]) == 0


def test_steps_update_batchnorm_and_every_network():
    torch.manual_seed(0)
    r = ref.Reference(7)
    counts = [r.id.model.bn1, r.id.classifier1.add_block[1], r.id.classifier2.add_block[1]]

    def updates():
        return [int(bn.num_batches_tracked) for bn in counts]

    r.step(make_batch(7), 30_001, make_draws())  # the ramps were still 0 when this step began
    assert updates() == [8, 8, 8]
    nets = {"gen": r.gen, "dis": r.dis, "id": r.id, "teacher": r.teacher}
    before = {
        (net, name): p.detach().clone() for net in nets for name, p in nets[net].named_parameters()
    }
    losses = r.step(make_batch(7), 32_000, make_draws(u=0.9))
    assert updates() == [18, 18, 18]
    assert all(torch.isfinite(value) for value in losses.values())
    for (net, name), old in before.items():
        new = nets[net].get_parameter(name)
        assert torch.isfinite(new).all()
        frozen = net == "teacher" or name.startswith("model.fc.")
        assert torch.equal(old, new) == frozen, (net, name)


# ---- the authors' files -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def authors(tmp_path_factory):
    return ref.authors_files(
        tmp_path_factory.mktemp("dgnet"), 3, 9, nonlocal_entries=True, module_prefix=True
    )


def load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def test_authors_files(authors):
    run = authors["config"].parent
    assert authors["gen"] == run / "checkpoints" / "gen_00100000.pt"
    states = {name: load(authors[name]) for name in ("gen", "dis", "id")}
    assert all(list(state) == ["a"] for state in states.values())
    gen = states["gen"]["a"]
    assert len(gen) > len([k for k in gen if "nonloc" not in k]) == 134
    assert all(key.startswith("module.cnns.") for key in states["dis"]["a"])
    assert len(states["dis"]["a"]) == 84
    assert len(states["id"]["a"]) == 338
    assert states["id"]["a"]["classifier2.classifier.0.weight"].shape == (9, 512)
    assert len(load(authors["teacher"])) == 329
    assert set(load(authors["optimizer"])) == {"gen", "id", "dis"}
    config = yaml.safe_load(authors["config"].read_text())
    assert config["ID_class"] == 9
    assert config["gen"]["id_dim"] == 2048
    assert yaml.safe_load(authors["teacher_opts"].read_text())["stride"] == 2
    for name, value in {**gen, **states["id"]["a"], **load(authors["teacher"])}.items():
        trivial = value.numel() > 1 and bool((value == value.flatten()[0]).all())
        assert not trivial, name
    assert load(ref.authors_files(run / "again", 3, 9)["dis"])["a"].keys() == {
        key.removeprefix("module.") for key in states["dis"]["a"]
    }


def test_embedding_by_hand(authors):
    dtype = torch.float64
    state = load(authors["id"])["a"]
    x = images(0).to(dtype)
    features = ref.reference_embed(state, x)
    assert features.shape == (2, 1024)
    assert features.dtype == dtype
    net = ref.load_id(state, x)
    with torch.no_grad():
        for i in range(2):
            for h, name in enumerate(("classifier1", "classifier2")):
                total = 0
                for view in (x[i], x[i].flip(-1)):
                    pooled = net.model(view[None])[0].amax((1, 2))
                    p = {
                        k.split("add_block.")[1]: v.to(dtype)
                        for k, v in state.items()
                        if k.startswith(f"{name}.add_block.")
                    }
                    z = p["0.weight"] @ pooled + p["0.bias"]
                    z = (z - p["1.running_mean"]) / (p["1.running_var"] + 1e-5).sqrt()
                    z = z * p["1.weight"] + p["1.bias"]
                    total = total + z / z.norm()
                half = features[i, 512 * h : 512 * h + 512]
                torch.testing.assert_close(half, total / total.norm(), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(features.norm(dim=1), torch.full((2,), 2**0.5, dtype=dtype))
