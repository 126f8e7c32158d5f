# SPDX-License-Identifier: GPL-3.0-or-later
"""The base weights on disk: base.json beside shards of half-precision tensors, checked by their hashes."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..atomic import atomic_path
from ..errors import InputError, WeightsError
from .blocks import bare, fold
from .config import PRESETS, GeneratorConfig
from .discriminator import Discriminator
from .embedder import Embedder, Projection
from .generator import Generator
from .identity import INDEX, identity
from .raster import RASTER_VERSION

SCHEMA = "tableau-vivant/generator-1"
# a shard's tensors and its header together
SHARD_BYTES = 16 * 1024 * 1024
HEADER_BYTES = 64 * 1024
REMEDY = "fetch the folder again, or train one with the train command"


@dataclass(frozen=True, eq=False)
class Base:
    """Trained networks, folded, float32 on the CPU, in eval mode; ``discriminator`` has no rows.

    meta: what training wrote about itself.  sha256: of all that decides what the networks compute.
    """

    config: GeneratorConfig
    embedder: Embedder
    projection: Projection
    generator: Generator
    discriminator: Discriminator | None
    meta: dict[str, Any]
    sha256: str


def find_base(given: Path | None = None) -> Path:
    """The folder of the base weights: ``given``, else the one that ships.  WeightsError where it has none."""
    folder = PRESETS / "base" if given is None else Path(given)
    if not (folder / INDEX).is_file():
        raise WeightsError(f"{folder}: holds no generator weights ({INDEX}); {REMEDY}")
    return folder


def save_base(
    folder: Path,
    config: GeneratorConfig,
    embedder: Embedder,
    projection: Projection,
    generator: Generator,
    discriminator: Discriminator | None,
    meta: dict[str, Any],
) -> None:
    """Write the networks to ``folder``, folded, without the discriminator's rows; they do not change.

    Raises WeightsError, and leaves what is there, where a weight is not finite in half precision;
    OutputError where the folder cannot be written.
    """
    networks = {"embedder": embedder, "projection": projection, "generator": generator}
    if discriminator is not None:
        networks["discriminator"] = discriminator
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        for key, value in _folded_state(network).items():
            half = value.detach().to("cpu", torch.float16).contiguous()
            if not torch.isfinite(half).all():
                raise WeightsError(f"{folder}: {name}.{key} is not finite; the weights are not saved")
            tensors[f"{name}.{key}"] = half
    shards = _sharded(tensors)
    names = [f"base-{index:05d}-of-{len(shards):05d}.safetensors" for index in range(1, len(shards) + 1)]
    listed = []
    for name, shard in zip(names, shards, strict=True):
        data = save(shard)
        listed.append({"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        with atomic_path(folder / name) as path:
            path.write_bytes(data)
    index = {
        "schema": SCHEMA,
        "raster": RASTER_VERSION,
        "config": config.to_dict(),
        "shards": listed,
        "meta": meta,
    }
    with atomic_path(folder / INDEX) as path:
        path.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    for stale in set(folder.glob("base-*-of-*.safetensors")) - {folder / name for name in names}:
        stale.unlink()


def load_base(folder: Path) -> Base:
    """The networks that :func:`save_base` wrote; to train them on, give their state to ``blocks.refill``.

    Raises WeightsError, one line, where a file is missing, damaged, foreign, or made for other rasters.
    """
    path = folder / INDEX
    index = _index(path)
    try:
        config = GeneratorConfig.from_dict(index["config"], str(path))
    except InputError as error:
        raise WeightsError(f"{error}; {REMEDY}") from error
    tensors: dict[str, Tensor] = {}
    for shard in index["shards"]:
        tensors |= _shard(folder / shard["file"], shard["sha256"])
    judged = any(name.startswith("discriminator.") for name in tensors)
    with bare():
        embedder, projection, generator = Embedder(config), Projection(config), Generator(config)
        discriminator = Discriminator(config, 0) if judged else None
    _fill(embedder, "embedder", tensors, path)
    _fill(projection, "projection", tensors, path)
    _fill(generator, "generator", tensors, path)
    if discriminator is not None:
        _fill(discriminator, "discriminator", tensors, path)
    if tensors:
        raise WeightsError(f"{path}: unknown weights '{next(iter(tensors))}'; {REMEDY}")
    return Base(config, embedder, projection, generator, discriminator, index["meta"], identity(index))


def _fill(network: nn.Module, name: str, tensors: dict[str, Tensor], path: Path) -> None:
    """Move the tensors of one network out of ``tensors`` and into it."""
    own = [key for key in tensors if key.startswith(f"{name}.")]
    try:
        network.load_state_dict({key.removeprefix(f"{name}."): tensors.pop(key).float() for key in own})
    except RuntimeError:
        raise WeightsError(f"{path}: the {name} does not fit its configuration; {REMEDY}") from None
    network.eval()


def _folded_state(network: nn.Module) -> dict[str, Tensor]:
    twin = copy.deepcopy(network)
    if isinstance(twin, Discriminator):
        twin.rows = None
    return fold(twin).state_dict()


def _sharded(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Tensors in order, as many to a shard as fit."""
    shards: list[dict[str, Tensor]] = [{}]
    room = SHARD_BYTES - HEADER_BYTES
    for name, value in tensors.items():
        size = value.numel() * value.element_size()
        if size > room and shards[-1]:
            shards.append({})
            room = SHARD_BYTES - HEADER_BYTES
        shards[-1][name] = value
        room -= size
    return shards


def _index(path: Path) -> dict[str, Any]:
    """base.json, with all that is read from it in its place."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: is missing; {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); {REMEDY}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise WeightsError(f"{path}: is not a list of generator weights ({SCHEMA}); {REMEDY}")
    if data.get("raster") != RASTER_VERSION:
        raise WeightsError(
            f"{path}: made for landmark rasters of version {data.get('raster')}, this program draws "
            f"{RASTER_VERSION}; use weights and program of one release"
        )
    shards = data.get("shards")
    sound = isinstance(shards, list) and all(
        isinstance(shard, dict)
        and all(isinstance(shard.get(key), str) for key in ("file", "sha256"))
        and Path(shard["file"]).name == shard["file"]
        for shard in shards
    )
    if not sound or not isinstance(data.get("config"), dict) or not isinstance(data.get("meta"), dict):
        raise WeightsError(f"{path}: its config, shards or meta are missing or damaged; {REMEDY}")
    return data


def _shard(path: Path, sha256: str) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"{path}: is missing; {REMEDY}") from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); {REMEDY}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"{path}: is damaged, or not the file that {INDEX} lists; {REMEDY}")
    try:
        return load(data)
    except SafetensorError as error:
        raise WeightsError(f"{path}: is no safetensors file ({error}); {REMEDY}") from error
