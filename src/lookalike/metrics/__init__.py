"""How good features and rankings are, and who is near whom: on features of any model.

In the order to read them. `inputs` checks what users give and says which pids are nobody's;
`products` has the inner products that all distances are made of, `distances` gives rows of them.
Ranking: `matches` says who is right for a query, `ranks` counts the ranks of these and scores them,
`ranking` puts it together by the rules of `protocols` (`multi_query`, `splits`, `parts`), as
`ranking_scores`; `bootstrap_intervals` says how sure these are; `ranked_lists` has the nearest
images themselves, `network_reranking` lets a network re-score them. Neighbours: `neighbours`
searches, `reciprocal` has the k-reciprocal sets with their weights and overlaps; on these stand
`reranking`, `jaccard` (by `near_pairs`) and `clustering`, which keeps to `links`; `choose_eps`
finds its eps, `reliability` says which clusters stay at another; `expansion` moves queries to their
neighbours. Steps without training: `camera_normalisation` and `centralisation` move all features,
`identity_density` says what that does to a person's. Thresholds: `pair_counts` counts pairs of the
same person and of two, for `verification` and `cameras`. Pictures: `images`.
"""

from lookalike.metrics.bootstrap_intervals import bootstrap
from lookalike.metrics.camera_normalisation import (
    CameraStatistics,
    camera_statistics,
    normalise_cameras,
)
from lookalike.metrics.cameras import CameraPair, verify_cameras
from lookalike.metrics.centralisation import centralise_neighbours
from lookalike.metrics.choose_eps import EpsChoice, EpsPoint, choose_eps
from lookalike.metrics.clustering import (
    Clusters,
    cluster,
    cluster_means,
    clusters_over,
    drop_single_camera,
    eps_by,
    pseudo_labels,
)
from lookalike.metrics.expansion import query_expansion
from lookalike.metrics.identity_density import identity_density
from lookalike.metrics.jaccard import RECIPES, jaccard_distance
from lookalike.metrics.network_reranking import verifier_rerank
from lookalike.metrics.protocols import PROTOCOLS, Sides, caveat, merged_sides
from lookalike.metrics.ranked_lists import RankedLists, nearest_matches
from lookalike.metrics.ranking import rank, rank_distances
from lookalike.metrics.ranking_scores import Ranking
from lookalike.metrics.reliability import Reliable, reliable_labels
from lookalike.metrics.reranking import rerank
from lookalike.metrics.verification import Point, Verification, verify

__all__ = [
    "PROTOCOLS",
    "RECIPES",
    "CameraPair",
    "CameraStatistics",
    "Clusters",
    "EpsChoice",
    "EpsPoint",
    "Point",
    "RankedLists",
    "Ranking",
    "Reliable",
    "Sides",
    "Verification",
    "bootstrap",
    "camera_statistics",
    "caveat",
    "centralise_neighbours",
    "choose_eps",
    "cluster",
    "cluster_means",
    "clusters_over",
    "drop_single_camera",
    "eps_by",
    "identity_density",
    "jaccard_distance",
    "merged_sides",
    "nearest_matches",
    "normalise_cameras",
    "pseudo_labels",
    "query_expansion",
    "rank",
    "rank_distances",
    "reliable_labels",
    "rerank",
    "verifier_rerank",
    "verify",
    "verify_cameras",
]
