# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of all methods side by side: the best, the median and the worst, and the worst of every clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...media.picture import save_picture
from .run import Evaluation

SIDE, SMALL = 224, 128  # px of a tile
# what a strip is about, the first of these that was measured; and what it is compared with
FOCUS = ("personalized", "full", "neural", "nearest-flow", "flow", "nearest-tps", "tps", "aligned", "static")
REFERENCE = ("flow", "tps", "aligned", "static")


def focus_of(report: dict[str, Any], shots: str) -> tuple[str, str]:
    """The method that strips and the worst clip are about, and the one that it is compared with."""
    present = list(report["summary"][shots])

    def first(names: tuple[str, ...], not_this: str = "") -> str:
        some = [spec for name in names for spec in present if spec.partition(":")[0] == name]
        return next((spec for spec in some if spec != not_this), present[0])

    focus = first(FOCUS)
    return focus, first(REFERENCE, focus)


def save_strips(evaluation: Evaluation, folder: Path) -> dict[str, str]:
    """``strip-T.png`` and ``clips-T.png`` for every number of shots; file names by their stems."""
    report = evaluation.report
    written: dict[str, str] = {}
    for shots in map(str, report["settings"]["shots"]):
        focus, reference = focus_of(report, shots)
        headline = report["settings"]["headline"]
        losses = [
            np.subtract(clip["scores"][shots][focus][headline], clip["scores"][shots][reference][headline])
            for clip in report["clips"]
        ]
        if focus == reference:
            losses = [np.array(clip["scores"][shots][focus][headline]) for clip in report["clips"]]
        places = [(number, place) for number, row in enumerate(losses) for place in range(len(row))]
        order = sorted(places, key=lambda at: float(losses[at[0]][at[1]]))
        chosen = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
        rows = [_row(evaluation, shots, at, f"{name}: ", SIDE) for name, at in chosen.items()]
        _save(folder / f"strip-{shots}.png", rows, written)
        each = [(number, int(np.argmax(row))) for number, row in enumerate(losses)]
        _save(folder / f"clips-{shots}.png", [_row(evaluation, shots, at, "", SMALL) for at in each], written)
    return written


def _save(path: Path, rows: list[np.ndarray], written: dict[str, str]) -> None:
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, np.vstack(rows))
    written[path.stem] = path.name


def _row(evaluation: Evaluation, shots: str, at: tuple[int, int], prefix: str, side: int) -> np.ndarray:
    """Shot, film, then every method with its headline figure."""
    report, thumbs = evaluation.report, evaluation.thumbs
    clip, place = report["clips"][at[0]], at[1]
    headline, name = report["settings"]["headline"], clip["name"]
    tiles = [
        _tile(thumbs[name, 0, "shot"][0], "shot", side),
        _tile(thumbs[name, 0, "film"][place], f"{prefix}{name} {clip['frames'][place]}", side),
    ]
    for method in report["summary"][shots]:
        # methods that make no use of more shots were rendered once
        key = next(
            k
            for k in ((name, int(shots), method), *thumbs)
            if k in thumbs and k[0] == name and k[2] == method
        )
        figure = clip["scores"][shots][method][headline][place]
        tiles.append(_tile(thumbs[key][place], f"{figure:.3f} {method}", side))
    return np.hstack(tiles)


def _tile(data: bytes, text: str, side: int) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    tile = np.full((side, side, 3), 255, np.uint8)
    tile[: size[1], : size[0]] = small
    letters = 0.42 if side > 150 else 0.3
    for color, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(tile, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, letters, color, thickness, cv2.LINE_AA)
    return tile
