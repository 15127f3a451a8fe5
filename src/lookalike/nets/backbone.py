"""A backbone by name: images in, the last feature map out, ready with weights and BN mode."""

from typing import Any, Literal

from torch import Tensor, nn

from lookalike.errors import UserError, unknown
from lookalike.nets.batchnorm import BatchNorm1d, BatchNorm2d, BNMode, set_bn_mode
from lookalike.nets.resnet import SHAPES, StrideOn, resnet
from lookalike.nets.weights import (
    BACKBONE,
    load_imagenet,
    load_trunk,
    metadata,
    read_weights,
    weights_file,
    weights_stride_on,
)


def backbone(
    name: str = "resnet50",
    *,
    weights: str = "imagenet",
    stride_on: StrideOn | Literal["auto"] = "auto",
    last_stride: Literal[1, 2] = 2,
    bn_mode: BNMode = "train",
) -> nn.Module:
    """A network B×3×H×W → B×C×h×w with the attribute `channels` = C.

    name: resnet18, 34, 50 or 101, or "timm:NAME". weights: "imagenet", "none" or a file.
    stride_on "auto" takes the placement that the weights were trained with. bn_mode: see
    `lookalike.nets.batchnorm`. Raises UserError on an unknown name and on weights that don't fit.
    """
    names = [f"resnet{depth}" for depth in SHAPES]
    if name.startswith("timm:"):
        if (stride_on, last_stride) != ("auto", 2):
            raise UserError(f"Backbone '{name}' can't change its strides: leave them out.")
        model: nn.Module = _timm(name.removeprefix("timm:"), weights)
    elif name in names:
        placement = weights_stride_on(name, weights) if stride_on == "auto" else stride_on
        model = resnet(
            int(name.removeprefix("resnet")), stride_on=placement, last_stride=last_stride
        )
        load_imagenet(model, name, weights)
    else:
        raise unknown("backbone", name, (*names, "timm:NAME"))
    set_bn_mode(model, bn_mode)
    return model


def freeze_stages(trunk: nn.Module, stages: int) -> None:
    """Takes the gradients of the stem and of the first `stages` stages of a ResNet; 0: of none."""
    for k in range(stages + 1 if stages else 0):
        names = ["conv1", "bn1"] if k == 0 else [f"layer{k}"]
        for name in names:
            trunk.get_submodule(name).requires_grad_(False)


class _NormAct(BatchNorm2d):
    """timm's batch norm that carries its dropout and activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.drop(super().forward(x)))


class _LastMap(nn.Module):
    """The last feature map of a timm network."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.channels: int = model.feature_info.channels()[-1]
        self.channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
        for layer in model.modules():  # change the class in place: keys and hooks stay
            if isinstance(layer, nn.BatchNorm2d):
                layer.__class__ = _NormAct if hasattr(layer, "act") else BatchNorm2d
            elif isinstance(layer, nn.BatchNorm1d):
                layer.__class__ = BatchNorm1d

    def forward(self, x: Tensor) -> Tensor:
        x = self.model(x)[-1]
        return x.movedim(3, 1) if self.channels_last else x


def _timm(name: str, weights: str) -> _LastMap:
    try:
        import timm
    except ImportError as error:
        raise UserError(
            f"Backbone 'timm:{name}' needs timm ({error}): pip install lookalike[timm]."
        ) from error
    if not timm.is_model(name):
        raise UserError(f"timm has no network '{name}': see timm.list_models().")
    options: dict[str, Any] = {"features_only": True, "out_indices": (-1,)}
    file = None if weights in ("imagenet", "none") else weights_file(name, weights)
    ours = file is not None and BACKBONE in metadata(file)  # its tensors have our names
    if file is not None:
        options["pretrained_cfg_overlay"] = {"file": str(file)}
    try:
        pretrained = weights != "none" and not ours
        network = _LastMap(timm.create_model(name, pretrained=pretrained, **options))
    except (OSError, RuntimeError) as error:
        raise UserError(f"timm can't build '{name}' with weights '{weights}': {error}") from error
    if file is not None and ours:
        load_trunk(network, read_weights(file), str(file))
    return network
