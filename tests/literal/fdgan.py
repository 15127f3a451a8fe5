"""FD-GAN's joint step, transcribed literally and without optimising (Ge et al., NeurIPS 2018).

The peer that `lookalike.methods.fdgan` is tested and timed against: it imports nothing of
lookalike, runs every pass by itself, and keeps contiguous NCHW. The networks' `state_dict` keys are
those of the authors' checkpoints.

Images are B×3×H×W in ImageNet's normalised space, pose maps B×18×H×W; H and W multiples of 32.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from literal.dgnet import ResNet50
from torch import Tensor, nn

State = dict[str, Tensor]


class Base(nn.Module):
    """ResNet-50 cut at its pooling, then the average of the map: B×3×H×W → B×2048."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ResNet50(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.base(x)
        return F.avg_pool2d(x, x.shape[2:]).flatten(1)


class EltwiseSub(nn.Module):
    """The verification classifier: (a − b)² → BN → linear."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(2048)
        self.classifier = nn.Linear(2048, outputs)
        nn.init.normal_(self.classifier.weight, std=0.001)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.classifier(self.bn((a - b) ** 2))


class Siamese(nn.Module):
    """E (2 outputs) and Di (1 output): two batches of images → both features and the logits."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.base_model = Base()
        self.embed_model = EltwiseSub(outputs)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fa, fb = self.base_model(a), self.base_model(b)
        return fa, fb, self.embed_model(fa, fb)


class PoseGenerator(nn.Module):
    """G with its default options."""

    def __init__(self, height: int, width: int, dropout: float) -> None:
        super().__init__()

        def down(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.LeakyReLU(0.2),
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )

        def up(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.ReLU(),
                nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.Dropout(dropout),
            )

        kernel = (height // 32, width // 32)
        self.en_conv1 = nn.Conv2d(18, 64, 4, 2, 1, bias=False)
        self.en_conv2, self.en_conv3 = down(64, 128), down(128, 256)
        self.en_conv4, self.en_conv5 = down(256, 512), down(512, 512)
        self.en_avg = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Conv2d(512, 128, kernel, bias=False), nn.BatchNorm2d(128)
        )
        self.de_avg = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(2048 + 128 + 256, 512, kernel, bias=False),
            nn.BatchNorm2d(512),
            nn.Dropout(dropout),
        )
        self.de_conv5, self.de_conv4 = up(512, 512), up(512, 256)
        self.de_conv3, self.de_conv2 = up(256, 128), up(128, 64)
        self.de_conv1 = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()
        )
        self.apply(gan_weights)

    def forward(self, feature: Tensor, maps: Tensor, noise: Tensor) -> Tensor:
        p = self.en_conv5(self.en_conv4(self.en_conv3(self.en_conv2(self.en_conv1(maps)))))
        p = self.en_avg(p)
        x = torch.cat([feature[:, :, None, None], p, noise[:, :, None, None]], 1)
        x = self.de_conv4(self.de_conv5(self.de_avg(x)))
        return self.de_conv1(self.de_conv2(self.de_conv3(x)))


class PatchDiscriminator(nn.Module):
    """Dp: pose maps and images, concatenated in this order → logits of the patches."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(21, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        self.model = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))
        self.apply(gan_weights)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def gan_weights(module: nn.Module) -> None:
    """The GAN's initialisation."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def fixed_batchnorm(module: nn.Module) -> None:
    """Puts every batch norm in eval mode."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        module.eval()


def against(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Transcription:
    """The joint stage with the released weights and rates; `step` is one iteration."""

    def __init__(self, height: int, width: int, dropout: float = 0.2,
                 dtype: torch.dtype = torch.float32) -> None:  # fmt: skip
        self.E, self.Di = Siamese(2).to(dtype), Siamese(1).to(dtype)
        self.G = PoseGenerator(height, width, dropout).to(dtype)
        self.Dp = PatchDiscriminator().to(dtype)
        for net in (self.E, self.Di, self.G, self.Dp):
            net.train()
        self.E.apply(fixed_batchnorm)
        self.Di.apply(fixed_batchnorm)
        adam = {"lr": 1e-5, "betas": (0.5, 0.999)}
        self.opt_e = torch.optim.Adam(self.E.parameters(), **adam)
        self.opt_g = torch.optim.Adam(self.G.parameters(), **adam)
        sgd = {"lr": 1e-4, "momentum": 0.9, "weight_decay": 1e-4}
        self.opt_di = torch.optim.SGD(self.Di.parameters(), **sgd)
        self.opt_dp = torch.optim.SGD(self.Dp.parameters(), **sgd)

    def set_dropout(self, p: float) -> None:
        for module in self.G.modules():
            if isinstance(module, nn.Dropout):
                module.p = p

    def step(self, batch: State, soft: dict[str, tuple[float, float]]) -> State:
        """One iteration; returns every loss, detached.

        batch: x1, x2, y1, y2, p1, p2, z (one for both sides), c (P bool). soft: the targets for
        generated and real of "identity" and "pose".
        """
        x = torch.cat([batch["x1"], batch["x2"]])
        y = torch.cat([batch["y1"], batch["y2"]])
        p = torch.cat([batch["p1"], batch["p2"]])
        z = torch.cat([batch["z"], batch["z"]])
        same = batch["c"]
        loss: State = OrderedDict()

        f1, f2, verdict = self.E(batch["x1"], batch["x2"])
        fake = self.G(torch.cat([f1, f2]), p, z)

        self.opt_di.zero_grad()
        _, _, real_logits = self.Di(x, y)
        _, _, fake_logits = self.Di(x, fake.detach())
        b, a = soft["identity"]
        loss["dis_id"] = 0.5 * (against(real_logits, a) + against(fake_logits, b))
        loss["dis_id"].backward()
        self.opt_di.step()

        self.opt_dp.zero_grad()
        b, a = soft["pose"]
        real_logits = self.Dp(torch.cat([p, y], 1))
        fake_logits = self.Dp(torch.cat([p, fake.detach()], 1))
        loss["dis_pd"] = 0.5 * (against(real_logits, a) + against(fake_logits, b))
        loss["dis_pd"].backward()
        self.opt_dp.step()

        self.opt_e.zero_grad()
        self.opt_g.zero_grad()
        fake1, fake2 = fake.chunk(2)
        loss["veri"] = F.cross_entropy(verdict, same.long())
        loss["recon"] = F.l1_loss(fake, y)
        loss["sp"] = F.l1_loss(fake1[same], fake2[same])
        _, _, judged = self.Di(x, fake)
        loss["adv_id"] = against(judged, 1.0)
        loss["adv_pd"] = against(self.Dp(torch.cat([p, fake], 1)), 1.0)
        total = (
            10 * loss["veri"]
            + 100 * loss["recon"]
            + 10 * loss["sp"]
            + loss["adv_id"]
            + loss["adv_pd"]
        )
        total.backward()
        self.opt_e.step()
        self.opt_g.step()
        return {name: value.detach() for name, value in loss.items()}
