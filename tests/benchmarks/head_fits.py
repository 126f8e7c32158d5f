# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of head fits: each portrait of a folder, and the proxy laid over it with its landmarks.

    python -m tests.benchmarks.head_fits PORTRAITS_DIR -o FITS.png

Green: detected landmarks; red: the fitted proxy's.  Errors are printed in % of the eye distance
(median of the inner face, of the jaw line; mean of the irises).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from core.head.fit import batch, fit_portrait, project
from core.head.model import HeadModel
from core.head.raster import rasterize, vertex_normals
from core.head.view import posed_vertices
from core.landmarks.detect import detect_portrait
from core.media.picture import contact_sheet, load_picture, save_picture

CELL = 420  # px a side
SPAN = 4.0  # eye distances that a cell shows
LIGHT = np.array([-0.35, -0.5, -0.79])


def show_fit(path: Path, model: HeadModel) -> tuple[np.ndarray, str]:
    """(uint8 [2 * CELL, CELL, 3], one line of errors) for one portrait."""
    picture = load_picture(path)
    face, _ = detect_portrait(picture, backend="mediapipe")
    start = time.perf_counter()
    fit = fit_portrait(model, face.points, face.irises, picture.size)
    spent = time.perf_counter() - start
    unit = float(np.linalg.norm(face.points[45, :2] - face.points[36, :2]))
    center = face.points[27:36, :2].mean(0)
    scale = CELL / (SPAN * unit)
    corner = center - CELL / 2 / scale
    affine = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    plain = cv2.warpAffine(picture.rgb8(), affine, (CELL, CELL), flags=cv2.INTER_AREA)

    vertices = posed_vertices(model, fit, fit.state)
    view = np.column_stack([(vertices[:, :2] - corner) * scale - 0.5, vertices[:, 2] * scale])
    fragments = rasterize(view, model.triangles, (CELL, CELL))
    normals = fragments.interpolate(model.triangles, vertex_normals(view, model.triangles))
    shade = 90 + 150 * np.clip(normals @ LIGHT, 0, 1)
    over = np.where(fragments.covered[..., None], 0.3 * plain + 0.7 * shade[..., None], plain).astype(
        np.uint8
    )
    fitted = project(model, fit.identity, batch(fit.state))[0, :, :2]
    found = np.concatenate([face.points[:, :2], face.irises])
    for points, color in ((found, (0, 220, 0)), (fitted, (220, 0, 0))):
        for x, y in (points - corner) * scale:
            cv2.circle(over, (int(x * 16), int(y * 16)), 32, color, -1, cv2.LINE_AA, 4)
    error = np.linalg.norm(fit.residual, axis=1) / unit * 100
    line = (
        f"{path.stem:28} inner {np.median(error[17:68]):.2f} %  jaw {np.median(error[:17]):.2f} %"
        f"  irises {np.nanmean(error[68:]):.2f} %  {spent * 1000:.0f} ms"
    )
    return np.vstack([plain, over]), line


def main() -> None:
    """Fit all portraits of a folder and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portraits", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("fits.png"))
    options = parser.parse_args()
    model = HeadModel.load()
    cells = []
    for path in sorted(
        p for p in options.portraits.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg")
    ):
        cell, line = show_fit(path, model)
        cells.append(cell)
        print(line, flush=True)
    save_picture(options.output, contact_sheet(cells, min(len(cells), 4), 4 * CELL))


if __name__ == "__main__":
    main()
