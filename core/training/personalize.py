# SPDX-License-Identifier: GPL-3.0-or-later
"""Personalization: a sitter from one or more shots (Zakharov et al. 2019, section 3.3).

Feed-forward, the embedder's mean over the shots gives the style, at once.  Fine-tuned, style and generator
are then trained on the shots: on pairs between them, and on views of the first one, moved through its head
proxy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import Cancelled, InputError
from ..generator.inputs import take_shot
from ..generator.render import shot_tensors
from ..generator.sitter import Sitter
from ..generator.weights import Base
from ..landmarks.face import Face
from ..media.picture import Picture
from .personalize_command import METHODS
from .rooms import Room
from .shot_pairs import Maker, Progress, Stop, sample_motions
from .tuning import Material, TuningConfig, tune


@dataclass(frozen=True)
class Plan:
    """How to personalize with at least ``shots`` shots.

    method        of "auto"
    steps         of fine-tuning, at most
    restored      views of the first shot, moved and asked for it again, to learn from
    judged        the same with other motions, to judge by
    held_out      shots that are only asked for in judging
    pairs         pairs between the shots, at most
    keep          weight of what mouth and eyes were before; many shots show them better than any guess
    adversarial   share of the discriminator, where the base has one; with one it takes twice the time
    """

    shots: int
    method: str
    steps: int
    restored: int
    judged: int
    held_out: int
    pairs: int
    keep: float
    adversarial: float


# on the development clips tuning lowers pixel errors and raises LPIPS, so feed-forward is the default
PLANS = (
    Plan(1, "feed-forward", 50, 10, 3, 0, 0, 1.0, 0.0),
    Plan(2, "feed-forward", 80, 8, 3, 0, 42, 0.5, 0.15),
    Plan(8, "feed-forward", 120, 4, 0, 2, 56, 0.0, 0.15),
    Plan(32, "feed-forward", 240, 4, 0, 4, 128, 0.0, 0.15),
)
DRIVES, JUDGED_DRIVES = 8, 6  # motions whose expression is compared before and after


def plan_for(count: int) -> Plan:
    """The plan for so many shots."""
    return max((plan for plan in PLANS if plan.shots <= count), key=lambda plan: plan.shots)


def personalize(
    shots: Sequence[tuple[Picture, Face]],
    base: Base,
    *,
    method: str = "auto",
    steps: int | None = None,
    seed: int = 0,
    adversarial: float | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Stop | None = None,
) -> Sitter:
    """The sitter of some shots, the portrait first.  The same seed gives the same sitter on one machine.

    ``method``: auto, feed-forward or fine-tuned.  ``steps`` of fine-tuning, at most.  Shots of one size with
    their faces in one place are frames of one still camera; others are aligned.
    ``adversarial``: the discriminator's share (where the base has one), 0 for none; None: the plan's.

    Raises InputError for a wrong setting or a face that is too small, and Cancelled.
    """
    if method not in METHODS:
        raise InputError(f"method: {method} is unknown; use {', '.join(METHODS)}")
    if steps is not None and steps < 1:
        raise InputError(f"steps = {steps}: must be 1 or more; for none use the method feed-forward")
    unique = {_sha256(picture): (picture, face) for picture, face in shots}
    if not unique:
        raise InputError("there are no shots; give at least one picture of the sitter")
    shots, size, plan = list(unique.values()), base.config.size, plan_for(len(unique))
    method = plan.method if method == "auto" else method
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    report, stop = progress or (lambda done, total, text: None), cancelled or (lambda: False)
    if stop():
        raise Cancelled("personalization was cancelled; nothing was written")
    embedding, style = _embed(base, shots)
    settings = {"method": method, "seed": seed, "size": size}
    sitter = Sitter(style, style, {}, base.sha256, tuple(unique), settings)
    if method == "feed-forward":
        report(1, 1, "embedding the shots")
        return sitter
    share = plan.adversarial if adversarial is None else adversarial
    config = TuningConfig(steps or plan.steps, keep=plan.keep, adversarial_share=share)
    maker = Maker(size, report, stop, _work(plan, [face for _, face in shots]) + config.steps)
    material = _material(shots, size, plan, maker, np.random.default_rng(seed))
    tuned = tune(
        base,
        embedding,
        style,
        material,
        config,
        seed=seed,
        device=torch.device(device),
        tick=lambda: maker.tick("tuning the generator"),
    )
    report(1, 1, f"tuned, step {tuned.step} is the best")
    facts = {**settings, "steps": config.steps, "best": tuned.step, "looks": tuned.looks}
    return Sitter(tuned.style, style, tuned.deltas, base.sha256, tuple(unique), facts)


def _sha256(picture: Picture) -> str:
    """Of the file, else of the pixels."""
    known = picture.source.get("sha256")
    return str(known) if known else hashlib.sha256(picture.pixels.tobytes()).hexdigest()


@torch.no_grad()
def _embed(base: Base, shots: Sequence[tuple[Picture, Face]]) -> tuple[Tensor, Tensor]:
    """Mean embedding [1, E] of the shots and their style [1, style_dim]."""
    taken = [take_shot(picture, face, base.config.size) for picture, face in shots]
    images, rasters = shot_tensors(taken, next(base.embedder.parameters()).device)
    # one by one: the same numbers for any count, in little memory
    each = [base.embedder(images[i : i + 1], rasters[i : i + 1]) for i in range(len(taken))]
    embedding = torch.stack(each).mean(0)
    return embedding.float().cpu(), base.projection(embedding).float().cpu()


def _work(plan: Plan, faces: Sequence[Face]) -> int:
    """Pieces of preparation."""
    pairs, judged = _between(plan, faces, np.random.default_rng(0))
    return len(faces) + plan.restored + plan.judged + len(pairs) + len(judged)


def _between(
    plan: Plan, faces: Sequence[Face], random: np.random.Generator
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs (i, j) of shots to learn from and to judge by; the portrait, 0, is never held out.

    Frames are rendered from the portrait or from the nearest shot: each shot is made from those, and from
    some others.
    """
    count = len(faces)
    if count == 1:
        return [], []
    held_out = set((1 + random.permutation(count - 1))[: plan.held_out].tolist())
    learned = [j for j in range(count) if j not in held_out]
    nearest = _nearest(faces)
    likely = [(i, j) for j in range(count) for i in sorted({0, nearest[j]} - {j})]
    pairs = [(i, j) for i, j in likely if j in learned][: plan.pairs]
    others = [(i, j) for j in learned for i in range(count) if i != j and (i, j) not in pairs]
    order = random.permutation(len(others))[: plan.pairs - len(pairs)]
    pairs += [others[index] for index in sorted(order.tolist())]
    return pairs, [(i, j) for i, j in likely if j in held_out]


def _nearest(faces: Sequence[Face]) -> list[int]:
    """For each face the other one whose landmarks are most like its own, wherever and how large it is."""
    points = np.stack([face.points[:, :2] for face in faces]).astype(np.float64)
    points -= points.mean(1, keepdims=True)
    points /= np.linalg.norm(points, axis=(1, 2), keepdims=True)
    points[:, 36:] *= 2.0  # lids and lips tell more than the outline
    far = np.linalg.norm(points[:, None] - points[None], axis=(2, 3))
    np.fill_diagonal(far, np.inf)
    return far.argmin(1).tolist()


def _material(
    shots: Sequence[tuple[Picture, Face]], size: int, plan: Plan, maker: Maker, random: np.random.Generator
) -> Material:
    rooms = [Room.of(picture, face, size) for picture, face in shots]
    viewers = maker.viewers(rooms)
    learned = sample_motions(rooms[0], max(DRIVES, plan.restored), held_out=False, random=random)
    other = sample_motions(rooms[0], max(JUDGED_DRIVES, plan.judged), held_out=True, random=random)
    pairs, judged = _between(plan, [face for _, face in shots], random)
    return Material(
        train=maker.restored(rooms[0], learned.first(plan.restored)) + maker.between(rooms, viewers, pairs),
        judged=maker.restored(rooms[0], other.first(plan.judged)) + maker.between(rooms, viewers, judged),
        drives=maker.moved(viewers[0], learned.first(DRIVES)) if plan.keep else [],
        judged_drives=maker.moved(viewers[0], other.first(JUDGED_DRIVES).after_rest(rooms[0])),
    )
