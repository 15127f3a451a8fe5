"""How good features, rankings and pictures are."""

from lookalike.metrics.intervals import bootstrap
from lookalike.metrics.ordering import Order, order
from lookalike.metrics.protocols import PROTOCOLS, caveat
from lookalike.metrics.ranking import Ranking, rank, rank_distances

__all__ = [
    "PROTOCOLS",
    "Order",
    "Ranking",
    "bootstrap",
    "caveat",
    "order",
    "rank",
    "rank_distances",
]
