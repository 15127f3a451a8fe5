"""A place with its cameras and people, and what comes out of it: one crop at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.world.bodies.body import body
from lookalike.world.bodies.poses import Pose, sample_pose
from lookalike.world.dressing.person import Person, Posed
from lookalike.world.places.backgrounds import Frame, frame
from lookalike.world.places.cameras import Camera, sample_camera
from lookalike.world.renderer import layer as layers
from lookalike.world.renderer.crowd import SPRITES, Sprite, beside, occlude, paste, sprite_of
from lookalike.world.renderer.placement import (
    Box,
    Place,
    View,
    detector_box,
    in_camera,
    in_frame,
    light_at,
    outline,
    sample_place,
    view_from,
)
from lookalike.world.renderer.sensor import expose, jpeg
from lookalike.world.renderer.structure import grey
from lookalike.world.renderer.truth import Truth, truth_of
from lookalike.world.seeds import rng
from lookalike.world.spec import WorldSpec
from lookalike.world.wardrobe.people import person_of

Array = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

SAMPLES = 2
"""A pixel of the person holds the mean of this squared samples."""
TRUNK = [1, 8, 11]
"""Joints of the trunk: neck and hips."""
ATTEMPTS = 8
"""Draws of a shot in which too little of the person shows, before the last is kept anyway."""
STRANGERS = 24
"""People of the place who are nobody in particular; cameras share them, in other poses."""
FIRST_STRANGER = 10**9
"""Their first number: beyond the people of any world."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One crop."""

    image: Picture
    """H×W×3, as it went into the JPEG."""
    jpeg: bytes
    truth: Truth


@dataclass(frozen=True, eq=False)
class _Scene:
    """A drawn shot before the sensor: all that a picture or a structure is made from."""

    random: np.random.Generator
    posed: Posed
    pose: Pose
    place: Place
    view: View
    box: Box
    native_height: float
    layer: layers.Layer
    linear: Array
    visible: Array


class Site:
    """A world's place. Everything is made when it is first asked for, and is the same in any order.

    One site needs some 200 MB; a process has one thread in it.
    """

    def __init__(self, spec: WorldSpec) -> None:
        self.spec = spec
        self._key = (spec.seed, spec.domain.name, spec.site)
        self.camera = lru_cache(maxsize=None)(self._make_camera)
        self.frame = lru_cache(maxsize=None)(self._make_frame)
        self.sprite = lru_cache(maxsize=None)(self._make_sprite)
        self.person = lru_cache(maxsize=spec.clothes + 1)(self._make_person)
        self._stranger = lru_cache(maxsize=STRANGERS)(self._make_stranger)

    def shot(self, person: int, camera: int, k: int) -> Shot:
        """Crop `k` of a person by a camera, all from 0: a pure function of spec and numbers."""
        scene = self._scene(person, camera, k)
        lens, spec = self.camera(camera), self.spec
        image = expose(
            scene.random,
            lens,
            spec.domain,
            self.frame(camera).gain,
            scene.linear,
            scene.native_height,
        )
        truth = truth_of(
            (person, camera, self.clothes(k), k),
            scene.place,
            scene.pose.kind,
            scene.native_height,
            scene.box,
            scene.posed.joints,
            scene.view,
            scene.layer,
            scene.visible,
        )
        return Shot(image, jpeg(image, int(scene.random.integers(*lens.jpeg))), truth)

    def structure(self, person: int, camera: int, k: int, yaws: Sequence[float]) -> list[Picture]:
        """The person of that crop, grey on white, at its place and scale: H×W uint8 for each yaw.

        `yaws` are radians on top of the crop's own: at 0 the outline is the crop's `amodal` mask.
        """
        scene = self._scene(person, camera, k)
        place, lens, (height, width) = scene.place, self.camera(camera), self._size
        pictures = []
        for yaw in yaws:
            view = view_from(lens, Place(place.x, place.y, place.yaw + yaw))
            seen = layers.perspective(scene.posed.vertices, view)
            buffers = layers.cover(seen, scene.posed.faces, scene.box, height, width)
            right, _, forward = view.rotation
            pictures.append(grey(scene.posed, buffers, right, forward, SAMPLES))
        return pictures

    def clothes(self, k: int) -> int:
        """Which of their sets of clothes a person wears in crop `k`."""
        return k % self.spec.clothes

    @property
    def _size(self) -> tuple[int, int]:
        """Rows and columns of a crop's samples."""
        return self.spec.height * SAMPLES, self.spec.width * SAMPLES

    def _scene(self, person: int, camera: int, k: int) -> _Scene:
        """The first attempt that shows enough of the person, else the last."""
        key = (*self._key, person, self.clothes(k), camera, k)
        # The pose stays over the attempts: posing costs more than drawing a place.
        random = rng("pose", *key)
        kinds, weights = zip(*self.spec.domain.poses, strict=True)
        kind = str(random.choice(kinds, p=np.divide(weights, sum(weights))))
        pose = sample_pose(random, kind)
        posed = self.person(person, self.clothes(k)).posed(pose)
        for attempt in range(ATTEMPTS):
            scene = self._attempt(rng("shot", *key, attempt), pose, posed, camera)
            seen, whole = scene.visible.sum(), scene.layer.rgba[..., 3].sum()
            if seen >= self.spec.domain.least_visible * max(whole, 1):
                break
        return scene

    def _attempt(
        self, random: np.random.Generator, pose: Pose, posed: Posed, camera: int
    ) -> _Scene:
        lens, domain, frame = self.camera(camera), self.spec.domain, self.frame(camera)
        place = sample_place(random, lens, domain)
        view = view_from(lens, place)
        seen = layers.perspective(posed.vertices, view)
        around = outline(seen)
        trunk = float(in_frame(in_camera(posed.joints[TRUNK], view), view)[:, 0].mean())
        box = detector_box(random, domain, around, trunk)
        edges = (box[0], box[1], box[0] + box[2], box[1] + box[3])
        shares = light_at(frame.light, place.x, place.y)
        light = layers.light_on(lens, view, posed.vertices, posed.faces, shares)
        size = (self.spec.width, self.spec.height)
        crop = np.asarray(frame.image.resize(size, Image.Resampling.BILINEAR, box=edges))
        linear = layers.on_ground(crop, light, view, box, posed.feet)
        for _ in range(random.poisson(domain.behind)):
            self._somebody(random, camera, place, box, False, linear)
        buffers = layers.cover(seen, posed.faces, box, *self._size)
        layer = layers.render(posed, light, buffers, SAMPLES)
        linear *= 1 - layer.rgba[..., 3:]
        linear += layer.rgba[..., :3]
        visible = layer.rgba[..., 3].copy()
        if random.random() < domain.front_share:
            self._hide(visible, self._somebody(random, camera, place, box, True, linear))
        if 0 < frame.occluder_depth < place.y:
            self._hide(visible, occlude(frame.occluders, box, linear))
        return _Scene(random, posed, pose, place, view, box, around[3], layer, linear, visible)

    def _somebody(
        self,
        random: np.random.Generator,
        camera: int,
        place: Place,
        box: Box,
        front: bool,
        linear: Array,
    ) -> Array | None:
        lens = self.camera(camera)
        spot = beside(random, lens, self.spec.domain, place, box, front)
        sprite = self.sprite(camera, int(random.integers(SPRITES)))
        shares = light_at(self.frame(camera).light, *spot)
        return paste(sprite, lens, spot, shares, bool(random.random() < 0.5), box, linear)

    @staticmethod
    def _hide(visible: Array, coverage: Array | None) -> None:
        if coverage is not None:
            visible *= 1 - coverage

    def _make_camera(self, camera: int) -> Camera:
        return sample_camera(self.spec.domain, self.spec.seed, self.spec.site, camera)

    def _make_frame(self, camera: int) -> Frame:
        return frame(self.camera(camera), self.spec.domain, self.spec.seed, self.spec.site)

    def _make_person(self, person: int, clothes: int) -> Person:
        identity, outfit = person_of(*self._key, person, clothes, self.spec.siblings)
        return Person(body(), identity, outfit)

    def _make_stranger(self, number: int) -> Person:
        identity, outfit = person_of(*self._key, FIRST_STRANGER + number, 0, 0.0)
        return Person(body(), identity, outfit)

    def _make_sprite(self, camera: int, number: int) -> Sprite:
        random = rng("sprite", *self._key, camera, number)
        stranger = self._stranger(int(random.integers(STRANGERS)))
        posed = stranger.posed(sample_pose(random))
        yaw = random.uniform(0, 2 * np.pi)
        # Somebody in front is larger than the person.
        return sprite_of(posed, self.camera(camera), yaw, round(1.25 * self.spec.height))
