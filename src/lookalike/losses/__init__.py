"""Losses: one small file for each formula that has a paper.

Of identities: `label_smoothing` (cross-entropy), `triplet`, `verification`, `soft_targets`; with a
memory: `cluster_memory`, `instance_memory`, `camera_proxies`. Of pictures: `l1`, `pose_mask`,
`same_pose`. Against a discriminator: `gan`, `r1`. All compute in float32 or better, which
`precision` sees to.
"""

from lookalike.losses.camera_proxies import CameraProxies
from lookalike.losses.cluster_memory import ClusterMemory, MemoryUpdate
from lookalike.losses.gan import (
    GANS,
    Gan,
    bce,
    bce_discriminator,
    bce_generator,
    log_discriminator,
    log_generator,
    lsgan_discriminator,
    lsgan_generator,
    smooth_targets,
)
from lookalike.losses.instance_memory import InstanceMemory
from lookalike.losses.l1 import l1_distance
from lookalike.losses.label_smoothing import cross_entropy
from lookalike.losses.pose_mask import pose_mask_l1
from lookalike.losses.r1 import r1_penalty
from lookalike.losses.same_pose import same_pose
from lookalike.losses.soft_targets import soft_target_kl
from lookalike.losses.triplet import pairwise_distance, triplet_loss
from lookalike.losses.verification import verification

__all__ = [
    "GANS",
    "CameraProxies",
    "ClusterMemory",
    "Gan",
    "InstanceMemory",
    "MemoryUpdate",
    "bce",
    "bce_discriminator",
    "bce_generator",
    "cross_entropy",
    "l1_distance",
    "log_discriminator",
    "log_generator",
    "lsgan_discriminator",
    "lsgan_generator",
    "pairwise_distance",
    "pose_mask_l1",
    "r1_penalty",
    "same_pose",
    "smooth_targets",
    "soft_target_kl",
    "triplet_loss",
    "verification",
]
