"""The named evaluation protocols: who is a query, and what becomes of skipped queries.

All of them rank a query's valid gallery: junk (pid −1) and unknown persons (pid −2) are removed,
and so are entries of the query's own identity from the query's own camera. What is left is right
(same identity) or wrong; entries with pid 0 are the distractors, nobody's, so they stay and are
wrong. Only a query that has pid 0 itself makes them a person: every one from another camera is
right for it, which is seldom meant, so `caveat` says it. Equal distances are ranked by gallery
index, as a stable argsort does. A query with no right entry left is skipped.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from lookalike.errors import unknown
from lookalike.metrics.inputs import Array, Ints, ids, ids_of_queries, rankable


@dataclass(frozen=True)
class Protocol:
    """What distinguishes one protocol from another.

    ap: "rectangle" is AP = mean over right entries of their precision k / r_k, with r_k the rank of
        the k-th right entry. "trapezoid" is AP = Σ (R_j − R_{j−1})(p_{j−1} + p_j) / 2 over every
        position j of the list, with R the recall, p the precision and p_0 = 1: the k-th right entry
        adds (k/r_k + (k−1)/(r_k−1)) / 2, or 1 where r_k = 1.
    count_skipped: skipped queries count as zeros in mAP, CMC and mINP; else they are left out.
    multi_query: all queries of one identity and camera are one query, the mean of them.
    draws: 0, or how often one image per gallery identity is drawn for every query; CMC is then the
        mean over the draws. They are always the same, from seed 0.
    splits: 0, or how many halves of the identities are ranked, each on its own (`splits.draw`).
        Where there are draws too, each split is ranked as a benchmark of its own, and the result is
        the mean of these (`parts`); a benchmark may then say who is in which split.
    split_size: how many identities are in a split; 0: half of them.
    cameras_apart: where there are draws, nobody whom the query's own camera saw is drawn.
    distractors: how many the gallery must have for the name to say the truth; see `caveat`.
    identity_cmc: the CMC counts identities, each where its first image is, not images.
    camera_pairs: pairs of a query camera and a gallery camera that don't meet: the gallery of such
        a query is without everybody from there.
    without_clothes: of the query's own person, those in the "same" clothes as the query are left
        out, or those in "other" ones. Where nobody knows the clothes nobody is; see `caveat`.
    merges_sides: every image of a query's identity is a query, and all queries are in the gallery
        too. `merged_sides` makes these two sides of a benchmark's; `rank` ranks those that it is
        given, and `caveat` says where they aren't such ones.
    """

    ap: Literal["rectangle", "trapezoid"] = "rectangle"
    count_skipped: bool = False
    multi_query: bool = False
    draws: int = 0
    splits: int = 0
    split_size: int = 0
    cameras_apart: bool = False
    distractors: int = 0
    identity_cmc: bool = False
    camera_pairs: tuple[tuple[int, int], ...] = ()
    without_clothes: Literal["", "same", "other"] = ""
    merges_sides: bool = False


PROTOCOLS: dict[str, Protocol] = {
    # torchreid, fast-reid and most papers since 2018: plain AP, CMC by the first match.
    "market1501": Protocol(),
    # Market-1501's own evaluation code and what descends from it (DG-Net's and layumi's): they
    # skip a query without a match but still divide by the number of all queries.
    "market1501-trapezoid": Protocol(ap="trapezoid", count_skipped=True),
    # Zheng et al. 2015, "multiple queries" by average pooling, as layumi's and DG-Net's code does.
    "market1501-multi-query": Protocol(multi_query=True),
    # Zheng et al. 2015: the rule is market1501's, the gallery makes it another number.
    "distractors-500k": Protocol(distractors=500_000),
    # The classic 1367/100 protocol. torchreid draws 10 times (its early versions 100) and removes
    # only the query's own identity from the query's camera; open-reid also draws 10 times but
    # removes everybody from that camera, which is the same where the two cameras are split into
    # query and gallery. We follow torchreid, and like it take mAP and mINP from the whole gallery.
    "cuhk03-single-shot": Protocol(draws=10),
    # Li et al. 2014: the mean of the twenty splits that come with the images.
    "cuhk03-20-splits": Protocol(draws=10, splits=20, split_size=100),
    # FD-GAN's evaluation of CUHK03, by open-reid's code: of the query's own camera the CMC has
    # nobody, and the mAP everybody but who is asked for.
    "cuhk03-open-reid": Protocol(draws=10, cameras_apart=True),
    # Gray and Tao 2008: VIPeR's 632 persons are halved at random, and results are means of ten.
    "viper-10-splits": Protocol(splits=10),
    # open-reid's formatting merges the queries into the identities' images, and FD-GAN's published
    # numbers seem to follow it: Market-1501 has 16,483 queries there and 19,281 gallery images, not
    # 3,368 and 15,913. Its AP is scikit-learn's: the rectangle's, but equal distances are one rank.
    "open-reid": Protocol(merges_sides=True),
    # What layumi's and DG-Net's authors' code gives of multiple queries: their AP is a trapezoid's.
    "multi-query-trapezoid": Protocol(ap="trapezoid", count_skipped=True, multi_query=True),
    # Wu et al. 2017: infrared queries (cameras 3 and 6) in a visible gallery (1, 2, 4, 5), of which
    # camera 2 stands where 3 does; identities are counted once, as their evaluation code does.
    "sysu-mm01": Protocol(identity_cmc=True, camera_pairs=((3, 2),)),
    # Qian et al. 2020 (LTCC), Yang et al. 2019 (PRCC): the same person in other clothes, or only in
    # the same.
    "clothes-changing": Protocol(without_clothes="same"),
    "same-clothes": Protocol(without_clothes="other"),
}

SYSU_INFRARED = (3, 6)  # SYSU-MM01's own numbers


def protocol_named(name: str) -> Protocol:
    """The protocol of that name; raises `UserError` with the nearest name if there is none."""
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def effective(
    protocol: str, query_pids: Array, query_camids: Array, clothes: bool = False
) -> Protocol:
    """The rules that these queries feel: protocols with equal ones rank alike.

    query_pids, query_camids: Q whole numbers. clothes: whether they are known. Raises as
    `protocol_named` does.
    """
    rules = protocol_named(protocol)
    several = rules.multi_query and not single(query_pids, query_camids)
    without = rules.without_clothes if clothes else ""
    return replace(
        rules, distractors=0, multi_query=several, merges_sides=False, without_clothes=without
    )


def single(query_pids: Array, query_camids: Array) -> bool:
    """Whether every identity and camera has one query."""
    pids = ids(query_pids, "query_pids", len(query_pids))
    cams = ids(query_camids, "query_camids", len(pids))
    return len(set(zip(pids, cams, strict=True))) == len(pids)


def caveat(
    protocol: str,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    clothes: bool = False,
    splits: int = 0,
) -> str:
    """What keeps these people's result from being what the name promises, or "".

    A sentence, and one more where queries have pid 0.

    query_pids, query_camids: Q whole numbers; gallery_pids: G. clothes: whether they are known.
    splits: of how many it's known who is in them. Raises as `protocol_named` does.
    """
    rules = protocol_named(protocol)
    q_pids = ids(query_pids, "query_pids", len(query_pids))
    g_pids = ids(gallery_pids, "gallery_pids", len(gallery_pids))
    zeros = int((q_pids == 0).sum())
    persons = np.unique(g_pids[g_pids >= (0 if zeros else 1)])
    sentences = []
    if rules.distractors and (count := int((g_pids == 0).sum())) < rules.distractors:
        sentences.append(
            f"the gallery has {count:,} distractors (pid 0), not {rules.distractors:,}: "
            "this is market1501 in all but name."
        )
    if rules.multi_query and single(q_pids, query_camids):
        single_query = "market1501" if rules.ap == "rectangle" else "market1501-trapezoid"
        sentences.append(f"every identity and camera has one query: as {single_query}.")
    if rules.without_clothes and not clothes:
        sentences.append("nobody's clothes are known: this is market1501 in all but name.")
    if rules.camera_pairs and not {*np.asarray(query_camids).tolist()} <= {*SYSU_INFRARED}:
        sentences.append(
            "cameras should have SYSU-MM01's own numbers: 3 and 6 of the queries, 1, 2, 4 and 5 of "
            "the gallery."
        )
    count = len(np.intersect1d(persons, q_pids))
    if rules.draws and not rules.splits and len(persons) != 100:
        sentences.append(
            f"the gallery has {len(persons):,} identities; CUHK03's classic split has 100."
        )
    if rules.draws and rules.splits and splits != rules.splits:
        sentences.append(
            f"who is in which split isn't known: {split_of(count, rules):,} of {count:,} "
            f"identities are drawn for each of the {rules.splits}."
        )
    if rules.splits and not rules.draws and count != 632:
        sentences.append(f"{count:,} identities, {half(count):,} a split; VIPeR has 632 and 316.")
    queries = q_pids[rankable(q_pids)]
    images = int(np.isin(g_pids, queries).sum())
    if rules.merges_sides and len(queries) != images:
        sentences.append(
            f"{len(queries):,} queries, but the gallery has {images:,} images of their identities: "
            "all of a person's images should be queries and in the gallery (`merged_sides` gives "
            "their rows)."
        )
    if zeros:
        have, them = ("query has", "it") if zeros == 1 else ("queries have", "them")
        sentences.append(
            f"{zeros:,} {have} pid 0, the number of distractors: number persons from 1, or every "
            f"distractor is right for {them}."
        )
    return " ".join(sentences)


class Sides(NamedTuple):
    """Rows of the Q queries followed by the G gallery images, ascending int64 below Q + G.

    queries: the images that are queries. gallery: the images to search, among them all queries.
    """

    queries: Ints
    gallery: Ints


def merged_sides(query_pids: Array, gallery_pids: Array, twins: Array | None = None) -> Sides:
    """The `Sides` of a benchmark under open-reid: all images but junk and unknown persons are the
    gallery, and those of the queries' identities are queries.

    query_pids: Q whole numbers; gallery_pids: G. twins: G whole numbers, from 0 where the gallery
    image is one of the queries too, −1 where it isn't; such an image counts once, as the query.
    By default the sides share no image. Raises ValueError on shapes, `UserError` on queries of
    unknown persons.
    """
    q_pids = ids_of_queries(query_pids, len(query_pids))
    g_pids = ids(gallery_pids, "gallery_pids", len(gallery_pids))
    once = np.ones(len(q_pids) + len(g_pids), bool)
    if twins is not None:
        once[len(q_pids) :] = ids(twins, "twins", len(g_pids)) < 0
    pids = np.concatenate([q_pids, g_pids])
    gallery = np.flatnonzero(once & rankable(pids))
    return Sides(gallery[np.isin(pids[gallery], q_pids)], gallery)


def split_of(count: int, rules: Protocol) -> int:
    """How many of `count` identities are in one split."""
    return min(count, rules.split_size) if rules.split_size else half(count)


def half(count: int) -> int:
    """How many of `count` identities are in one split: half of them, rounded down, but not 0."""
    return min(count, max(1, count // 2))
