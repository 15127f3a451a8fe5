"""A process that estimates poses, one image after another, as the process that started it asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookalike.data.images import read_image
from lookalike.data.poses.estimate.landmarker import landmarker
from lookalike.data.poses.estimate.pose import Detect, estimate
from lookalike.data.poses.estimate.poses_csv import row
from lookalike.errors import UserError
from lookalike.workers import serve


def estimate_images(folder: str, model: str, threshold: float) -> None:
    """The whole life of a process that estimates the poses of images in `folder`."""

    def prepare() -> Callable[[Any], dict[str, Any]]:
        _hush()
        detect = landmarker(model)
        return lambda name: answer(Path(folder), name, detect, threshold)

    serve(prepare)


def answer(folder: Path, name: str, detect: Detect, threshold: float) -> dict[str, Any]:
    """The row of one image and its score; for an unreadable image only why it is that."""
    try:
        image = read_image(folder / name)
    except UserError as error:
        return {"name": name, "unreadable": str(error)}
    pose = estimate(image, detect, threshold)
    return {"name": name, "row": row(name, pose), "score": pose.score}


def _hush() -> None:
    """Keeps what MediaPipe's native code writes to stderr from there; Python's own goes on."""
    sys.stderr = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
