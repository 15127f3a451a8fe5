"""The named evaluation protocols: what each does with junk, with skipped queries and with ties.

All of them rank a query's valid gallery: entries with pid −1 are removed, and so are entries of the
query's own identity from the query's own camera. What is left is right (same identity) or wrong;
identity 0 (a distractor) is nobody's, so it stays and is wrong for everybody else. Equal distances
are ranked by gallery index, as a stable argsort does. A query with no right entry left is skipped.
"""

from dataclasses import dataclass
from typing import Literal

from lookalike.errors import unknown


@dataclass(frozen=True)
class Protocol:
    """What distinguishes one protocol from another.

    ap: "rectangle" is AP = mean over right entries of their precision k / r_k, with r_k the rank of
        the k-th right entry. "trapezoid" is AP = Σ (R_j − R_{j−1})(p_{j−1} + p_j) / 2 over every
        position j of the list, with R the recall, p the precision and p_0 = 1: the k-th right entry
        adds (k/r_k + (k−1)/(r_k−1)) / 2, or 1 where r_k = 1.
    count_skipped: skipped queries count as zeros in mAP, CMC and mINP; else they are left out.
    repeats: 0, or how often one image per gallery identity is drawn for every query; CMC is then
        the mean over the draws. The draws are always the same, from seed 0.
    """

    ap: Literal["rectangle", "trapezoid"] = "rectangle"
    count_skipped: bool = False
    repeats: int = 0


PROTOCOLS: dict[str, Protocol] = {
    # torchreid, fast-reid and most papers since 2018: plain AP, CMC by the first match.
    "market1501": Protocol(),
    # Market-1501's own evaluation code and what descends from it (DG-Net's and layumi's): they
    # skip a query without a match but still divide by the number of all queries.
    "market1501-trapezoid": Protocol(ap="trapezoid", count_skipped=True),
    # The classic 1367/100 protocol. torchreid draws 10 times (its early versions 100) and removes
    # only the query's own identity from the query's camera; open-reid also draws 10 times but
    # removes everybody from that camera, which is the same where the two cameras are split into
    # query and gallery. We follow torchreid, and like it take mAP and mINP from the whole gallery.
    "cuhk03-single-shot": Protocol(repeats=10),
}


def protocol_named(name: str) -> Protocol:
    """The protocol of that name; raises `UserError` with the nearest name if there is none."""
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
