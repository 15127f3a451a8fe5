"""FD-GAN's joint stage and its transcription with the same weights, images, maps and noise."""

from __future__ import annotations

import re

import torch
from literal.fdgan import State, Transcription
from torch import Tensor, nn

from lookalike.data.posemaps import augmented_maps
from lookalike.data.transforms import interleaved
from lookalike.methods.fdgan import FDGAN, Adversarial, FDGANModel, Inputs, Networks
from lookalike.nets.unfilled import Unfilled

SOFT = {"identity": (0.2, 0.9), "pose": (0.1, 0.8)}
DEPTHS = {"0": 0, "2": 1, "5": 2, "8": 3, "11": 4, "3": 0, "6": 1, "9": 2}  # Dp's layers


def renamed(name: str) -> str:
    """Our name of a weight of the transcription's E, Di, G or Dp."""
    name = name.replace("base_model.base.", "encoder.").replace("embed_model.", "verifier.")
    found = re.fullmatch(r"(en|de)_(avg|conv\d)\.(?:(\d)\.)?(\w+)", name)
    if found:
        side, stage, part, kind = found.groups()
        place = int(stage[4:]) if stage != "avg" else 6
        stack, row = ("encode", place - 1) if side == "en" else ("decode", 6 - place)
        return f"{stack}.{row}.{'norm' if part == '2' else 'conv'}.{kind}"
    found = re.fullmatch(r"model\.(\d+)\.(\w+)", name)
    if found:
        kind = "norms" if found[1] in ("3", "6", "9") else "convs"
        return f"{kind}.{DEPTHS[found[1]]}.{found[2]}"
    return name


def copy_weights(plain: nn.Module, ours: nn.Module) -> None:
    """Gives `ours` the weights of the transcription's network."""
    given = {renamed(k): v for k, v in plain.state_dict().items() if ".fc." not in k}
    ours.load_state_dict({k: given[k] for k in ours.state_dict()})


def problem(height: int, width: int, pairs: int, dtype: torch.dtype) -> State:
    """The images, maps and noise of a step, as the transcription takes them."""
    torch.manual_seed(1)
    size = (pairs, 3, height, width)
    batch: State = {k: torch.randn(size, dtype=dtype) for k in ("x1", "x2", "y1", "y2")}
    for k in ("p1", "p2"):
        batch[k] = augmented_maps(some_joints(pairs, height, width), height, width, "none").to(
            dtype
        )
    batch["z"] = torch.randn(pairs, 256, dtype=dtype)
    batch["c"] = torch.arange(pairs) % 4 == 0
    return batch


def some_joints(count: int, height: int, width: int) -> Tensor:
    """Random joints, all known."""
    return torch.rand(count, 18, 3) * torch.tensor([width, height, 0.0]) + torch.tensor([0, 0, 1])


def transcription(height: int, width: int, dtype: torch.dtype) -> Transcription:
    """The transcription, dropout off, with weights that don't depend on the images."""
    torch.manual_seed(0)
    plain = Transcription(height, width, dropout=0.0, dtype=dtype)
    for net in (plain.E, plain.Di):
        # Untrained residual branches at full strength would make features of any size.
        for name, p in net.named_parameters():
            if name.endswith("bn3.weight"):
                nn.init.constant_(p, 0.2)
            elif name.endswith("classifier.weight"):
                nn.init.normal_(p, std=0.05)
    return plain


def ours_like(plain: Transcription, method: FDGAN, dtype: torch.dtype) -> Adversarial:
    """Our joint stage with the transcription's weights, dropout off."""
    with Unfilled():
        nets = Networks(method, 4, FDGANModel(method, 4)).to(dtype)
    both = nn.ModuleDict({"encoder": nets.model.encoder, "verifier": nets.model.verifier})
    copy_weights(plain.E, both)
    copy_weights(plain.G, nets.model.generator)
    if nets.identity is not None:
        both = nn.ModuleDict({"encoder": nets.identity.trunk, "verifier": nets.identity.head})
        copy_weights(plain.Di, both)
    if nets.pose is not None:
        copy_weights(plain.Dp, nets.pose)
    stage = Adversarial(method, nets, epoch=1, joint=True)
    stage.stage = "joint"
    set_dropout(stage, 0.0)
    return stage.train()


def set_dropout(stage: Adversarial, p: float) -> None:
    for part in stage.nets.model.generator.decode:
        part.dropout.p = p if part is not stage.nets.model.generator.decode[-1] else 0.0


def inputs(batch: State) -> Inputs:
    """The transcription's batch as our step takes it."""
    source, target, maps = (interleaved(batch[f"{k}1"], batch[f"{k}2"]) for k in "xyp")
    return Inputs(source, batch["c"], target, maps, batch["z"].repeat_interleave(2, 0))
