"""MediaPipe's pose landmarker: its model file, and the detector that it makes."""

from __future__ import annotations

import hashlib
import os
from http.client import HTTPException
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np

from lookalike.data.poses.estimate.pose import Detect, Landmarks, Pixels
from lookalike.errors import UserError
from lookalike.files import cache, replacing

URL = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/pose_landmarker_full/"
    "float16/1/pose_landmarker_full.task"
)
SHA256 = "5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1"  # of URL's file
VARIABLE = "LOOKALIKE_POSE_MODEL"
TIMEOUT = 30  # seconds without an answer


def require_mediapipe() -> None:
    """Raises UserError if the package isn't installed; doesn't import it."""
    if find_spec("mediapipe") is None:
        raise UserError(
            "Estimating poses needs the package mediapipe: `pip install lookalike[pose]`."
        )


def model_file(model: str | None = None) -> Path:
    """The model's file: a path's, or a URL's, downloaded at the first use.

    model: by default the file that $LOOKALIKE_POSE_MODEL names, or else MediaPipe's public one.
    Downloads are kept in $LOOKALIKE_CACHE/weights (~/.cache/lookalike/weights).
    Raises UserError when there is no such file or it can't be had.
    """
    model = model or os.environ.get(VARIABLE) or URL
    if urlsplit(model).scheme in ("http", "https"):
        return _downloaded(model)
    path = Path(model).expanduser()
    if not path.is_file():
        raise UserError(f"There is no pose model '{model}': give a .task file of MediaPipe's.")
    return path


def _downloaded(url: str) -> Path:
    name = Path(urlsplit(url).path).name or "pose.task"
    if url != URL:  # files of other addresses may have the same name
        name = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}"
    path = cache("weights") / name
    if path.is_file():
        return path
    try:
        with urlopen(url, timeout=TIMEOUT) as answer:
            content: bytes = answer.read()
    except (OSError, HTTPException, ValueError) as error:  # no network, cut short, no such host
        raise UserError(
            f"Could not download {url} ({error}): give --model FILE, or put the file at {path}."
        ) from error
    if url == URL and hashlib.sha256(content).hexdigest() != SHA256:
        raise UserError(f"What came from {url} isn't MediaPipe's pose model: give --model FILE.")
    with replacing(path) as part:
        part.write_bytes(content)
    return path


def landmarker(model: str | Path) -> Detect:
    """The detector that a model file makes: the same landmarks for the same pixels, always.

    Raises UserError when MediaPipe can't use the file.
    """
    require_mediapipe()
    mediapipe = import_module("mediapipe")
    tasks = import_module("mediapipe.tasks.python")
    vision = tasks.vision
    try:
        task = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=tasks.BaseOptions(model_asset_path=str(model))
            )
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"MediaPipe can't use the pose model '{model}' ({str(error).splitlines()[0]}): give a "
            "pose_landmarker .task file."
        ) from error

    def detect(pixels: Pixels) -> Landmarks | None:
        image = mediapipe.Image(
            image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels)
        )
        people = task.detect(image).pose_landmarks
        if not people:
            return None
        height, width = pixels.shape[:2]
        return np.array([(p.x * width, p.y * height, p.visibility) for p in people[0]], np.float64)

    return detect
