"""How good features, rankings and pictures are."""

from lookalike.metrics.ordering import Order, order
from lookalike.metrics.protocols import PROTOCOLS
from lookalike.metrics.ranking import Ranking, rank, rank_distances

__all__ = ["PROTOCOLS", "Order", "Ranking", "order", "rank", "rank_distances"]
