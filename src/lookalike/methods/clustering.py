"""What label-free methods share that cluster everybody, learn from the clusters, and cluster anew.

A round (`Clustering.round_steps`) begins with a look at everybody: `ClusteringStage.renew` embeds
all crops, gives them their labels (`pseudo_identities`) and fills the memory. Then batches of a few
images each of some clusters: the pooled last map after a batch norm, of length 1, is contrasted
with the memory, which follows the batch after each step. A method is a memory and who is in it:
see `cc` and `spcl`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.data import People
from lookalike.data.batches import Batches
from lookalike.data.cluster_samplers import ClusterImages
from lookalike.data.jitter import ColourJitter
from lookalike.data.links import Links, read_links
from lookalike.data.people import Index
from lookalike.data.transforms import ERASINGS, Augment, RandomErasing
from lookalike.errors import UserError
from lookalike.layout import channels_last
from lookalike.losses import CameraProxies, ClusterMemory, InstanceMemory
from lookalike.methods import schedules
from lookalike.methods.averaging import average_into, average_of
from lookalike.methods.decay import fall
from lookalike.methods.look import Look
from lookalike.methods.method import Method
from lookalike.methods.model import Model, evaluating
from lookalike.methods.optimizers import adam
from lookalike.methods.pictures import Columns, SwapGrid, cluster_strips
from lookalike.methods.pseudo_identities import PseudoIdentities, pseudo_identities
from lookalike.methods.stage import Given, Stage, StageModule, Terms, Write
from lookalike.nets import PoolingName, backbone, pooling, set_bn_group
from lookalike.nets.batchnorm import BatchNorm1d, BNMode
from lookalike.nets.weights import load_part
from lookalike.parallel import gather_rows
from lookalike.settings import schedule, setting


@dataclass(frozen=True)
class Clustering(Method):
    """Settings of methods that cluster everybody, round after round; the defaults are Cluster
    Contrast's released code for Market-1501."""

    labels: ClassVar[bool] = False

    height: int = setting(256, least=16)
    """Height of the network's input, pixels."""
    width: int = setting(128, least=16)
    """Width of the network's input, pixels."""
    pad: int = setting(10, least=0)
    """Pixels of black border added before the random crop."""
    flip: float = setting(0.5, least=0, most=1)
    """Probability of a mirrored image."""
    jitter: float = setting(0.0, least=0, most=1)
    """How far saturation, contrast and brightness vary about 1; 0: not at all."""
    erase: float = setting(0.5, least=0, most=1)
    """Probability of random erasing."""
    pixel_norm: Literal["auto", "imagenet", "half", "caffe_bgr"] = "auto"
    """The scale of the input's pixels; auto: which the weights were trained with."""

    backbone: str = "resnet50"
    """resnet18, 34, 50, 101, or timm:NAME."""
    weights: str = "imagenet"
    """Weights to start from: imagenet (downloaded once), none, or a file."""
    stride_on: Literal["auto", "3x3", "1x1"] = "auto"
    """Which convolution of a bottleneck strides; auto: as the weights were trained."""
    last_stride: Literal[1, 2] = 1
    """Stride of the last stage; 1 doubles the last map."""
    bn_mode: BNMode = "train"
    """Batch norm of the trunk: train, eval_stats (fixed statistics) or frozen."""
    bn_group: int = setting(0, least=0)
    """Images that batch norm takes its statistics over, a divisor of the batch on each process; 0:
    the whole batch. (The authors' four GPUs have 64 of 256 each.)"""
    pooling: PoolingName = "gem"
    """How the last map becomes a feature: avg (paper) or gem (released code)."""
    flip_test: bool = False
    """Add the mirrored image's feature at test."""

    eps: float = setting(0.6, least=0, below=1)
    """The Jaccard distance up to which two images are neighbours for DBSCAN; 0: in every round the
    one that makes the most clusters."""
    eps_last: float = setting(0.0, least=0, below=1)
    """The same in the last round, which the rounds approach evenly; 0: as in the first."""
    rho: float = setting(0.0, least=0, most=1)
    """Instead of eps: the mean of the smallest distances, of this share of all (MMT 0.0016); 0: a
    given eps."""
    min_samples: int = setting(4, least=1)
    """Neighbours, itself included, with which an image is the core of a cluster."""
    k1: int = setting(30, least=1)
    """Neighbours whose reciprocity the Jaccard distance compares."""
    k2: int = setting(6, least=1)
    """Neighbours whose encodings the Jaccard distance averages."""
    cameras: Literal["none", "mean", "deviation"] = "none"
    """Normalise features per camera before distances are computed: by its mean, or by that and its
    deviation."""
    single_camera: Literal["keep", "drop"] = "keep"
    """What becomes of clusters that one camera alone saw: drop leaves them out of the round."""
    links: str = ""
    """What is known of pairs: a CSV file with the header a,b,same, two image files and 1 for one
    person or 0 for two, who then always, or never, share a cluster."""

    momentum: float = setting(0.1, least=0, below=1)
    """The share of the old vector that an update of the memory keeps."""
    temperature: float = setting(0.05, above=0)
    """τ of the contrast."""
    proxy_weight: float = setting(0.0, least=0)
    """Weight of the contrast with what clusters look like to other cameras (ICE); 0: none."""
    proxy_temperature: float = setting(0.07, above=0)
    """τ of that contrast."""

    batch_size: int = setting(256, least=2)
    """Images in a global batch."""
    images_per_cluster: int = setting(16, least=2)
    """K: how many of them are of one cluster."""
    sampler: Literal["cameras", "any"] = "cameras"
    """Whether a cluster's images come from other cameras than the first one where they can."""

    rounds: int = schedule(50, least=1)
    """How often everybody is clustered."""
    round_steps: int = setting(200, least=1)
    """Steps between two clusterings."""
    decay: Literal["auto", "milestones", "cosine"] = "auto"
    """The learning rate's way down: the milestones, or a cosine to 0; auto: the milestones, or a
    cosine in a run that --schedule_scale shortens."""
    milestones: tuple[float, ...] = schedule((20.0, 40.0), least=0)
    """When the learning rate is multiplied by 0.1, rounds."""
    warmup: int = setting(0, least=0)
    """Steps over which the learning rate rises linearly from a hundredth."""
    lr: float = setting(3.5e-4, above=0)
    """Adam's learning rate."""
    weight_decay: float = setting(5e-4, least=0)
    """L2 penalty on all weights."""
    ema: float = setting(0.0, least=0, below=1)
    """How much of itself an average of the weights keeps at every step; the average is then what
    clusters, and what is tested and saved. 0: none, the weights themselves."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size % self.images_per_cluster:
            raise UserError(
                f"A batch of {self.batch_size} images can't be shared among clusters of "
                f"{self.images_per_cluster}: set batch_size to a multiple of images_per_cluster."
            )

    def stages(self, given: Given) -> list[Stage | Write]:
        people = given.learner
        links = read_links(self.links, people) if self.links else None
        return [
            Stage(
                "cluster",
                people,
                self.rounds * self.round_steps,
                (self.height, self.width),
                None,
                lambda _: self.stage_module(people, given.seed, links),
                round=self.round_steps,
            )
        ]

    def stage_module(
        self, people: People, seed: int, links: Links | None = None
    ) -> ClusteringStage:
        """What trains on the people."""
        raise NotImplementedError

    @classmethod
    def model_type(cls) -> type[Model]:
        return ClusterModel


class ClusteringStage(StageModule):
    """Rounds of clustering and contrast, which train a `ClusterModel`."""

    trained: ClusterModel
    leaves_out = False
    labels: Tensor
    eps_of_round: Tensor

    def __init__(
        self, method: Clustering, people: People, seed: int, links: Links | None = None
    ) -> None:
        super().__init__()
        self.method, self.camids, self.sampler_seed = method, people.camids, seed
        self.must = None if links is None else links.must
        self.cannot = None if links is None else links.cannot
        self.trained = ClusterModel(method, 0)
        set_bn_group(self.trained, method.bn_group)
        self.learner = self.trained
        if method.ema:
            self.trained = average_of(self.trained)
        erasing = {**ERASINGS["dgnet"], "p": method.erase}
        self.augment = Augment(
            method.height,
            method.width,
            flip=method.flip,
            pad=method.pad,
            pad_mode="zero",
            jitter=ColourJitter(method.jitter) if method.jitter else None,
            erase=RandomErasing(**erasing) if method.erase else None,
            norm=self.trained.normalize.norm,
        )
        self.register_buffer("labels", torch.full((len(people),), -1))
        self.register_buffer("eps_of_round", torch.tensor(float("nan"), dtype=torch.float64))
        self.memory = self.new_memory()
        self.proxies = CameraProxies(method.momentum) if method.proxy_weight else None
        self.sampler: ClusterImages | None = None
        self.strips: list[Tensor] = []

    def new_memory(self) -> ClusterMemory | InstanceMemory:
        """An empty memory."""
        raise NotImplementedError

    def fill_memory(self, features: Tensor) -> None:
        """Fills the memory at the beginning of a round. features: of everybody, N×D of length 1."""
        raise NotImplementedError

    def classes(self) -> Tensor:
        """What batches are drawn by: N int64, −1 for crops that are left out."""
        return self.labels

    def places(self, rows: Tensor) -> Tensor:
        """Where the memory has what the crops of these rows are pulled to: B int64."""
        return self.labels[rows]

    def begin(self, look: Look) -> None:
        if (self.labels >= 0).any():  # a run that was resumed inside a round
            self.strips = cluster_strips(look, self.labels.cpu().numpy())

    def renew(self, look: Look) -> None:
        """The features of all crops, their clusters, the memory of these."""
        clock = time.perf_counter
        start = clock()
        features = self.embed_all(look)
        embedded = clock()
        labels = self.cluster(features)
        clustered = clock()
        self.fill_memory(features)
        if self.proxies is not None:
            cameras = torch.from_numpy(self.camids).to(self.device)
            self.proxies.fill(features, self.labels, cameras)
        self.sampler = None
        self.round_numbers |= {
            "embed_seconds": embedded - start,
            "cluster_seconds": clustered - embedded,
            "memory_seconds": clock() - clustered,
        }
        self.strips = cluster_strips(look, labels)

    def embed_all(self, look: Look) -> Tensor:
        """The features of all crops, N×D of length 1, in eval mode and the run's precision."""
        net = self.trained

        def function(images: Tensor) -> Tensor:
            return F.normalize(net.embedding(net.normalize(images)))

        with evaluating(net), self.run_precision():
            return look.over(function)

    def cluster(self, features: Tensor) -> Index:
        """Gives every crop its label of the round, from the features of everybody."""
        people = self.identities(features)
        self.labels = torch.from_numpy(people.labels).to(self.device)
        self.eps_of_round.fill_(people.eps)
        self.round_numbers = {"eps": people.eps}
        self.remarks = people.remarks
        return people.labels

    def identities(self, features: Tensor) -> PseudoIdentities:
        """Who is who in this round."""
        return pseudo_identities(
            features, self.camids, self.method, self.eps(), self.must, self.cannot
        )

    def eps(self) -> float:
        """The eps of the round that begins; 0 where it is to be found."""
        m, last = self.method, max(1, (self.method.rounds - 1) * self.method.round_steps)
        if not m.eps_last:
            return m.eps
        return m.eps + (m.eps_last - m.eps) * min(1.0, self.step / last)

    @property
    def clusters(self) -> Tensor:
        return self.labels

    def plan(self, step: int) -> Batches:
        m = self.method
        if self.sampler is None:
            cameras = self.camids if m.sampler == "cameras" else None
            self.sampler = ClusterImages(
                self.classes().cpu().numpy(), cameras, m.batch_size, m.images_per_cluster,
                self.sampler_seed,
            )  # fmt: skip
        return {"crops": self.sampler.batch(step)}

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """Augment, embed, contrast with the memory; one descent; the memory follows the batch."""
        m, net, terms = self.method, self.learner, Terms()
        crops = batch["crops"]
        features = F.normalize(net.embedding(self.augment(crops.images)))
        places = self.places(crops.index)
        terms.add("contrast", 1, self.memory.loss(features, places, m.temperature))
        seen = self.labels[crops.index], crops.camids
        if self.proxies is not None:
            loss = self.proxies.loss(features, *seen, m.proxy_temperature)
            terms.add("proxies", m.proxy_weight, loss)
        self.descend(terms, *self.raw_optimizers())
        all_features = gather_rows(features.detach())
        self.memory.update(all_features, gather_rows(places))
        if self.proxies is not None:
            self.proxies.update(all_features, *(gather_rows(x) for x in seen))
        if m.ema:
            average_into(self.trained, net, m.ema, step)

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """A few clusters of the round."""
        labels = tuple(str(k + 1) for k in range(len(self.strips)))
        return {"clusters": Columns(labels, tuple(self.strips))} if self.strips else {}

    def learning_rate(self, step: int) -> float:
        m, t = self.method, step + 0.5
        rise, rounds = schedules.warmup(t, m.warmup), t / m.round_steps
        return rise * fall(m.decay, rounds, m.rounds, 0, m.milestones, 0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        m = self.method
        return adam((self.learner, m.lr), betas=(0.9, 0.999), weight_decay=m.weight_decay)


class ClusterModel(Model):
    """A backbone, pooling and a batch norm, whose output recognises."""

    method: Clustering
    features_of = ("trunk",)

    def __init__(self, method: Clustering, classes: int) -> None:
        method = method.resolved()
        super().__init__(method, classes, method.height, method.width, method.pixel_norm)
        self.trunk = backbone(
            method.backbone,
            weights=method.weights,
            bn_mode=method.bn_mode,
            stride_on=method.stride_on,
            last_stride=method.last_stride,
        )
        self.pool = pooling(method.pooling)
        self.neck = BatchNorm1d(cast(int, self.trunk.channels))
        self.neck.bias.requires_grad_(False)
        load_part(self.pool, method.weights, "pool")
        load_part(self.neck, method.weights, "neck")
        channels_last(self)

    def embedding(self, x: Tensor) -> Tensor:
        """Preprocessed images → the neck's output, B×C float32."""
        return self.neck(self.pool(self.trunk(x)).float())

    def features(self, x: Tensor) -> Tensor:
        """The retrieval feature, B×C of length 1."""
        views = (x, x.flip(3)) if self.method.flip_test else (x,)
        return F.normalize(torch.stack([F.normalize(self.embedding(v)) for v in views]).sum(0))
