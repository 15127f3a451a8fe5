"""What every method is: settings with presets, checked where they are declared, and its stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from lookalike.data.samplers import BatchError
from lookalike.errors import UserError, unknown
from lookalike.methods.model import Model
from lookalike.methods.stage import Given, Stage, Write
from lookalike.nets.expected_pixels import expected_pixels
from lookalike.nets.weights import weights_stride_on
from lookalike.settings import check

Need = Literal["pose", "mask", "structure", "target"]
Changes = Mapping[str, Any]  # settings and the values that they change to

M = TypeVar("M", bound="Method")


@contextmanager
def set_by(flag: str) -> Iterator[None]:
    """Inside, what a sampler says of a batch that the data can't fill ends with the `flag` that
    sets it."""
    try:
        yield
    except BatchError as error:
        raise UserError(f"{str(error).removesuffix('.')}: {flag}.") from error


@dataclass(frozen=True)
class Method:
    """The settings of a system. A subclass adds fields, presets, `stages` and its model.

    Fields are made with `lookalike.settings.setting` and `schedule`; their docstrings are the help.
    A value that its field doesn't allow raises UserError.

    presets: name → the fields in which it differs from the defaults.
    needs: what it must know of its training crops beside their identity, and whether it needs
    people of a second domain.
    labels: whether it reads who the people of `--data` are; else nobody's identity reaches it.
    control: the changes that train the same learner as long, without generated pictures; None for
    what generates nothing or recognises nobody.
    ablations: the rows of the paper's table: name → changes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    presets: ClassVar[Mapping[str, Changes]] = {}
    needs: ClassVar[tuple[Need, ...]] = ()
    labels: ClassVar[bool] = True
    control: ClassVar[Changes | None] = None
    ablations: ClassVar[Mapping[str, Changes]] = {}

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def preset(cls: type[M], name: str | None = None, **changes: Any) -> M:
        """The settings of that preset, with changes. Raises UserError for an unknown name."""
        if name is not None and name not in cls.presets:
            raise unknown(f"preset of {cls.name}", name, cls.presets)
        fields = [f.name for f in dataclasses.fields(cls)]
        for change in changes:
            if change not in fields:
                raise unknown(f"setting of {cls.name}", change, fields)
        return cls(**{**(cls.presets[name] if name else {}), **changes})

    def scaled(self: M, factor: float) -> M:
        """The same settings with every length, milestone and ramp multiplied by `factor`."""

        def times(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(times(v) for v in value)
            if isinstance(value, int):
                return max(1, round(value * factor)) if value else 0
            return value * factor

        changes: dict[str, Any] = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.metadata.get("schedule"):
                changes[f.name] = times(value)
            elif isinstance(value, Method):
                changes[f.name] = value.scaled(factor)
        return dataclasses.replace(self, **changes)

    def resolved(self: M) -> M:
        """The settings with everything decided that depends on this machine: where a trunk's
        strides are and how its pixels are scaled, which its weights say."""
        trunk, weights = (getattr(self, name, "") for name in ("backbone", "weights"))
        changes: dict[str, Any] = {}
        if getattr(self, "stride_on", "") == "auto" and not trunk.startswith("timm:"):
            changes["stride_on"] = weights_stride_on(trunk, weights)
        if getattr(self, "pixel_norm", "") == "auto":
            changes["pixel_norm"] = expected_pixels(trunk, weights)
        return dataclasses.replace(self, **changes) if changes else self

    def pixel_warning(self) -> str:
        """What to say where the trunk's weights expect another scale of pixels than they will see:
        a sentence, or nothing."""
        trunk, weights = (getattr(self, name, "") for name in ("backbone", "weights"))
        if not weights or weights == "none":
            return ""
        scale = getattr(self, "pixel_norm", "imagenet")
        try:
            expected = expected_pixels(trunk, weights)
        except UserError as error:  # a scale without a name: whichever was chosen, it is another
            return str(error)
        if scale in ("auto", expected):
            return ""
        advice = (
            "--pixel_norm auto gives them that"
            if hasattr(self, "pixel_norm")
            else "other weights will do better"
        )
        return (
            f"the weights '{weights}' expect pixels in the scale {expected}, but {self.name} gives "
            f"them {scale}: {advice}."
        )

    @property
    def reads_target_labels(self) -> bool:
        """Whether these settings ask who the target's people are: an oracle for a paper's table."""
        return False

    def stages(self, given: Given) -> list[Stage | Write]:
        """What is trained and written, in order. Raises UserError when a batch can't be filled."""
        raise NotImplementedError

    @classmethod
    def model_type(cls) -> type[Any]:
        """The class of its model, whose verbs say what it generates."""
        raise NotImplementedError

    def model(self, classes: int) -> Model:
        """The untrained model for `classes` identities, to be filled from a file."""
        changes: dict[str, Any] = {"weights": "none"} if hasattr(self, "weights") else {}
        return self.model_type()(dataclasses.replace(self, **changes), classes)
