"""The z-buffer in plain numpy, one triangle at a time: slow, and the same to the last bit."""

import numpy as np

one, half = np.float32(1), np.float32(0.5)


def zbuffer(points, faces, height, width):
    depth = np.full((height, width), 1e9, np.float32)
    face = np.full((height, width), -1, np.int32)
    b1, b2 = np.zeros((2, height, width), np.float32)
    for f, corners in enumerate(faces):
        (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = points[corners]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0:
            continue
        columns = np.arange(
            max(0, np.ceil(min(x0, x1, x2) - half)),
            min(width - 1, np.floor(max(x0, x1, x2) - half)) + 1,
            dtype=np.int64,
        )
        rows = np.arange(
            max(0, np.ceil(min(y0, y1, y2) - half)),
            min(height - 1, np.floor(max(y0, y1, y2) - half)) + 1,
            dtype=np.int64,
        )
        dx = columns.astype(np.float32)[None] + half - x0
        dy = rows.astype(np.float32)[:, None] + half - y0
        w1 = (dx * (y2 - y0) - (x2 - x0) * dy) * (one / area)
        w2 = ((x1 - x0) * dy - dx * (y1 - y0)) * (one / area)
        w0 = one - w1 - w2
        z = w0 * z0 + w1 * z1 + w2 * z2
        box = np.ix_(rows, columns)
        wins = (w0 >= 0) & (w1 >= 0) & (w2 >= 0) & (z < depth[box])
        for plane, value in ((depth, z), (face, f), (b1, w1), (b2, w2)):
            plane[box] = np.where(wins, value, plane[box])
    return depth, face, b1, b2
