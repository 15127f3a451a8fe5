"""DG-Net's joint stage and its transcription with the same weights, images and draws."""

from __future__ import annotations

from typing import Any

import torch
from literal.dgnet import Reference
from torch import Tensor, nn

from lookalike.data.batches import Crops
from lookalike.importing.dgnet.entries import (
    APPEARANCE,
    DISCRIMINATOR,
    GENERATOR,
    TEACHER,
)
from lookalike.importing.renaming import Layout, rename
from lookalike.methods.dgnet import DGNet, Joint
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.nets.unfilled import Unfilled

# Our loss terms and the reference's names for them.
TERMS = {
    "adv": "adv", "recon": "recon_x", "positive": "recon_xp", "structure_code": "recon_s",
    "appearance_code": "recon_f", "cycle": "recon_cyc", "id": "id", "positive_id": "pid",
    "generated_id": "recon_id", "primary": "teacher", "fine": "fine", "id_fine": "id_fine",
    "r1": "d_r1",
}  # fmt: skip


def copy_weights(authors: nn.Module, ours: nn.Module, layout: Layout) -> None:
    """Gives `ours` the weights of the reference's network `authors`."""
    renamed = {rename(name, layout.names): value for name, value in authors.state_dict().items()}
    ours.load_state_dict({name: renamed[name] for name in ours.state_dict()})


def problem(height: int, width: int, batch: int, classes: int, dtype: torch.dtype,
            erase: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:  # fmt: skip
    """The images, labels and draws of a step, as the reference takes them."""
    torch.manual_seed(1)
    shape = (batch, 3, height, width)
    images = {k: torch.randn(shape, dtype=dtype) for k in ("x_a", "x_b", "xp_a", "xp_b")}
    labels = {k: torch.randint(classes, (batch,)) for k in ("l_a", "l_b")}
    draws: dict[str, Any] = {"u": 0.25}
    for name in ("ex_a", "ex_b", "exp_a", "exp_b"):
        draws[name] = torch.randn(shape, dtype=dtype) if erase else None
    return {**images, **labels}, draws


def reference(classes: int, dtype: torch.dtype) -> Reference:
    """The transcription, with weights that don't depend on the draws above."""
    torch.manual_seed(0)
    ref = Reference(classes, dropout=(0.0, 0.0), dtype=dtype)
    # Untrained residual branches at full strength would amplify float32's rounding a thousandfold.
    for trunk in (ref.id.model, ref.teacher.model):
        for name, p in trunk.named_parameters():
            if name.endswith("bn3.weight"):
                nn.init.constant_(p, 0.2)
    return ref


def ours_like(ref: Reference, method: DGNet, draws: dict[str, Any], dtype: torch.dtype) -> Joint:
    """Our stage with the reference's weights and draws.

    It has that type before it is given the weights: 0.2 is no float32 number, and the trunks would
    make 4e-4 of the gradients out of its rounding.
    """
    classes = ref.config["ID_class"]
    with Unfilled():
        teacher = BaselineModel(IDE(weights="none", stride_on="3x3", last_stride=2), classes)
    teacher.to(dtype)
    copy_weights(ref.teacher, teacher, TEACHER)
    with Unfilled():
        joint = Joint(method, classes, [teacher])
    joint.to(dtype)
    both = nn.ModuleDict({"generator": joint.trained.generator})
    copy_weights(ref.gen, both, GENERATOR)
    both = nn.ModuleDict({"appearance": joint.trained.appearance})
    copy_weights(ref.id, both, APPEARANCE)
    copy_weights(ref.dis, joint.discriminator, DISCRIMINATOR)
    joint.trained.appearance.primary.dropout.p = joint.trained.appearance.fine.dropout.p = 0.0
    joint.stage = "joint"
    joint.augment = nn.Identity()
    erased = [draws[name] for name in ("ex_a", "ex_b", "exp_a", "exp_b")]
    if erased[0] is not None:
        joint.erase = Erased(erased)  # type: ignore[assignment]
    return joint.train()


class Erased(nn.Module):
    """Hands out the given images, in turn, instead of erasing."""

    def __init__(self, images: list[Tensor]) -> None:
        super().__init__()
        self.images, self.turn = images, -1

    def forward(self, _: Tensor) -> Tensor:
        self.turn = (self.turn + 1) % len(self.images)
        return self.images[self.turn]


def crops(batch: dict[str, Tensor]) -> dict[str, Crops]:
    """The reference's batch as our stage takes it."""
    none = torch.zeros(0)
    pairs = {"a": ("x_a", "l_a"), "b": ("x_b", "l_b"), "a_positive": ("xp_a", "l_a"),
             "b_positive": ("xp_b", "l_b")}  # fmt: skip
    return {name: Crops(batch[x], batch[y], none, none) for name, (x, y) in pairs.items()}
