# SPDX-License-Identifier: GPL-3.0-or-later
"""An evaluation: all clips through all methods, scored, as one JSON-able report.

The report (``report.json``), schema ``tableau-vivant/evaluation-1``:

    schema        its name
    settings      shots, frames, pairs, methods (specs in the order of the tables), told (what each is),
                  headline (a metric), distance {name, key, weights, sha256}, judges, backend, base, steps,
                  seed, threads
    not_measured  per method or measure, in one line, why there is no figure
    skipped       per clip that could not be used, why
    clips         per clip: name, person (the name up to its last underscore), sha256, size [w, h], rate,
                  window (the judged part of a large frame, [x0, y0, x1, y1], or null), frames (rows of the
                  targets), movement (per target, see below), shots {T: rows},
                  scores {T: {method: {metric: [one figure per target, or per pair of frames]}}}
    summary       {T: {method: {metric: {mean, median, hard, worst}}}}: over clip means; ``hard`` is the mean
                  over the quarter of all frames that moved farthest (null for what is taken over pairs),
                  ``worst`` the worst clip mean
    comparisons   {T: {method: {baseline: {metric: {mean, median, low, high, wins, clips}}}}}: method minus
                  baseline, paired by clip; low and high are a 95 % bootstrap interval over people (not of
                  flicker)
    growth        {method: {"8-1": {metric: as above}}}: the same method with more shots minus with fewer
    anchors       what the figures of the film itself are: identity {same, different}, landmarks_noise and
                  lost_noise (film against film shifted by half a pixel and JPEG 90)
    controls      see controls.run_controls; only with --controls
    seconds       {T: {method: seconds of rendering, per clip}} (preparation and personalization included)

Methods that make no use of more shots have the same figures for every T.  Metrics: ``lpips_REGION``
(``pdist_`` where LPIPS's weights are missing), ``ssim_`` and ``l1_`` (0..1) of frame, face, mouth and eyes,
``msssim_`` of frame and face, ``flicker`` and ``temporal`` (see scoring.score_pairs), ``identity``,
``landmarks``, ``landmarks_mouth``, ``landmarks_eyes`` (% of the eye distance) and ``lost`` (share of frames).
Regions come from the filmed frame's landmarks.  Movement: mean distance of the landmarks from the first
shot's, over the eye distance.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch

from ...errors import Cancelled, InputError
from .anchors import anchors, noise_of
from .cases import Case, default_cache, find_clips, load_cases
from .controls import run_controls
from .distance import Distance
from .generated import NAMES, Generated, find_generated
from .judges import HOW, Judges, find_judges
from .methods import METHODS, Method, parse_spec, render, split_specs
from .scoring import (
    Rows,
    ScoreStore,
    Witness,
    movement,
    score_distance,
    score_judged,
    score_pairs,
    score_plain,
)
from .settings import Settings
from .summary import summarize

SCHEMA = "tableau-vivant/evaluation-1"

Progress = Callable[[int, int, str], None]
Thumbs = dict[tuple[str, int, str], list[bytes]]  # (clip, T, method): its target frames as JPEG


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A finished one: the report, and small copies of all frames for the page's strips (``film`` as a
    method's name is the filmed frames, ``shot`` the first shot)."""

    report: dict[str, Any]
    thumbs: Thumbs


def evaluate(
    settings: Settings, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
) -> Evaluation:
    """Measure all clips.

    Raises InputError (no clips, none with a face, an unknown method), WeightsError (a file that was named
    and is not what it should be) and Cancelled.
    """
    torch.set_num_threads(settings.threads)
    report, stop = progress or (lambda done, total, text: None), cancelled or (lambda: False)
    paths = find_clips(settings.clips, settings.only)
    run = _Run.of(settings)
    total = len(paths) * len(run.plan())
    for number, path in enumerate(paths):
        report(number * len(run.plan()), total, f"tracking {path.stem}")
        try:
            cases = load_cases(
                path,
                shots=settings.shots,
                count=settings.frames,
                pairs=settings.pairs,
                backend=settings.backend,
                cache=settings.cache,
                renew=settings.renew,
            )
        except InputError as error:
            run.skipped[path.stem] = str(error)
            continue
        before = number * len(run.plan())
        run.clip(cases, functools.partial(_tell, report, before, total), stop)
    if not run.clips:
        reasons = "; ".join(run.skipped.values())
        raise InputError(f"{settings.clips}: none of its clips can be used: {reasons}")
    report(total, total, "controls" if settings.controls else "done")
    return Evaluation(run.finish(), run.thumbs)


@dataclass(eq=False)
class _Run:
    """An evaluation under way."""

    settings: Settings
    distance: Distance
    judges: Judges | None
    generated: Generated | None
    methods: dict[str, Method]
    specs: list[str]
    store: ScoreStore
    not_measured: dict[str, str]
    skipped: dict[str, str] = field(default_factory=dict)
    clips: list[dict[str, Any]] = field(default_factory=list)
    thumbs: Thumbs = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    witnesses: list[tuple[str, Witness]] = field(default_factory=list)
    noise: list[dict[str, float]] = field(default_factory=list)
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @staticmethod
    def of(settings: Settings) -> _Run:
        """Load what judges and what is judged."""
        specs = list(dict.fromkeys(split_specs(settings.methods)))
        methods, missing = dict(METHODS), {}
        wanted = {spec.partition(":")[0] for spec in specs}
        generated: Generated | None = None
        if wanted & set(NAMES) or settings.controls:
            found = find_generated(settings.base, settings.device, settings.steps, settings.seed)
            if isinstance(found, str):
                missing = {name: found for name in NAMES if name in wanted}
                if settings.controls:
                    missing["controls"] = found
            else:
                generated = found
                methods |= found.methods()
        specs = [spec for spec in specs if spec.partition(":")[0] not in missing]
        for spec in specs:
            parse_spec(spec, methods)
        if not specs:
            raise InputError(
                f"--methods: none of them can be measured: {next(iter(missing.values()), 'none given')}"
            )
        device = settings.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        distance = Distance(settings.weights, fallback=True, device=device)
        if distance.key != "lpips":
            missing["LPIPS"] = (
                "no lpips_vgg16.safetensors (--weights or TABLEAU_LPIPS); P-dist stands in its place"
            )
        folder = find_judges(settings.judges)
        if folder is None:
            missing["identity"] = missing["landmarks"] = HOW
        judges = None if folder is None else Judges(folder)
        facts = (distance.key, distance.network.sha256, "" if folder is None else str(folder.resolve()))
        store = ScoreStore((settings.cache or default_cache()) / "scores", facts)
        return _Run(settings, distance, judges, generated, methods, specs, store, missing)

    def plan(self) -> list[tuple[int, str]]:
        """(shots, method) in the order of work; a method that does not grow is measured once."""
        first = self.settings.shots[0]
        chosen = []
        for shots in self.settings.shots:
            for spec in self.specs:
                method, _ = parse_spec(spec, self.methods)
                if shots >= method.least and (method.grows or shots == first):
                    chosen.append((shots, spec))
        return chosen

    def clip(
        self, cases: Mapping[int, Case], report: Callable[[int, str], None], stop: Callable[[], bool]
    ) -> None:
        """All methods on one clip."""
        first = cases[self.settings.shots[0]]
        witness = None
        if self.judges is not None:
            witness = Witness.of(self.judges, first)
            self.witnesses.append((first.person, witness))
            self.noise.append(noise_of(self.judges, witness, first))
        scores: dict[str, dict[str, Rows]] = {str(shots): {} for shots in cases}
        film: dict[int, list[torch.Tensor]] = {}
        self._keep(first, 0, "film", first.truth)
        self.thumbs[first.name, 0, "shot"] = [_jpeg(first.picture.pixels)]
        for done, (shots, spec) in enumerate(self.plan()):
            if stop():
                raise Cancelled("the evaluation was cancelled; nothing was written")
            report(done, f"{first.name}: {spec}, {shots} shot{'s' if shots > 1 else ''}")
            rows = self._measure(cases[shots], shots, spec, witness, film)
            method, _ = parse_spec(spec, self.methods)
            # what does not grow is the same for every number of shots
            for each in [shots] if method.grows else [n for n in cases if n >= method.least]:
                scores[str(each)][spec] = rows
        report(len(self.plan()), f"{first.name}: done")
        order = {spec: number for number, spec in enumerate(self.specs)}
        self.cases.append(first)
        self.clips.append(
            {
                "name": first.name,
                "person": first.person,
                "sha256": first.sha256,
                "size": list(first.performance.size),
                "rate": first.rate,
                "window": None if first.window is None else list(first.window),
                "frames": [first.frames[place] for place in first.targets],
                "movement": movement(first),
                "shots": {str(n): [still.row for still in case.stills] for n, case in cases.items()},
                "scores": {
                    n: dict(sorted(some.items(), key=lambda item: order[item[0]]))
                    for n, some in scores.items()
                },
            }
        )

    def _measure(
        self,
        case: Case,
        shots: int,
        spec: str,
        witness: Witness | None,
        film: dict[int, list[torch.Tensor]],
    ) -> Rows:
        method, _ = parse_spec(spec, self.methods)
        start = time.perf_counter()
        frames = render(spec, case, self.methods)
        spent = time.perf_counter() - start
        self.seconds.setdefault(str(shots), {}).setdefault(spec, []).append(round(spent, 2))
        self._keep(case, shots, spec, frames)
        rows = self.store.get(case, spec) if method.fixed else None
        if rows is None:
            outputs = {spec: frames}
            rows = {
                **score_distance(self.distance, case, outputs, film=film)[spec],
                **score_plain(case, outputs)[spec],
                **(score_pairs(case, outputs)[spec] if case.pairs else {}),
            }
            if self.judges is not None and witness is not None:
                rows |= score_judged(self.judges, witness, case, outputs)[spec]
            if method.fixed:
                self.store.put(case, spec, rows)
        return rows

    def _keep(self, case: Case, shots: int, spec: str, frames: Sequence[np.ndarray]) -> None:
        self.thumbs[case.name, shots, spec] = [_jpeg(case.judged(frames[place])) for place in case.targets]

    def finish(self) -> dict[str, Any]:
        """The report."""
        chosen = self.settings
        report: dict[str, Any] = {
            "schema": SCHEMA,
            "settings": {
                "shots": list(chosen.shots),
                "frames": chosen.frames,
                "pairs": chosen.pairs,
                "methods": self.specs,
                "told": {spec: parse_spec(spec, self.methods)[0].told for spec in self.specs},
                "headline": f"{self.distance.key}_face",
                "distance": {
                    "name": self.distance.name,
                    "key": self.distance.key,
                    "weights": self.distance.file,
                    "sha256": self.distance.network.sha256,
                },
                "judges": None if self.judges is None else "face-api 1.7.15 (dlib ResNet v1, 68 points)",
                "backend": chosen.backend,
                "base": None if self.generated is None else self.generated.base.sha256,
                "steps": chosen.steps,
                "seed": chosen.seed,
                "threads": chosen.threads,
            },
            "not_measured": self.not_measured,
            "skipped": self.skipped,
            "clips": self.clips,
            "anchors": anchors(self.witnesses, self.noise),
            "seconds": self.seconds,
        }
        report |= summarize(report)
        if chosen.controls and self.generated is not None:
            report["controls"] = run_controls(self.generated, self.cases, self.distance, self.judges)
        return report


def _tell(report: Progress, before: int, total: int, done: int, text: str) -> None:
    report(before + done, total, text)


def _jpeg(image: np.ndarray) -> bytes:
    # for strips only; hundreds of frames as they are would take a gigabyte
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    return data.tobytes()
