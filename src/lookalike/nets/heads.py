"""What stands on the pooled feature in training: the classifiers of the re-identification papers.

Every head has `embed` (B×in → B×dim, the feature), `classify` (B×dim → B×C logits) and
`forward`, which is both.
"""

from typing import Literal

from torch import Tensor, nn

from lookalike.nets.batchnorm import BatchNorm1d, Dropout


def _classifier(in_features: int, classes: int, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(in_features, classes, bias)
    nn.init.normal_(layer.weight, std=0.001)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class _Head(nn.Module):
    classifier: nn.Linear

    def embed(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def classify(self, z: Tensor) -> Tensor:
        return self.classifier(z)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.embed(x))


class LinearHead(_Head):
    """IDE's head: logits of a linear layer on the pooled feature, N(0, 0.001), bias 0.

    Keys: classifier.{weight, bias}. The embedding is the pooled feature itself.
    """

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__()
        self.classifier = _classifier(in_features, classes)

    def embed(self, x: Tensor) -> Tensor:
        return x


class BottleneckHead(_Head):
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
        return self.act(self.bn(self.feat(x)))  # type: ignore[no-any-return]

    def classify(self, z: Tensor) -> Tensor:
        return self.classifier(self.dropout(z))  # type: ignore[no-any-return]


class BNNeck(_Head):
    """Batch norm → linear without bias (Luo et al. 2019, arXiv 1903.07071).

    Ranking losses take the feature before it, the classifier and the ranking the one after it.
    Keys: bn.* (its bias stays 0), classifier.weight (N(0, 0.001)).
    """

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__()
        self.bn = BatchNorm1d(in_features)
        self.bn.bias.requires_grad_(False)
        self.classifier = _classifier(in_features, classes, bias=False)

    def embed(self, x: Tensor) -> Tensor:
        return self.bn(x)  # type: ignore[no-any-return]
