"""What stands on the pooled feature in training: the classifiers of the re-identification papers.

Every head has `embed` (B×in → B×dim, the feature), `classify` (B×dim → B×C logits) and
`forward`, which is both; two that only embed have no classifier. `make_head` builds one by name.
"""

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.nets.batchnorm import BatchNorm1d, Dropout

HeadName = Literal[
    "linear", "bneck512", "bneck512_lrelu", "bneck1024_relu", "bnneck", "trinet", "none"
]


def make_head(name: HeadName, channels: int, classes: int, dropout: float) -> "Head":
    """The head of that name on B×channels features."""
    heads: dict[HeadName, Callable[[], Head]] = {
        "linear": lambda: LinearHead(channels, classes),
        "bneck512": lambda: BottleneckHead(channels, 512, classes, None, dropout),
        "bneck512_lrelu": lambda: BottleneckHead(channels, 512, classes, "lrelu", dropout, 0.02),
        "bneck1024_relu": lambda: BottleneckHead(channels, 1024, classes, "relu", dropout),
        "bnneck": lambda: BNNeck(channels, classes),
        "trinet": lambda: TrinetHead(channels),
        "none": NoHead,
    }
    return heads[name]()


def _classifier(in_features: int, classes: int, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(in_features, classes, bias)
    nn.init.normal_(layer.weight, std=0.001)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class Head(nn.Module):
    """What all of them are."""

    classifier: nn.Linear

    def embed(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def classify(self, z: Tensor) -> Tensor:
        return self.classifier(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.embed(x))


class LinearHead(Head):
    """IDE's head: logits of a linear layer on the pooled feature, N(0, 0.001), bias 0.

    Keys: classifier.{weight, bias}. The embedding is the pooled feature itself.
    """

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__()
        self.classifier = _classifier(in_features, classes)

    def embed(self, x: Tensor) -> Tensor:
        return x


class BottleneckHead(Head):
    """Linear → batch norm → activation → dropout → linear; the embedding is before the dropout.

    IDE+ is (2048, 512, C, "lrelu", gamma_std=0.02), CamStyle's and HHL's baseline
    (2048, 1024, C, "relu"), DG-Net's heads (2048, 512, C, None) with dropout 0.5 and 0.75.
    Keys: feat.{weight, bias} (Kaiming normal, fan-out; 0), bn.* (weight N(1, gamma_std)),
    classifier.{weight, bias} (N(0, 0.001); 0).
    """

    def __init__(
        self,
        in_features: int,
        dim: int,
        classes: int,
        activation: Literal["relu", "lrelu"] | None = None,
        dropout: float = 0.5,
        gamma_std: float = 0.0,
    ) -> None:
        super().__init__()
        self.feat = nn.Linear(in_features, dim)
        self.bn = BatchNorm1d(dim)
        self.act = {"relu": nn.ReLU(), "lrelu": nn.LeakyReLU(0.1), None: nn.Identity()}[activation]
        self.dropout = Dropout(dropout)
        self.classifier = _classifier(dim, classes)
        nn.init.kaiming_normal_(self.feat.weight, mode="fan_out")
        nn.init.zeros_(self.feat.bias)
        nn.init.normal_(self.bn.weight, 1.0, gamma_std)

    def embed(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.feat(x)))

    def classify(self, z: Tensor) -> Tensor:
        return self.classifier(self.dropout(z))


class BNNeck(Head):
    """Batch norm → linear without bias (Luo et al. 2019, arXiv 1903.07071).

    Ranking losses take the feature before it, the classifier and the ranking the one after it.
    Keys: bn.* (its bias stays 0), classifier.weight (N(0, 0.001)).
    """

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__()
        self.bn = BatchNorm1d(in_features)
        self.bn.bias.requires_grad_(False)
        self.classifier = _classifier(in_features, classes, bias=False)

    @property
    def neck(self) -> BatchNorm1d:
        """The batch norm on the pooled feature."""
        return self.bn

    def embed(self, x: Tensor) -> Tensor:
        return self.bn(x)


class TrinetHead(Head):
    """TriNet's embedding (Hermans et al. 2017): linear 1024 without bias, batch norm, ReLU, linear
    128. It has no classifier."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.feat = nn.Linear(in_features, 1024, bias=False)
        self.bn = BatchNorm1d(1024)
        self.out = nn.Linear(1024, 128)
        nn.init.xavier_uniform_(self.feat.weight)
        nn.init.orthogonal_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def embed(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.bn(self.feat(x))))


class NoHead(Head):
    """The pooled feature itself, without a classifier."""

    def embed(self, x: Tensor) -> Tensor:
        return x
