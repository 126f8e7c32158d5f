# SPDX-License-Identifier: GPL-3.0-or-later
"""What one training run is asked to do: the ``[training]`` table of a configuration file.

The same file's ``[networks]`` table holds the networks' shapes (core.generator.config).
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..generator.config import PRESETS, GeneratorConfig


@dataclass(frozen=True)
class AugmentConfig:
    """How much the pictures of an episode are changed, all of them alike unless said otherwise.

    Probabilities are per sample, 0..1; amounts are half ranges of uniform draws.
    """

    flip: float = 0.5
    """Probability of a mirrored episode."""
    color: float = 0.8
    """Probability of another illuminant, saturation, contrast, brightness and gamma."""
    gain: float = 0.15
    """Illuminant: change of each channel's gain."""
    saturation: float = 0.5
    contrast: float = 0.25
    brightness: float = 0.08
    gamma: float = 0.3
    """Exponent 1 / (1 + gamma) .. 1 + gamma."""
    grain: float = 0.3
    """Probability of a canvas's grain."""
    grain_amount: float = 0.05
    """Largest standard deviation of the grain, of a range of 1."""
    blur: float = 0.2
    """Probability of softer pictures."""
    painterly: float = 0.1
    """Probability of pictures flattened into dabs (a Kuwahara filter)."""
    jpeg: float = 0.3
    """Probability that the embedder's shots, and only they, are coarsely quantized."""
    jitter: float = 0.5
    """Probability of rasters bent smoothly, as by a detector's errors."""
    jitter_amount: float = 0.008
    """Standard deviation of that bend, as a fraction of the picture."""
    background: float = 0.1
    """Probability of another background behind the moved sitter."""


@dataclass(frozen=True)
class TrainingConfig:
    """One run.  Steps count updates of the generator; rates are those of Adam."""

    batch: int = 8
    """Samples of one update, of all processes together."""
    shots: tuple[int, int] = (1, 8)
    """K of an episode is drawn from first to last, both included."""
    embedded_gradients: int = 8
    """At most so many shots of an episode carry gradients to the embedder; the rest only join the mean."""
    rate: float = 5e-5
    """Learning rate of embedder, projection and generator."""
    rate_discriminator: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.999)
    epsilon: float = 1e-8
    warmup: int = 100
    """Steps over which the learning rates rise from zero."""
    ema: float = 0.999
    """Share of the old weights in each update of the averaged ones (fewer at the start)."""
    regression_steps: int = 20_000
    """Steps without the discriminator."""
    adversarial_ramp: int = 2_000
    """Steps over which the adversarial terms then rise to their share."""
    discriminator_steps: int = 1
    """Updates of the discriminator for each of the generator; those after the first see new episodes."""
    clip_norm: float = 0.0
    """Largest norm of the generator's gradients; 0 leaves them."""

    perceptual: str = "vgg16"
    """Network of the perceptual loss: vgg16, vgg19 or alexnet."""
    pixel_share: float = 0.5
    """Gradient norm of the weighted L1, relative to the perceptual term's at the generator's last layer."""
    gradient_share: float = 0.3
    """The same for the L1 of the pictures' gradients."""
    adversarial_share: float = 0.15
    feature_share: float = 0.5
    """The same for feature matching (mean over the discriminator's layers)."""
    match_weight: float = 0.01
    """Weight of the L1 between embeddings and discriminator rows; it never reaches the last layer."""
    neural_part: float = 0.125
    """Share of a batch that is also rendered from raster and style alone; 0 leaves that out."""
    neural_share: float = 0.5
    """Gradient norm of those samples' losses, as above."""
    sparsity: float = 0.02
    """Price, in LPIPS, of painting everything where the warp is right."""
    alignment: float = 0.05
    """Price, in LPIPS, of a correction that is off the measured one by a hundredth of the picture."""
    smoothness: float = 0.5
    """Price of a correction that is not smooth."""
    mouth_weight: float = 6.0
    """Weight of the mouth's pixels; the face counts 1."""
    eyes_weight: float = 6.0
    ground_weight: float = 0.3
    """Weight of pixels far from the face."""

    stills_share: float = 0.35
    """Share of episodes that come from stills where there are both stills and clips."""
    held_out: float = 0.06
    """Share of persons that are only looked at in validation."""
    validation_pairs: int = 16
    balance_every: int = 50
    """Steps between two measurements of the gradient norms."""
    log_every: int = 10
    validate_every: int = 500
    sheet_every: int = 500
    save_minutes: float = 5.0
    keep_state: bool = True
    """Write what an exact resumption needs (optimizer, raw weights); without it only RUN/base is written."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        low, high = self.shots
        checks = {
            "batch": self.batch >= 1,
            "shots": 1 <= low <= high,
            "embedded_gradients": self.embedded_gradients >= 1,
            "rate": self.rate > 0,
            "ema": 0 <= self.ema < 1,
            "perceptual": self.perceptual in ("vgg16", "vgg19", "alexnet"),
            "neural_part": 0 <= self.neural_part <= 1,
            "stills_share": 0 <= self.stills_share <= 1,
            "held_out": 0 <= self.held_out < 1,
            "balance_every": self.balance_every >= 1,
            "log_every": self.log_every >= 1,
            "discriminator_steps": self.discriminator_steps >= 1,
        }
        wrong = [name for name, right in checks.items() if not right]
        if wrong:
            raise InputError(f"{wrong[0]} = {getattr(self, wrong[0])!r} is out of its range")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, texts and lists, as the file has them."""
        data = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}

    @staticmethod
    def from_dict(data: dict[str, Any], where: str = "[training]") -> TrainingConfig:
        """The opposite of to_dict; what is left out keeps its default.  InputError names what is unknown."""
        values = dict(data)
        augment = _build(AugmentConfig, dict(values.pop("augment", {})), f"{where} augment")
        return _build(TrainingConfig, {**values, "augment": augment}, where)


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    fields = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise InputError(f"{where}: unknown setting {unknown[0]}; there are {', '.join(sorted(fields))}")
    defaults = kind()
    result = {}
    for name, value in values.items():
        known = getattr(defaults, name)
        if isinstance(known, tuple):
            right = isinstance(value, list | tuple) and len(value) == len(known)
            right = right and all(_fits(a, b) for a, b in zip(value, known, strict=True))
            value = tuple(value) if right else value
        else:
            right = _fits(value, known)
        if not right:
            raise InputError(f"{where}: {name} = {value!r} is not like {known!r}")
        result[name] = value
    try:
        return kind(**result)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _fits(value: Any, known: Any) -> bool:
    if isinstance(known, float):
        return isinstance(value, float | int) and not isinstance(value, bool)
    return isinstance(value, type(known)) and isinstance(value, bool) == isinstance(known, bool)


def load_configs(given: Path) -> tuple[GeneratorConfig, TrainingConfig]:
    """Networks and run of a configuration file; a name without suffix is one of the shipped presets.

    Raises InputError for a file that is missing, no TOML or has unknown settings.
    """
    path = PRESETS / f"{given}.toml" if not given.suffix and given.name == str(given) else given
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = ", ".join(sorted(file.stem for file in PRESETS.glob("*.toml")))
        raise InputError(f"{path}: no such configuration; give a .toml file or one of: {names}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({error})") from error
    tables = [data.get(name, {}) for name in ("networks", "training")]
    if not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path}: [networks] and [training] must be tables")
    networks = GeneratorConfig.from_dict(tables[0], f"{path}: [networks]")
    return networks, TrainingConfig.from_dict(tables[1], f"{path}: [training]")
