"""Trained baselines that label pictures softly: DG-Net's teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.people import evenly
from lookalike.errors import UserError
from lookalike.losses.precision import full_precision
from lookalike.methods.ide import BaselineModel
from lookalike.methods.look import Look
from lookalike.methods.model_file import load_model
from lookalike.nets import Dropout, batch_statistics
from lookalike.nets.dgnet import AppearanceEncoder

LabelStyle = Literal["soft", "hard", "appearance", "uniform", "masked"]
CHECKED = 512  # training images that a given teacher must recognise


class Teacher(nn.Module):
    """Baselines in use: pictures → labels, whatever the trainer's train() and eval() say.

    style: "soft", the softmax over both mirror views; "hard", its argmax; "appearance", the
    appearance donor; "uniform" (LSRO); "masked", the softmax on the two donors only. Several
    baselines are averaged. bn: the statistics that they normalise by. dropout: leave it on.
    """

    def __init__(
        self,
        models: Sequence[BaselineModel],
        style: LabelStyle = "soft",
        bn: Literal["batch", "running"] = "batch",
        dropout: bool = False,
    ) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        self.style, self.bn, self.dropout = style, bn, dropout
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Teacher:
        """Stays in eval mode, but for its dropout where that is left on."""
        super().train(False)
        for model in self.models:
            for layer in cast(BaselineModel, model).head.modules():
                if isinstance(layer, Dropout):
                    layer.train(self.dropout)
        return self

    def hand_on(self, encoder: AppearanceEncoder, backbone: str, stride_on: str) -> None:
        """Starts `encoder`, of that trunk, as the first baseline: its trunk, its head in both.

        Raises UserError unless that one is built alike.
        """
        first = cast(BaselineModel, self.models[0])
        wanted = {"head": "bneck512", "backbone": backbone, "stride_on": stride_on}
        for name, value in wanted.items():
            if (other := getattr(first.method, name)) != value:
                raise UserError(
                    f"start_from teacher needs a teacher with {name} {value}, not {other}."
                )
        encoder.start_from(first.trunk, first.head)

    def check(self, files: str, look: Look, least: float) -> None:
        """Raises UserError if a baseline of `files`, which commas separate, recognises less than
        the share `least` of training images. "": it was trained here, and knows them."""
        for file, model in zip(files.split(","), self.models, strict=True):
            if file:
                check_teacher(file, cast(BaselineModel, model), look, least)

    @torch.no_grad()
    def forward(self, pictures: Tensor, appearance: Tensor, structure: Tensor) -> Tensor:
        """The labels q of pictures, B×classes; appearance, structure: the donors' labels, B."""
        classes = cast(int, self.models[0].classes)
        if self.style == "appearance":
            return F.one_hot(appearance, classes).float()
        if self.style == "uniform":
            return torch.full((len(pictures), classes), 1 / classes, device=pictures.device)
        models = [cast(BaselineModel, model) for model in self.models]
        q = torch.stack([self._softmax(model, pictures) for model in models]).mean(0)
        if self.style == "hard":
            return F.one_hot(q.argmax(1), classes).float()
        if self.style == "masked":
            q = q * ((F.one_hot(appearance, classes) + F.one_hot(structure, classes)) > 0)
            q = q / q.sum(1, keepdim=True)
        return q

    def _softmax(self, model: BaselineModel, x: Tensor) -> Tensor:
        """softmax over both mirror views, renormalised to sum 1."""
        if self.bn == "running":
            views = [model.logits(x), model.logits(x.flip(3))]
        else:
            with batch_statistics(model):
                views = [model.logits(x), model.logits(x.flip(3))]
        return cast(Tensor, sum(full_precision(v).softmax(1) for v in views)) / 2


def load_teacher(path: str, people: People, height: int, width: int) -> BaselineModel:
    """The ide model in `path`. Raises UserError unless its classes are those of `people` and its
    input is what a generator makes: pictures of that size in ImageNet's scale."""
    model = load_model(path)
    if not isinstance(model, BaselineModel) or not hasattr(model.head, "classifier"):
        raise UserError(f"{path} is a model of {model.method.name}, but a teacher is one of ide.")
    if model.size != (height, width) or model.method.pixel_norm != "imagenet":
        raise UserError(
            f"The teacher {path} takes images of {model.size[0]}×{model.size[1]} in the scale "
            f"'{model.method.pixel_norm}', but labels pictures of {height}×{width} "
            "in the scale 'imagenet'."
        )
    if model.classes != people.num_pids:
        raise UserError(
            f"The teacher {path} knows {model.classes} identities, but the data has "
            f"{people.num_pids}."
        )
    if model.pids and list(model.pids) != people.classes.tolist():
        raise UserError(f"The teacher {path} was trained on other identities than this data has.")
    # Drawn and let go, as it was before files were read into networks without weights: what is
    # drawn next is the joint stage's, and a run with a given teacher keeps its numbers.
    model.method.model(model.classes)
    return model


def check_teacher(path: str, teacher: BaselineModel, look: Look, least: float) -> None:
    """Raises UserError if the teacher recognises less than the share `least` of training images."""
    rows = torch.tensor(evenly(range(len(look.people)), CHECKED)).numpy()
    labels = torch.from_numpy(look.people.labels()[rows])
    answers = look.over(lambda x: teacher.logits(teacher.normalize(x)).argmax(1)[:, None], rows)
    share = float((answers[:, 0].cpu().long() == labels).float().mean())
    if share < least:
        raise UserError(
            f"The teacher {path} recognises {share:.0%} of these training images, less than "
            f"teacher_top1 = {least:.0%}: its classes or its preprocessing don't fit, or it was "
            "trained too briefly."
        )
