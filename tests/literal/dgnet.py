"""DG-Net, transcribed literally and without optimising (Zheng et al., CVPR 2019, arXiv 1904.07223).

The peer that `lookalike.methods.dgnet` is tested and timed against: it imports nothing of
lookalike, runs every pass by itself, copies networks where the method freezes them, and keeps
contiguous NCHW. The networks' `state_dict` keys are those of the authors' checkpoints.

Letters: a and b are two batches, a' and b' (`xp_`) another image of the same people;
x_ba = G(s_b, f_a) has the structure of b and the appearance of a. Images are B×3×H×W in ImageNet's
normalised space, H and W multiples of 16 and W ≥ 48 (the widest reflection padding is 9 at W/4).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

State = dict[str, Tensor]
Logits = tuple[Tensor, Tensor]

CONFIG: dict[str, Any] = {  # the authors' config.yaml with its defaults
    "B_w": 0.2,
    "ID_class": 751,
    "ID_stride": 1,
    "ID_style": "AB",
    "apex": False,
    "batch_size": 8,
    "beta1": 0,
    "beta2": 0.999,
    "crop_image_height": 256,
    "crop_image_width": 128,
    "data_root": "../Market/pytorch/",
    "dis": {
        "LAMBDA": 0.01,
        "activ": "lrelu",
        "dim": 32,
        "gan_type": "lsgan",
        "n_layer": 2,
        "n_res": 4,
        "non_local": 0,
        "norm": "none",
        "num_scales": 3,
        "pad_type": "reflect",
    },
    "display_size": 16,
    "erasing_p": 0.5,
    "gamma": 0.1,
    "gamma2": 0.1,
    "gan_w": 1,
    "gen": {
        "activ": "lrelu",
        "dec": "basic",
        "dim": 16,
        "dropout": 0,
        "id_dim": 2048,
        "init": "kaiming",
        "mlp_dim": 512,
        "mlp_norm": "none",
        "n_downsample": 2,
        "n_res": 4,
        "non_local": 0,
        "pad_type": "reflect",
        "tanh": False,
    },
    "id_w": 1,
    "image_display_iter": 5000,
    "image_save_iter": 5000,
    "init": "kaiming",
    "input_dim_a": 1,
    "input_dim_b": 1,
    "log_iter": 1,
    "lr2": 0.002,
    "lr_d": 0.0001,
    "lr_g": 0.0001,
    "lr_policy": "multistep",
    "max_cyc_w": 2,
    "max_iter": 100000,
    "max_teacher_w": 2,
    "max_w": 1,
    "new_size": 128,
    "norm_id": False,
    "num_workers": 8,
    "pid_w": 1,
    "pool": "max",
    "recon_f_w": 0,
    "recon_id_w": 0.5,
    "recon_s_w": 0,
    "recon_x_cyc_w": 0,
    "recon_x_w": 5,
    "recon_xp_w": 5,
    "single": "gray",
    "snapshot_save_iter": 10000,
    "sqrt": False,
    "step_size": 60000,
    "teacher": "best",
    "teacher_style": 0,
    "teacher_w": 0,
    "train_bn": True,
    "use_decoder_again": True,
    "use_encoder_again": 0.5,
    "vgg_w": 0,
    "warm_iter": 30000,
    "warm_scale": 0.0005,
    "warm_teacher_iter": 30000,
    "weight_decay": 0.0005,
}


# ---- the pieces of the generator and of the discriminator -------------------------------------


class AdaIN(nn.Module):
    """γ·(x−μ)/√(σ²+1e-5) + β per sample and channel; γ and β (B×C) are put on the module first."""

    weight: Tensor
    bias: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))  # never read, only stored
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        x = F.instance_norm(x, eps=1e-5)
        return self.weight[:, :, None, None] * x + self.bias[:, :, None, None]


class LayerNorm(nn.Module):
    """(x−mean)/(std+1e-5) over C·H·W of each sample, unbiased std, then a channel's γ and β."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(1).view(-1, 1, 1, 1)
        std = x.flatten(1).std(1).view(-1, 1, 1, 1)
        x = (x - mean) / (std + 1e-5)
        return x * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


class Conv(nn.Module):
    """Reflection padding, a k×k convolution with bias, a norm ("in", "adain", "ln"), LReLU 0.2."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        k: int,
        stride: int = 1,
        norm: str = "",
        activate: bool = True,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.pad = dilation * (k - 1) // 2
        self.activate = activate
        self.conv = nn.Conv2d(inputs, outputs, k, stride, dilation=dilation)
        self.norm: nn.Module = {
            "": nn.Identity,
            "in": lambda: nn.InstanceNorm2d(outputs, eps=1e-5),
            "adain": lambda: AdaIN(outputs),
            "ln": lambda: LayerNorm(outputs),
        }[norm]()

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(F.pad(x, (self.pad,) * 4, mode="reflect")))
        return F.leaky_relu(x, 0.2) if self.activate else x


class Res(nn.Module):
    """x + two 3×3 convolutions of x; no activation after the sum."""

    def __init__(self, channels: int, norm: str = "") -> None:
        super().__init__()
        self.model = nn.Sequential(
            Conv(channels, channels, 3, norm=norm),
            Conv(channels, channels, 3, norm=norm, activate=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) + x


class ResBlocks(nn.Module):
    """Four residual blocks."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.model = nn.Sequential(*[Res(channels, norm) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class ASPP(nn.Module):
    """64 → 128 channels: a 1×1 branch, three dilated ones (3, 6, 9), and a 1×1 that fuses them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(64, 32, 1, norm="in", activate=False)
        self.conv6 = self.branch(3)
        self.conv12 = self.branch(6)
        self.conv18 = self.branch(9)
        self.fuse = Conv(128, 128, 1, norm="in", activate=False)

    def branch(self, dilation: int) -> nn.Sequential:
        return nn.Sequential(
            Conv(64, 32, 1, norm="in"),
            Conv(32, 32, 3, norm="in", activate=False, dilation=dilation),
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.conv1(x), self.conv6(x), self.conv12(x), self.conv18(x)]
        return self.fuse(torch.cat(branches, 1))


class StructureEncoder(nn.Module):
    """Es: grey B×1×H×W → structure code s, B×128×H/4×W/4."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            Conv(1, 16, 3, 2, norm="in"),
            Conv(16, 32, 3, 1, norm="in"),
            Conv(32, 32, 3, 1, norm="in"),
            Conv(32, 64, 3, 2, norm="in"),
            ResBlocks(64, "in"),
            ASPP(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Decoder(nn.Module):
    """G after its AdaIN parameters are set: s, B×128×H/4×W/4 → image B×3×H×W, linear at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Dropout(0.0),
            ResBlocks(128, "adain"),
            nn.Upsample(scale_factor=2),
            Conv(128, 64, 5, norm="ln"),
            nn.Upsample(scale_factor=2),
            Conv(64, 32, 5, norm="ln"),
            Conv(32, 32, 3),
            Conv(32, 32, 3),
            Conv(32, 3, 1, activate=False),
        )

    def forward(self, s: Tensor) -> Tensor:
        return self.model(s)


class Linear(nn.Module):
    """A linear layer, with LReLU 0.2 where asked for."""

    def __init__(self, inputs: int, outputs: int, activate: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return F.leaky_relu(x, 0.2) if self.activate else x


class MLP(nn.Module):
    """A quarter of the appearance code, B×2048 → the γ or the β of two AdaIN layers, B×256."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            Linear(2048, 512, True), Linear(512, 512, True), Linear(512, 256, False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Generator(nn.Module):
    """Es, the decoder and its eight MLPs; 13,380,675 parameters, 134 entries."""

    def __init__(self) -> None:
        super().__init__()
        self.enc_content = StructureEncoder()
        self.dec = Decoder()
        for name in "wb":
            for k in range(1, 5):
                self.add_module(f"mlp_{name}{k}", MLP())
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def encode(self, x: Tensor) -> Tensor:
        """The structure code of RGB images."""
        return self.enc_content(gray(x))

    def decode(self, s: Tensor, f: Tensor) -> Tensor:
        """G(s, f): structure B×128×h×w and appearance B×8192 → images B×3×4h×4w."""
        for k in range(1, 5):
            chunk = f[:, 2048 * (k - 1) : 2048 * k]
            gamma = getattr(self, f"mlp_w{k}")(chunk)
            beta = getattr(self, f"mlp_b{k}")(chunk)
            block = self.dec.model[1].model[k - 1]
            for i in range(2):
                block.model[i].norm.weight = gamma[:, 128 * i : 128 * (i + 1)]
                block.model[i].norm.bias = beta[:, 128 * i : 128 * (i + 1)]
        return self.dec(s)


class Discriminator(nn.Module):
    """D: images → three maps of patch scores, full size first; 1,025,571 parameters, 84 entries."""

    def __init__(self) -> None:
        super().__init__()
        self.cnns = nn.ModuleList(
            nn.Sequential(
                Conv(3, 32, 1),
                Conv(32, 32, 3),
                Conv(32, 32, 3, 2),
                Conv(32, 32, 3),
                Conv(32, 64, 3, 2),
                *[Res(64) for _ in range(4)],
                nn.Conv2d(64, 1, 1),
            )
            for _ in range(3)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> list[Tensor]:
        scores = []
        for cnn in self.cnns:
            scores.append(cnn(x))
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return scores


# ---- ResNet-50 and the two re-identification networks -----------------------------------------


class Bottleneck(nn.Module):
    """ResNet's 1×1, 3×3, 1×1 block."""

    def __init__(self, inputs: int, width: int, stride: int, stride_on: str, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, stride if stride_on == "1x1" else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride if stride_on == "3x3" else 1, padding=1, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )
            if project
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """torchvision's ResNet-50 by name; returns the last map, B×2048×h×w. `fc` is never used."""

    def __init__(self, last_stride: int, stride_on: str = "3x3") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        stages = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, last_stride))
        for number, (width, blocks, stride) in enumerate(stages, 1):
            stage = [Bottleneck(inputs, width, stride, stride_on, True)]
            inputs = 4 * width
            stage += [Bottleneck(inputs, width, 1, stride_on, False) for _ in range(blocks - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.fc = nn.Linear(2048, 1000)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return x


class Head(nn.Module):
    """Linear, BatchNorm, dropout, linear: pooled B×2048 → logits B×K."""

    def __init__(self, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.add_block = nn.Sequential(
            nn.Linear(2048, 512), nn.BatchNorm1d(512), nn.Dropout(dropout)
        )
        self.classifier = nn.Sequential(nn.Linear(512, num_classes))
        nn.init.kaiming_normal_(self.add_block[0].weight, mode="fan_out")
        nn.init.zeros_(self.add_block[0].bias)
        nn.init.normal_(self.classifier[0].weight, 0, 0.001)
        nn.init.zeros_(self.classifier[0].bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.add_block(x))


class AppearanceEncoder(nn.Module):
    """Ea: images → (appearance code B×8192, detached; logits of the primary and the fine head).

    338 entries; `dropout` belongs to the primary and the fine head.
    """

    def __init__(
        self,
        num_classes: int,
        stride_on: str = "3x3",
        dropout: tuple[float, float] = (0.5, 0.75),
    ) -> None:
        super().__init__()
        self.model = ResNet50(1, stride_on)
        self.classifier1 = Head(num_classes, dropout[0])
        self.classifier2 = Head(num_classes, dropout[1])

    def forward(self, x: Tensor) -> tuple[Tensor, Logits]:
        x = self.model(x)
        f = F.adaptive_max_pool2d(x, (4, 1)).flatten(1).detach()  # channel-major: 4·channel+stripe
        x = F.adaptive_max_pool2d(x, 1).flatten(1)
        return f, (self.classifier1(x), self.classifier2(x))


class Teacher(nn.Module):
    """T: images → logits B×K, from average pooling and one head; 329 entries."""

    def __init__(
        self, num_classes: int, stride: int = 2, stride_on: str = "3x3", dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.model = ResNet50(stride, stride_on)
        self.classifier = Head(num_classes, dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.adaptive_avg_pool2d(self.model(x), 1).flatten(1))


# ---- formulas ---------------------------------------------------------------------------------


def gray(x: Tensor) -> Tensor:
    """The mean of the normalised channels: B×3×H×W → B×1×H×W."""
    return x.mean(1, keepdim=True)


def discriminator_loss(dis: nn.Module, fake: Tensor, real: Tensor, r1: float) -> Logits:
    """LSGAN's discriminator loss of one side, and its R1 penalty (not included in the first)."""
    real = real.detach().requires_grad_()
    loss = real.new_zeros(())
    penalty = real.new_zeros(())
    for score_fake, score_real in zip(dis(fake.detach()), dis(real), strict=True):
        loss = loss + (score_fake**2).mean() + ((score_real - 1) ** 2).mean()
        (slope,) = torch.autograd.grad(score_real.sum(), real, create_graph=True)
        penalty = penalty + r1 * (slope**2).flatten(1).sum(1).mean()
    return loss, penalty


def adversarial_loss(dis: nn.Module, fake: Tensor) -> Tensor:
    """LSGAN's generator loss of one side, doubled."""
    loss = fake.new_zeros(())
    for score in dis(fake):
        loss = loss + 2 * ((score - 1) ** 2).mean()
    return loss


def teacher_labels(
    teacher: nn.Module, x: Tensor, appearance: Tensor, structure: Tensor, style: int = 0
) -> Tensor:
    """The teacher's label distribution of generated images, B×K, rows sum to 1.

    style 0: soft labels of image and mirror; 1: their argmax; 2: the appearance donor; 3: uniform;
    4: soft labels masked to the two donors.
    """
    with torch.no_grad():
        q = F.softmax(teacher(x), 1) + F.softmax(teacher(x.flip(3)), 1)
        q = q / q.sum(1, keepdim=True)
        if style == 1:
            q = F.one_hot(q.argmax(1), q.shape[1]).to(q)
        elif style == 2:
            q = F.one_hot(appearance, q.shape[1]).to(q)
        elif style == 3:
            q = torch.full_like(q, 1 / q.shape[1])
        elif style == 4:
            donors = F.one_hot(appearance, q.shape[1]) + F.one_hot(structure, q.shape[1])
            q = q * (donors > 0)
            q = q / q.sum(1, keepdim=True)
        elif style != 0:
            raise ValueError(f"teacher style {style} is none of 0, 1, 2, 3, 4")
    return q


def primary_loss(logits: Tensor, q: Tensor) -> Tensor:
    """KL(q ‖ softmax(logits)), summed over classes, averaged over the batch."""
    return F.kl_div(F.log_softmax(logits, 1), q, reduction="sum") / len(q)


def train_batchnorm(module: nn.Module) -> None:
    """Puts a BatchNorm layer into train mode; for `Module.apply`."""
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        module.train()


# ---- training ---------------------------------------------------------------------------------


class Reference:
    """DG-Net's four networks, their optimisers, and `step`, one training iteration.

    dropout: of the primary and the fine head. teacher_dropout: 0 as intended; 0.5 is what the
    released code does. overrides: entries of `CONFIG`.
    """

    def __init__(
        self,
        num_classes: int = 751,
        *,
        stride_on: str = "3x3",
        dropout: tuple[float, float] = (0.5, 0.75),
        teacher_stride: int = 2,
        teacher_dropout: float = 0.0,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        **overrides: Any,
    ) -> None:
        self.config = {**CONFIG, "ID_class": num_classes, **overrides}
        self.gen = Generator().to(device, dtype)
        self.dis = Discriminator().to(device, dtype)
        self.id = AppearanceEncoder(num_classes, stride_on, dropout).to(device, dtype)
        self.teacher = Teacher(num_classes, teacher_stride, stride_on, teacher_dropout).to(
            device, dtype
        )
        self.teacher.requires_grad_(False)  # stays in train mode: BatchNorm uses the batch

        c = self.config
        betas = (float(c["beta1"]), float(c["beta2"]))
        decay = c["weight_decay"]
        self.gen_opt = torch.optim.Adam(
            self.gen.parameters(), c["lr_g"], betas=betas, weight_decay=decay
        )
        self.dis_opt = torch.optim.Adam(
            self.dis.parameters(), c["lr_d"], betas=betas, weight_decay=decay
        )
        heads = [*self.id.classifier1.parameters(), *self.id.classifier2.parameters()]
        self.id_opt = torch.optim.SGD(
            [
                {"params": self.id.model.parameters(), "lr": c["lr2"]},
                {"params": heads, "lr": 10 * c["lr2"]},
            ],
            lr=c["lr2"],
            momentum=0.9,
            nesterov=True,
            weight_decay=decay,
        )
        for optimiser in (self.gen_opt, self.dis_opt, self.id_opt):
            for group in optimiser.param_groups:
                group["initial_lr"] = group["lr"]

    def weights(self, it: int) -> dict[str, float]:
        """The ramped weights of iteration `it` (0-based)."""
        c = self.config

        def ramp(start: float, cap: float, onset: int) -> float:
            return min(cap, start + c["warm_scale"] * (it - onset)) if it > onset else start

        return {
            "recon_s": ramp(c["recon_s_w"], c["max_w"], c["warm_iter"]),
            "recon_f": ramp(c["recon_f_w"], c["max_w"], c["warm_iter"]),
            "recon_cyc": ramp(c["recon_x_cyc_w"], c["max_cyc_w"], c["warm_iter"]),
            "teacher": ramp(c["teacher_w"], c["max_teacher_w"], c["warm_teacher_iter"]),
        }

    def set_learning_rates(self, it: int) -> None:
        """The learning rates of iteration `it`: × 0.1 at step_size × (1, 1.5, 1.75).

        The schedulers are stepped first, so that iteration 0 has the rate of their step 1.
        """
        drops = sum(it + 1 >= share * self.config["step_size"] for share in (1, 1.5, 1.75))
        for optimiser in (self.gen_opt, self.dis_opt, self.id_opt):
            gamma = self.config["gamma2" if optimiser is self.id_opt else "gamma"]
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * gamma**drops

    def forward(self, batch: dict[str, Tensor], draws: dict[str, Any]) -> dict[str, Any]:
        """Every code, image and logit that the iteration needs before its losses.

        batch: x_a, x_b, xp_a, xp_b and labels l_a, l_b. draws: ex_a, ex_b, exp_a, exp_b, the
        erased images, or None. Returns s_, f_, fp_ (positives), x_ba, x_ab, x_*_recon, x_*_recon_p
        and the logits p_ and pp_ of both heads (of the erased images, where given).
        """
        m: dict[str, Any] = {}
        m["s_a"] = self.gen.encode(batch["x_a"])
        m["s_b"] = self.gen.encode(batch["x_b"])
        m["f_a"], m["p_a"] = self.id(batch["x_a"])
        m["f_b"], m["p_b"] = self.id(batch["x_b"])
        m["x_ba"] = self.gen.decode(m["s_b"], m["f_a"])
        m["x_ab"] = self.gen.decode(m["s_a"], m["f_b"])
        m["x_a_recon"] = self.gen.decode(m["s_a"], m["f_a"])
        m["x_b_recon"] = self.gen.decode(m["s_b"], m["f_b"])
        m["fp_a"], m["pp_a"] = self.id(batch["xp_a"])
        m["fp_b"], m["pp_b"] = self.id(batch["xp_b"])
        m["x_a_recon_p"] = self.gen.decode(m["s_a"], m["fp_a"])
        m["x_b_recon_p"] = self.gen.decode(m["s_b"], m["fp_b"])
        if draws["ex_a"] is not None:
            _, m["p_a"] = self.id(draws["ex_a"])
            _, m["p_b"] = self.id(draws["ex_b"])
            _, m["pp_a"] = self.id(draws["exp_a"])
            _, m["pp_b"] = self.id(draws["exp_b"])
        return m

    def discriminator_losses(self, batch: dict[str, Tensor], m: dict[str, Any]) -> State:
        """d_loss, what the discriminator minimises, and d_r1, the penalty within it."""
        r1 = self.config["dis"]["LAMBDA"]
        loss_a, r1_a = discriminator_loss(self.dis, m["x_ba"], batch["x_a"], r1)
        loss_b, r1_b = discriminator_loss(self.dis, m["x_ab"], batch["x_b"], r1)
        return {"d_loss": loss_a + loss_b + r1_a + r1_b, "d_r1": r1_a + r1_b}

    def generator_losses(
        self, batch: dict[str, Tensor], m: dict[str, Any], it: int, u: float
    ) -> State:
        """Every unweighted loss of the generator and of Ea, and g_total, their weighted sum.

        A term is the a-side's plus the b-side's; 0 where its weight was 0 when the step began.
        """
        c = self.config
        before, w = self.weights(it - 1), self.weights(it)
        x_a, x_b, l_a, l_b = batch["x_a"], batch["x_b"], batch["l_a"], batch["l_b"]
        x_ba, x_ab = m["x_ba"], m["x_ab"]
        x_ba_fixed, x_ab_fixed = x_ba.detach(), x_ab.detach()
        zero = x_a.new_zeros(())
        loss: State = {}

        # structure again: draw A moves the encoder, draw B moves the image
        if u <= c["use_encoder_again"]:
            s_a_again = self.gen.enc_content(gray(x_ab_fixed))
            s_b_again = self.gen.enc_content(gray(x_ba_fixed))
        else:
            encoder = copy.deepcopy(self.gen.enc_content).eval()
            s_a_again = encoder(gray(x_ab))
            s_b_again = encoder(gray(x_ba))

        # appearance again, through a frozen copy that normalises by the batch
        frozen = copy.deepcopy(self.id).eval().apply(train_batchnorm)
        f_a_again, (p1_a_again, _) = frozen(x_ba)
        f_b_again, (p1_b_again, _) = frozen(x_ab)

        loss["adv"] = adversarial_loss(self.dis, x_ba) + adversarial_loss(self.dis, x_ab)
        loss["recon_x"] = F.l1_loss(m["x_a_recon"], x_a) + F.l1_loss(m["x_b_recon"], x_b)
        loss["recon_xp"] = F.l1_loss(m["x_a_recon_p"], x_a) + F.l1_loss(m["x_b_recon_p"], x_b)
        loss["recon_s"] = loss["recon_f"] = loss["recon_cyc"] = zero
        if before["recon_s"] > 0:
            loss["recon_s"] = F.l1_loss(s_a_again, m["s_a"].detach())
            loss["recon_s"] = loss["recon_s"] + F.l1_loss(s_b_again, m["s_b"].detach())
        if before["recon_f"] > 0:
            loss["recon_f"] = F.l1_loss(f_a_again, m["f_a"]) + F.l1_loss(f_b_again, m["f_b"])
        if before["recon_cyc"] > 0:
            loss["recon_cyc"] = F.l1_loss(self.gen.decode(s_a_again, f_a_again), x_a)
            loss["recon_cyc"] = loss["recon_cyc"] + F.l1_loss(
                self.gen.decode(s_b_again, f_b_again), x_b
            )

        loss["id"] = F.cross_entropy(m["p_a"][0], l_a) + F.cross_entropy(m["p_b"][0], l_b)
        loss["pid"] = F.cross_entropy(m["pp_a"][0], l_a) + F.cross_entropy(m["pp_b"][0], l_b)
        loss["recon_id"] = F.cross_entropy(p1_a_again, l_a) + F.cross_entropy(p1_b_again, l_b)
        loss["id_fine"] = loss["teacher"] = loss["fine"] = zero
        if before["teacher"] > 0:
            loss["id_fine"] = F.cross_entropy(m["p_a"][1], l_a) + F.cross_entropy(m["p_b"][1], l_b)
            _, (p1_a, p2_a) = self.id(x_ba_fixed)
            _, (p1_b, p2_b) = self.id(x_ab_fixed)
            q_a = teacher_labels(self.teacher, x_ba_fixed, l_a, l_b, c["teacher_style"])
            q_b = teacher_labels(self.teacher, x_ab_fixed, l_b, l_a, c["teacher_style"])
            loss["teacher"] = primary_loss(p1_a, q_a) + primary_loss(p1_b, q_b)
            loss["fine"] = F.cross_entropy(p2_a, l_b) + F.cross_entropy(p2_b, l_a)

        loss["g_total"] = (
            c["gan_w"] * loss["adv"]
            + c["recon_x_w"] * loss["recon_x"]
            + c["recon_xp_w"] * loss["recon_xp"]
            + w["recon_s"] * loss["recon_s"]
            + w["recon_f"] * loss["recon_f"]
            + w["recon_cyc"] * loss["recon_cyc"]
            + c["id_w"] * (loss["id"] + w["teacher"] * c["B_w"] * loss["id_fine"])
            + c["pid_w"] * loss["pid"]
            + c["recon_id_w"] * loss["recon_id"]
            + w["teacher"] * (loss["teacher"] + c["B_w"] * loss["fine"])
        )
        return loss

    def step(self, batch: dict[str, Tensor], it: int, draws: dict[str, Any]) -> State:
        """One iteration: moves D, then the generator and Ea; returns every loss, detached.

        `batch` and the erased images of `draws` are as in `forward`; draws["u"] in [0, 1] decides
        between draw A (≤ 0.5) and draw B of the structure code.
        """
        self.set_learning_rates(it)
        made = self.forward(batch, draws)

        self.dis_opt.zero_grad()
        d = self.discriminator_losses(batch, made)
        d["d_loss"].backward()
        self.dis_opt.step()

        self.gen_opt.zero_grad()
        self.id_opt.zero_grad()
        g = self.generator_losses(batch, made, it, draws["u"])
        g["g_total"].backward()
        self.gen_opt.step()
        self.id_opt.step()
        return {name: value.detach() for name, value in {**d, **g}.items()}


# ---- the twin of the authors' files -----------------------------------------------------------


def randomise(net: nn.Module) -> None:
    """Gives every entry a value that matters: biases, BatchNorm weights and running statistics."""
    for name, tensor in net.state_dict().items():
        if name.endswith(("bias", "norm.beta")):
            nn.init.normal_(tensor, 0, 0.1)
        elif name.endswith("running_mean"):
            nn.init.normal_(tensor, 0, 0.2)
        elif name.endswith("running_var"):
            nn.init.uniform_(tensor, 0.5, 1.5)
        elif name.endswith("num_batches_tracked"):
            tensor.fill_(800000)
        elif name.endswith("bn3.weight"):
            nn.init.uniform_(tensor, 0.1, 0.5)  # small, or sixteen blocks of sums run away
        elif tensor.dim() == 1:
            nn.init.uniform_(tensor, 0.5, 1.5)
        elif name.endswith("classifier.0.weight"):
            nn.init.normal_(tensor, 0, 0.05)


def authors_files(
    folder: str | Path,
    seed: int = 0,
    num_classes: int = 751,
    *,
    name: str = "E0.5new_reid0.5_w30000",
    iteration: int = 100000,
    teacher_stride: int = 2,
    nonlocal_entries: bool = False,
    module_prefix: bool = False,
) -> dict[str, Path]:
    """Writes an authors' output folder with random weights; returns where each file lies.

    Keys: config, gen, dis, id, optimizer, teacher, teacher_opts. nonlocal_entries: gen has the
    released file's unused extras. module_prefix: dis is saved as by a multi-GPU run.
    """
    folder = Path(folder)
    run, best = folder / "outputs" / name, folder / "models" / "best"
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    best.mkdir(parents=True, exist_ok=True)
    files = {
        "config": run / "config.yaml",
        **{k: run / "checkpoints" / f"{k}_{iteration:08d}.pt" for k in ("gen", "dis", "id")},
        "optimizer": run / "checkpoints" / "optimizer.pt",
        "teacher": best / "net_last.pth",
        "teacher_opts": best / "opts.yaml",
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        r = Reference(num_classes, teacher_stride=teacher_stride)
        for net in (r.gen, r.dis, r.id, r.teacher):
            randomise(net)
        gen, dis = dict(r.gen.state_dict()), dict(r.dis.state_dict())
        if nonlocal_entries:
            for stack, channels in (("enc_content.model.4", 64), ("dec.model.1", 128)):
                for block in range(4):
                    extra = torch.randn(channels // 2, channels, 1, 1)
                    gen[f"{stack}.model.{block}.nonloc.g.weight"] = extra
    if module_prefix:
        dis = {f"module.{key}": value for key, value in dis.items()}
    torch.save({"a": gen}, files["gen"])
    torch.save({"a": dis}, files["dis"])
    torch.save({"a": dict(r.id.state_dict())}, files["id"])
    optimisers = {"gen": r.gen_opt, "id": r.id_opt, "dis": r.dis_opt}
    torch.save({key: opt.state_dict() for key, opt in optimisers.items()}, files["optimizer"])
    torch.save(dict(r.teacher.state_dict()), files["teacher"])
    files["config"].write_text(yaml.safe_dump(r.config))
    files["teacher_opts"].write_text(
        yaml.safe_dump({"nclasses": num_classes, "stride": teacher_stride})
    )
    return files


def load_gen(state: State, like: Tensor) -> Generator:
    """The generator of an authors' state, in eval mode, on `like`'s device and dtype."""
    net = Generator().to(like)
    net.load_state_dict({key: value for key, value in state.items() if "nonloc" not in key})
    return net.eval()


def load_id(state: State, like: Tensor, stride_on: str = "3x3") -> AppearanceEncoder:
    """Ea of an authors' state, in eval mode, on `like`'s device and dtype."""
    net = AppearanceEncoder(len(state["classifier1.classifier.0.weight"]), stride_on).to(like)
    net.load_state_dict(state)
    return net.eval()


@torch.no_grad()
def reference_swap(gen: State, id: State, appearance: Tensor, structure: Tensor) -> Tensor:
    """G(Es(gray(structure)), Ea(appearance)): normalised B×3×H×W → normalised B×3×H×W."""
    net = load_gen(gen, structure)
    f, _ = load_id(id, appearance)(appearance)
    return net.decode(net.encode(structure), f)


@torch.no_grad()
def reference_embed(id: State, images: Tensor) -> Tensor:
    """The evaluation features: primary and fine halves of image plus mirror, B×1024, norm √2."""
    net = load_id(id, images)
    halves = []
    for head in (net.classifier1, net.classifier2):
        total = torch.zeros(len(images), 512).to(images)
        for view in (images, images.flip(3)):
            feature = head.add_block(F.adaptive_max_pool2d(net.model(view), 1).flatten(1))
            total = total + F.normalize(feature, dim=1)
        halves.append(F.normalize(total, dim=1))
    return torch.cat(halves, 1)
