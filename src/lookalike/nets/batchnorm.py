"""Batch normalisation whose statistics are a setting, and dropout for several processes.

The three modes of a normalisation layer, and what re-identification papers mean by them:
"train" normalises by the batch and updates the running statistics; "eval_stats" normalises by
the running (ImageNet) statistics and leaves them alone, but trains weight and bias; "frozen"
trains nothing. The mode holds whatever `model.train()` says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike import parallel
from lookalike.errors import UserError, unknown

BNMode = Literal["train", "eval_stats", "frozen"]
_Torch = nn.modules.batchnorm._BatchNorm


class _Modes(_Torch):
    """The forward pass that `BatchNorm1d` and `BatchNorm2d` share."""

    mode: BNMode = "train"
    by_batch_only = False  # set by `batch_statistics`
    group = 0  # set by `set_bn_group`

    def forward(self, x: Tensor) -> Tensor:
        """x normalised: B×C, B×C×L or B×C×H×W, in the type of x.

        Batch statistics are those of the global batch; raises ValueError on one value a channel.
        """
        self._check_input_dim(x)  # type: ignore[no-untyped-call]
        if self.by_batch_only:
            return self._by_batch(x, update=False)
        if self.training and self.mode == "train":
            return self._by_batch(x, update=True)
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )

    def _by_batch(self, x: Tensor, update: bool) -> Tensor:
        momentum = self.momentum or 0.0
        if update:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # torch's sign for a plain average over the steps
                momentum = 1 / int(self.num_batches_tracked)
        mean, var = (self.running_mean, self.running_var) if update else (None, None)
        if self.group and len(x) * parallel.world_size() > self.group:
            return self._by_groups(x, mean, var, momentum)
        if parallel.world_size() == 1:
            return F.batch_norm(x, mean, var, self.weight, self.bias, True, momentum, self.eps)
        return self._by_global_batch(x, mean, var, momentum)

    def _by_groups(
        self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, momentum: float
    ) -> Tensor:
        """Each group of `group` images by its own statistics, whose means over the groups move the
        running ones, once."""
        if len(x) % self.group:
            raise UserError(
                f"Batch norm over groups of {self.group} images can't share the {len(x)} images "
                "that a process has of a batch: choose a divisor of that, or 0."
            )
        means, variances, parts = [], [], []
        for part in torch.split(x, self.group):
            mean, var = torch.zeros_like(self.weight), torch.zeros_like(self.weight)
            # A momentum of 1 leaves the group's own statistics in these.
            parts.append(F.batch_norm(part, mean, var, self.weight, self.bias, True, 1.0, self.eps))
            means.append(mean)
            variances.append(var)
        if running_mean is not None and running_var is not None:
            for running, values in ((running_mean, means), (running_var, variances)):
                mean = parallel.mean_over_processes(torch.stack(values).mean(0))
                running.lerp_(mean.to(running.dtype), momentum)
        return torch.cat(parts)

    def _by_global_batch(
        self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, momentum: float
    ) -> Tensor:
        full = x if x.dtype == torch.float64 else x.float()
        dims = [d for d in range(x.dim()) if d != 1]
        own_var, own_mean = torch.var_mean(full, dims, correction=0)
        # One sum for mean, square and count; differences of squares need float64's digits.
        own_mean, own_var = own_mean.double(), own_var.double()
        sums = torch.cat([own_mean, own_var + own_mean.square(), torch.ones_like(own_mean[:1])])
        total = parallel.sum_over_processes(sums * (x.numel() // x.shape[1]))
        mean, square = (total[:-1] / total[-1]).chunk(2)
        var = (square - mean.square()).clamp_min(0)
        count = total[-1].detach()
        if running_mean is not None and running_var is not None:
            unbiased = var.detach() * (count / (count - 1))
            running_mean.lerp_(mean.detach().to(running_mean.dtype), momentum)
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        scale = (var + self.eps).rsqrt() * self.weight
        shift = self.bias - mean * scale
        shape = [1, -1] + [1] * (x.dim() - 2)
        scale, shift = (v.to(full.dtype).view(shape) for v in (scale, shift))
        return torch.addcmul(shift, full, scale).to(x.dtype)


class BatchNorm1d(_Modes, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` with a `mode` and with statistics over all processes."""


class BatchNorm2d(_Modes, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` with a `mode` and with statistics over all processes."""


def _norms(module: nn.Module) -> Iterator[_Modes]:
    for name, layer in module.named_modules():
        if isinstance(layer, _Modes):
            yield layer
        elif isinstance(layer, _Torch):
            raise TypeError(
                f"'{name}' is a {type(layer).__name__} of torch, which has no modes: "
                "build the network with lookalike.nets.batchnorm."
            )


def set_bn_mode(module: nn.Module, mode: BNMode) -> None:
    """Puts every batch normalisation inside `module` into `mode`, until the next call.

    "frozen" also takes the gradient from weight and bias; leaving it gives both back. Raises
    UserError on an unknown mode, TypeError on a normalisation layer that has no modes.
    """
    if mode not in get_args(BNMode):
        raise unknown("bn_mode", mode, get_args(BNMode))
    for layer in _norms(module):
        if "frozen" in (mode, layer.mode):
            layer.weight.requires_grad_(mode != "frozen")
            layer.bias.requires_grad_(mode != "frozen")
        layer.mode = mode


def set_bn_group(module: nn.Module, images: int) -> None:
    """Lets batch statistics be those of groups of so many images that follow each other, 0: of all.

    "Ghost" batch norm (Hoffer, Hubara, Soudry, NeurIPS 2017): a large batch on one device then
    trains as on several, each with its part. A batch must have a multiple of `images`, on every
    process; the running statistics follow the mean of the groups', once a step.
    """
    for layer in _norms(module):
        layer.group = images


@contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """Inside, `module` normalises by the batch and updates no running statistics, in any mode.

    For a network that is used but not trained at this moment: DG-Net's teacher and the copy of
    its encoder that judges generated images. Works with `torch.func.functional_call`.
    """
    layers = list(_norms(module))
    flags = [layer.by_batch_only for layer in layers]
    for layer in layers:
        layer.by_batch_only = True
    try:
        yield
    finally:
        for layer, flag in zip(layers, flags, strict=True):
            layer.by_batch_only = flag


class Dropout(nn.Module):
    """Dropout whose mask does not depend on the number of processes: B×… → B×….

    The mask is drawn for the global batch from torch's global generator and cut to this process's
    rows. The identity in eval mode and at p = 0. Raises ValueError unless 0 ≤ p < 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout needs 0 <= p < 1, got {p}")
        self.p = p

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def forward(self, x: Tensor) -> Tensor:
        if self.p == 0 or not self.training:
            return x
        total = len(x) * parallel.world_size()
        draw = torch.rand((total, *x.shape[1:]), device=x.device)[parallel.my_rows(total)]
        return x * (draw >= self.p).to(x.dtype) / (1 - self.p)
