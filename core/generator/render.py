# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of one portrait through the generator: the flow corrected, and what it cannot show painted.

Works like :class:`core.compose.compositor.Compositor`: prepared once, then a function of the landmarks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch

from ..compose.compositor import Compositor
from ..compose.correction import Correction
from ..compose.features import MOUTH, Slit
from ..compose.layers import FrameParts, Parts
from ..compose.mesh import FaceUnits
from ..compose.paste import Box
from ..errors import InputError
from ..landmarks.face import Face
from ..media.picture import Picture
from .generator import GeneratorInputs, GeneratorOutput
from .inputs import SHIFT_CELL, CropBox, Shot, View, Viewer, take_shot
from .paint import INVISIBLE, fine_detail, grain_amplitude, paint_over
from .raster import raster
from .sitter import Sitter
from .sources import HEAD, PARTS, distances, laid_over, part_mask, shares
from .weights import Base

MODES = ("full", "neural")
ONSET = 0.02  # face units of motion at which the generator has its full say: none at rest, and no jump there
RIM = 0.06  # part of the crop's side over which paint fades towards its border
REACH = 0.08  # face units around the sitter that may be painted

Progress = Callable[[int, int, str], None]


class Renderer:
    """Renders one portrait for any landmarks, with a generator.

    ``base`` are the generator's weights, ``sitter`` what personalization made of them (else the
    generator works from the picture and ``shots``, further pictures of the same sitter, as they are).
    ``mode``: "full" corrects and completes the moved picture, "neural" shows what the generator makes of the
    landmarks alone (no pixel of the crop is the picture's).
    ``nearest``: head, eyes and mouth of every frame are taken from those shots that show them best (which are
    then frames of one still camera, of the picture's size).
    """

    def __init__(
        self,
        picture: Picture,
        face: Face,
        base: Base,
        *,
        mode: str = "full",
        shots: Sequence[tuple[Picture, Face]] = (),
        sitter: Sitter | None = None,
        nearest: bool = False,
        mask: np.ndarray | None = None,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> None:
        if mode not in MODES:
            raise InputError(f"mode: {mode} is unknown; use {' or '.join(MODES)}")
        self.mode, self.picture, self.face = mode, picture, face
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = torch.device(device)
        if sitter is not None:
            base = sitter.apply(base)
        size = base.config.size
        self._generator = base.generator.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        taken = [take_shot(*shot, size) for shot in ((picture, face), *shots)]
        self._style = sitter.style if sitter is not None else embed_style(base, taken)
        self._style = self._style.to(self._device)
        sources = [(picture, face), *shots] if nearest else [(picture, face)]
        if any(other.size != picture.size for other, _ in sources):
            raise InputError("shots: to take pixels from them they must have the portrait's size")
        self._sources = [
            _Source(*source, size, self._device, mask if not index else None, progress if not index else None)
            for index, source in enumerate(sources)
        ]
        self._rests = np.stack([face.points[:, :2] for _, face in sources]).astype(np.float64)

    def personalized(self, base: Base, sitter: Sitter) -> Renderer:
        """The same portrait, prepared as it is, painted with ``sitter``; WeightsError where it was made from
        another base."""
        twin = copy.copy(self)
        generator = sitter.apply(base).generator.to(self._device)
        twin._generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        twin._style = sitter.style.to(self._device)
        return twin

    @property
    def region(self) -> Box:
        """The box outside which no pixel ever changes."""
        boxes = [source.box for source in self._sources]
        low, high = np.min(boxes, 0), np.max(boxes, 0)
        return int(low[0]), int(low[1]), int(high[2]), int(high[3])

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """The picture with its landmarks at ``points`` [68, >= 2] and ``irises`` [2, 2] px
        (NaN: carried along).

        Returns [H, W, C] of the picture's type; the landmarks at rest give the picture itself.
        """
        if len(self._sources) == 1:
            return self._render(self._sources[0], points, irises)
        frame = self._mixed(points, lambda source: self._render(source, points, irises))
        return _rounded(frame, self.picture.pixels.dtype)

    @property
    def plate(self) -> np.ndarray:
        """The picture [H, W, 3] without its sitter; InputError for cut-outs, and where the generator makes
        the whole crop."""
        if self.mode == "neural":
            raise InputError("layers: mode neural has no plate; use mode full or flow")
        return self._sources[0].compositor.plate

    def render_parts(self, points: np.ndarray, irises: np.ndarray) -> FrameParts:
        """As :meth:`render`, with what the frame consists of; InputError where there is no plate."""
        if len(self._sources) == 1:
            return self._render_parts(self._sources[0], points, irises)

        def stacked(source: _Source) -> np.ndarray:
            parts = self._render_parts(source, points, irises)
            return np.dstack([parts.frame, parts.moved, parts.cover, parts.painted])

        mixed = self._mixed(points, stacked)
        frame, moved = (_rounded(mixed[..., i : i + 3], self.picture.pixels.dtype) for i in (0, 3))
        cover, painted = np.clip(mixed[..., 6:], 0, 1).transpose(2, 0, 1)
        return FrameParts(frame, moved, cover, painted)

    def _mixed(self, points: np.ndarray, make: Callable[[_Source], np.ndarray]) -> np.ndarray:
        """float32 [H, W, C]: head, eyes and mouth each from what ``make`` makes of the nearest sources."""
        made: dict[int, np.ndarray] = {}

        def mixed(share: np.ndarray) -> np.ndarray:
            total = np.float32(0)
            for index in np.flatnonzero(share).tolist():
                if index not in made:
                    made[index] = make(self._sources[index])
                total = total + share[index] * made[index]
            return np.asarray(total)

        head = shares(distances(points, self._rests, HEAD))
        frame = mixed(head)
        for part in PARTS:
            share = shares(distances(points, self._rests, part))
            if not np.array_equal(share, head):
                laid_over(frame, mixed(share), *part_mask(points, part, self.picture.size))
        return frame

    def _render(self, source: _Source, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        view = source.viewer.view(points, irises)
        gate = source.gate(view)
        if self.mode == "neural":
            return self._neural(source, view)
        if gate == 0:
            return source.compositor.render(points, irises)
        return self._painted(source, view, gate, points, irises)[0]

    def _render_parts(self, source: _Source, points: np.ndarray, irises: np.ndarray) -> FrameParts:
        view = source.viewer.view(points, irises)
        gate = source.gate(view)
        if gate == 0:
            return source.compositor.render_parts(points, irises)
        parts = Parts()
        frame, opacity = self._painted(source, view, gate, points, irises, parts)
        made = replace(source.compositor.assemble(None, parts), frame=frame)
        x0, y0, x1, y1 = source.viewer.crop.box
        painted = made.painted[y0:y1, x0:x1]
        paint = cv2.resize(opacity, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        np.maximum(painted, np.clip(paint, 0, 1), out=painted)
        return made

    def _painted(
        self,
        source: _Source,
        view: View,
        gate: float,
        points: np.ndarray,
        irises: np.ndarray,
        parts: Parts | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The corrected and painted frame, and the opacity [S, S] of the generator's paint over the crop."""
        out = self._generate(source, view)
        crop = source.viewer.crop
        allowed = source.allowed(view) * np.float32(gate)
        shift = out.correction[0].float().cpu().numpy().transpose(1, 2, 0) * np.float32(crop.side)
        shift *= cv2.resize(allowed, shift.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None]
        patch, box = source.compositor.render_patch(points, irises, Correction(crop.box, shift), parts)
        frame = source.compositor.picture.pixels.copy()
        opacity = out.opacity[0, 0].float().cpu().numpy() * allowed
        if patch is None:
            return frame, np.zeros_like(opacity)
        frame[box[1] : box[3], box[0] : box[2]] = patch
        x0, y0, x1, y1 = crop.box
        change = _image(out.change) * allowed[..., None]
        # what lies in mouths differs so much that its mean, which is what the generator learned, is a haze:
        # it may shade the opening, not lighten it
        y, x = np.mgrid[: opacity.shape[0], : opacity.shape[1]] + 0.5
        opened = Slit.of(MOUTH, view.points).coverage(x, y, grow=1.0)
        change = np.minimum(change, change * (1 - opened)[..., None])
        opacity[np.abs(change).max(2) < INVISIBLE] = 0
        paint_over(frame[y0:y1, x0:x1], _image(out.warped), opacity, change, source.grain)
        return frame, opacity

    def _neural(self, source: _Source, view: View) -> np.ndarray:
        crop, frame = source.viewer.crop, source.compositor.picture.pixels.copy()
        x0, y0, x1, y1 = crop.box
        image = _image(self._generate(source, view).image)
        image = cv2.resize(image, (crop.side, crop.side), interpolation=cv2.INTER_CUBIC)
        peak = np.float32(255 if frame.dtype == np.uint8 else 65535)
        frame[y0:y1, x0:x1, :3] = np.clip(np.rint(image * peak), 0, peak)
        return frame

    @torch.inference_mode()
    def _generate(self, source: _Source, view: View) -> GeneratorOutput:
        inputs = view_inputs(view, source.image, source.raster, self._device)
        return self._generator(inputs, self._style, neural=self.mode == "neural")


class _Source:
    """A picture that frames are made from, ready to move."""

    def __init__(
        self,
        picture: Picture,
        face: Face,
        size: int,
        device: torch.device,
        mask: np.ndarray | None,
        progress: Progress | None,
    ) -> None:
        self.compositor = Compositor(picture, face, mask=mask, progress=progress)
        self.viewer = Viewer(picture, face, size, mask=mask, relief=self.compositor.relief)
        self.unit = FaceUnits.of(face.points).unit
        self.image, self.raster = shot_tensors([self.viewer.shot], device)
        crop = self.viewer.crop
        x0, y0, x1, y1 = crop.box
        part = picture.pixels[y0:y1, x0:x1, :3]
        part = part.astype(np.float32) / np.float32(255 if part.dtype == np.uint8 else 65535)
        face_box = np.s_[crop.side // 4 : 3 * crop.side // 4, crop.side // 4 : 3 * crop.side // 4]
        self.grain = grain_amplitude(fine_detail(part, (size, size))[face_box])
        self._rim = _rim(crop, picture.size, size)

    @property
    def box(self) -> Box:
        a, b = self.compositor.region, self.viewer.crop.box
        return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])

    def gate(self, view: View) -> float:
        """0 at rest .. 1 where something has moved by ``ONSET``."""
        side = self.viewer.size
        moved = [np.abs(view.shift).max() * side, np.abs(view.points - self.viewer.shot.points).max()]
        moved.append(np.nan_to_num(np.abs(view.irises - self.viewer.shot.irises)).max())
        return float(np.clip(max(moved) / (ONSET * self.unit * side / self.viewer.crop.side) - 0.05, 0, 1))

    def allowed(self, view: View) -> np.ndarray:
        """float32 [S, S]: where the generator may change the frame: on and just around the sitter."""
        size = self.viewer.size
        sitter = np.maximum(view.masks[..., 3], view.masks[..., 0])
        reach = max(1, round(REACH * self.unit * size / self.viewer.crop.side / 2))
        sitter = cv2.dilate(sitter, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
        sitter = cv2.blur(sitter, (reach | 1, reach | 1))
        whole = cv2.resize(sitter, (size, size), interpolation=cv2.INTER_LINEAR)
        return whole.astype(np.float32) / 255 * self._rim


def _rounded(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    return np.clip(np.rint(values), 0, np.iinfo(kind).max).astype(kind)


def _rim(crop: CropBox, size: tuple[int, int], work: int) -> np.ndarray:
    """float32 [S, S]: 1 inside, falling to 0 at those sides of the crop that are not the picture's own."""
    # nothing at all on the last steps, whose values reach beyond the crop when they are brought up
    place = (np.arange(work) + 0.5) / work - RIM / 3
    x = np.ones(work) if crop.x == 0 else np.clip(place / RIM, 0, 1)
    y = np.ones(work) if crop.y == 0 else np.clip(place / RIM, 0, 1)
    if crop.x + crop.side < size[0]:
        x = np.minimum(x, np.clip((1 - 2 * RIM / 3 - place) / RIM, 0, 1))
    if crop.y + crop.side < size[1]:
        y = np.minimum(y, np.clip((1 - 2 * RIM / 3 - place) / RIM, 0, 1))
    return np.outer(y, x).astype(np.float32)


def embed_style(base: Base, shots: Sequence[Shot]) -> torch.Tensor:
    """[1, style] of shots of one sitter, feed-forward (paper, 3.2: the mean embedding, projected)."""
    images, rasters = shot_tensors(shots, torch.device("cpu"))
    with torch.inference_mode():
        return base.projection(base.embedder(images, rasters).mean(0, keepdim=True))


def shot_tensors(shots: Sequence[Shot], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(images, rasters) float32 [K, 3, S, S] 0..1."""
    size = shots[0].image.shape[0]
    lines = raster(np.stack([shot.points for shot in shots]), np.stack([shot.irises for shot in shots]), size)
    return to_tensor(np.stack([shot.image for shot in shots]), device), to_tensor(lines, device)


def view_inputs(
    view: View, source: torch.Tensor, source_raster: torch.Tensor, device: torch.device
) -> GeneratorInputs:
    """A batch of one from a view; ``source`` and ``source_raster`` [1, 3, S, S] are the picture at rest."""
    size = view.warped.shape[0]
    if view.shift.shape[0] * SHIFT_CELL != size:
        raise ValueError(f"a view of {size} px has a flow of {size // SHIFT_CELL}, not {view.shift.shape[0]}")
    return GeneratorInputs(
        raster=to_tensor(raster(view.points[None], view.irises[None], size), device),
        source=source,
        source_raster=source_raster,
        warped=to_tensor(view.warped[None], device),
        shift=torch.from_numpy(np.ascontiguousarray(view.shift.transpose(2, 0, 1)))[None].float().to(device),
        masks=to_tensor(view.masks[None], device),
    )


def to_tensor(images: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 [B, H, W, C] as float32 [B, C, H, W] 0..1."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255
    return tensor.contiguous(memory_format=torch.channels_last)


def _image(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor[0].float().cpu().numpy().transpose(1, 2, 0))
