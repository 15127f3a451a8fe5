"""How good features and rankings are, and who is near whom: on features of any model.

Ranking: `ranking` goes through `keys` (rows of distances), `labels` (who is right), `counting` and
`scores`, by the rules of `protocols` (`pooling`, `splits`, `everyone`); `intervals` says how sure
it is; `ordering` gives the lists; `verifier` has a network re-score the nearest. Neighbours:
`neighbours`, `reciprocal` (sets, weights, overlaps), and on these `reranking`, `jaccard` and
`clustering`; `expansion`. Thresholds: `tally` counts the pairs for `verification` and `cameras`.
All start from `inputs`, and from the inner products of `products`.
"""

from lookalike.metrics.bootstrap_intervals import bootstrap
from lookalike.metrics.cameras import CameraPair, verify_cameras
from lookalike.metrics.clustering import Clusters, cluster, eps_by, pseudo_labels
from lookalike.metrics.everyone import Everyone, everyone
from lookalike.metrics.expansion import query_expansion
from lookalike.metrics.jaccard import RECIPES, jaccard_distance
from lookalike.metrics.network_reranking import verifier_rerank
from lookalike.metrics.protocols import PROTOCOLS, caveat
from lookalike.metrics.ranked_lists import Order, order
from lookalike.metrics.ranking import Ranking, rank, rank_distances
from lookalike.metrics.reranking import rerank
from lookalike.metrics.verification import Point, Verification, verify

__all__ = [
    "PROTOCOLS",
    "RECIPES",
    "CameraPair",
    "Clusters",
    "Everyone",
    "Order",
    "Point",
    "Ranking",
    "Verification",
    "bootstrap",
    "caveat",
    "cluster",
    "eps_by",
    "everyone",
    "jaccard_distance",
    "order",
    "pseudo_labels",
    "query_expansion",
    "rank",
    "rank_distances",
    "rerank",
    "verifier_rerank",
    "verify",
    "verify_cameras",
]
