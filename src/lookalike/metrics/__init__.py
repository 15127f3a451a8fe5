"""How good features, rankings and pictures are."""

from lookalike.metrics.cameras import CameraPair, verify_cameras
from lookalike.metrics.intervals import bootstrap
from lookalike.metrics.ordering import Order, order
from lookalike.metrics.protocols import PROTOCOLS, caveat
from lookalike.metrics.ranking import Ranking, rank, rank_distances
from lookalike.metrics.verification import Point, Verification, verify

__all__ = [
    "PROTOCOLS",
    "CameraPair",
    "Order",
    "Point",
    "Ranking",
    "Verification",
    "bootstrap",
    "caveat",
    "order",
    "rank",
    "rank_distances",
    "verify",
    "verify_cameras",
]
