"""Losses that more than one method uses: one small file a loss."""

from lookalike.losses.gan import (
    bce,
    bce_discriminator,
    bce_generator,
    lsgan_discriminator,
    lsgan_generator,
)
from lookalike.losses.l1 import l1_distance
from lookalike.losses.label_smoothing import cross_entropy
from lookalike.losses.pose_mask import pose_mask_l1
from lookalike.losses.r1 import r1_penalty
from lookalike.losses.soft_targets import soft_target_kl
from lookalike.losses.triplet import pairwise_distance, triplet_loss

__all__ = [
    "bce",
    "bce_discriminator",
    "bce_generator",
    "cross_entropy",
    "l1_distance",
    "lsgan_discriminator",
    "lsgan_generator",
    "pairwise_distance",
    "pose_mask_l1",
    "r1_penalty",
    "soft_target_kl",
    "triplet_loss",
]
