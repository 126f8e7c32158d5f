# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of face-api (npm ``@vladmandic/face-api``, MIT), read from that package's own files.

Two of them judge faces here; neither drives or trains anything:

- ``face_recognition_model``: dlib's face recognition ResNet v1 (public domain), 128 values per face.
- ``face_landmark_68_model``: 68 points by a small network of its own, which is not of the family of the face
  mesh that drives.  Of its training data the author only says that they are some 35,000 labeled faces.

Both are quantized to 8 bits.  The files are a list of tensors (JSON) and their
bytes; nothing is executed.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ...errors import WeightsError

RECOGNITION, LANDMARKS = "face_recognition_model", "face_landmark_68_model"
MEAN = (122.782, 117.001, 104.298)  # RGB, subtracted by both
FACE_SIDE, POINTS_SIDE = 150, 112  # px of the square inputs


def read_weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """float32 tensors of one network by name, convolutions as [out, in, h, w].  WeightsError if unusable."""
    listing = folder / f"{name}-weights_manifest.json"
    try:
        (group,) = json.loads(listing.read_text("utf-8"))
        # always beside the list, whatever path it names
        data = b"".join((folder / Path(part).name).read_bytes() for part in group["paths"])
        tensors, place = {}, 0
        for entry in group["weights"]:
            count = int(np.prod(entry["shape"], dtype=np.int64))
            packed = entry.get("quantization")
            kind = np.dtype("<f4") if packed is None else np.dtype(np.uint8)
            values = np.frombuffer(data, kind, count, place).astype(np.float32).reshape(entry["shape"])
            place += count * kind.itemsize
            if packed is not None:
                values = values * np.float32(packed["scale"]) + np.float32(packed["min"])
            tensor = torch.from_numpy(values)
            tensors[entry["name"]] = tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor
        if place != len(data):
            raise ValueError(f"{len(data)} bytes of weights, not {place}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{listing}: not face-api's weights ({error}); take model/ of npm's @vladmandic/face-api@1.7.15"
        ) from error
    return tensors


def _centered(images: np.ndarray, scale: float) -> torch.Tensor:
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return (x - torch.tensor(MEAN).reshape(1, 3, 1, 1)) / scale


class Recognizer:
    """dlib's ResNet: 128 values of a face, near for one person and far for two."""

    def __init__(self, folder: Path) -> None:
        self._state = read_weights(folder, RECOGNITION)

    @torch.inference_mode()
    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """float32 [B, 128] of aligned faces uint8 RGB [B, 150, 150, 3]."""
        # dlib itself divides by 256; the port's 255 makes no difference that could be measured
        x = self._layer(_centered(faces, 256.0), "conv32_down", 2, 0).relu()
        x = functional.max_pool2d(x, 3, 2)
        for name in ("32_1", "32_2", "32_3"):
            x = self._residual(x, f"conv{name}")
        x = self._down(x, "conv64_down")
        for name in ("64_1", "64_2", "64_3"):
            x = self._residual(x, f"conv{name}")
        x = self._down(x, "conv128_down")
        for name in ("128_1", "128_2"):
            x = self._residual(x, f"conv{name}")
        x = self._down(x, "conv256_down")
        for name in ("256_1", "256_2"):
            x = self._residual(x, f"conv{name}")
        x = self._down(x, "conv256_down_out")
        return (x.mean((2, 3)) @ self._state["fc"]).numpy()

    def _layer(self, x: torch.Tensor, name: str, stride: int, padding: int) -> torch.Tensor:
        state = self._state
        x = functional.conv2d(x, state[f"{name}/conv/filters"], state[f"{name}/conv/bias"], stride, padding)
        shape = (1, -1, 1, 1)
        return x * state[f"{name}/scale/weights"].reshape(shape) + state[f"{name}/scale/biases"].reshape(
            shape
        )

    def _residual(self, x: torch.Tensor, name: str) -> torch.Tensor:
        out = self._layer(x, f"{name}/conv1", 1, 1).relu()
        return (self._layer(out, f"{name}/conv2", 1, 1) + x).relu()

    def _down(self, x: torch.Tensor, name: str) -> torch.Tensor:
        out = self._layer(x, f"{name}/conv1", 2, 0).relu()
        out = self._layer(out, f"{name}/conv2", 1, 1)
        pooled = functional.avg_pool2d(x, 2)
        # the two are a pixel and some channels apart; zeros fill up
        missing = [pooled.shape[3] - out.shape[3], pooled.shape[2] - out.shape[2]]
        out = functional.pad(out, (0, missing[0], 0, missing[1]))
        pooled = functional.pad(pooled, (0, 0, 0, 0, 0, out.shape[1] - pooled.shape[1]))
        return (out + pooled).relu()


class Landmarker:
    """68 points in a square crop of a face."""

    def __init__(self, folder: Path) -> None:
        self._state = read_weights(folder, LANDMARKS)

    @torch.inference_mode()
    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """float32 [B, 68, 2], in parts of the side, of crops uint8 RGB [B, 112, 112, 3]."""
        x = _centered(crops, 255.0)
        for block in range(4):
            first = self._convolution(x, f"dense{block}/conv0", 2).relu()
            second = self._convolution(first, f"dense{block}/conv1", 1)
            third = self._convolution((first + second).relu(), f"dense{block}/conv2", 1)
            fourth = self._convolution((first + second + third).relu(), f"dense{block}/conv3", 1)
            x = (first + second + third + fourth).relu()
        x = functional.avg_pool2d(x, 7, 2).flatten(1)
        return (x @ self._state["fc/weights"] + self._state["fc/bias"]).reshape(-1, 68, 2).numpy()

    def _convolution(self, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        state = self._state
        # padded as TensorFlow does it: with stride 2 on even sides only at the end
        x = functional.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        if f"{name}/filters" in state:
            return functional.conv2d(x, state[f"{name}/filters"], state[f"{name}/bias"], stride)
        depth = state[f"{name}/depthwise_filter"].transpose(0, 1)
        x = functional.conv2d(x, depth, None, stride, groups=depth.shape[0])
        return functional.conv2d(x, state[f"{name}/pointwise_filter"], state[f"{name}/bias"])
