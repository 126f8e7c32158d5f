# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a warp should have fetched its pixels: optical flow from the warped shot to the true frame.

The pictures' own gradients say which way to bend a flow only within a pixel or two, and say it noisily; a
flow that is measured once for each pair teaches the correction directly.  (DIS flow: Kroeger et al., "Fast
Optical Flow using Dense Inverse Search", ECCV 2016, as in OpenCV.)
"""

from __future__ import annotations

import cv2
import numpy as np

CELL = 4  # px of the work size per value, as the generator's corrections have
WORK = 256  # px at which flow is measured: smaller pictures are brought up to it
DOUBT = 0.04  # mean difference of colors, 0..1, left after alignment that costs two thirds of the trust
SMOOTH = 0.012  # of the picture's width: what is finer than this is noise in such flow


def measured_alignment(warped: np.ndarray, target: np.ndarray) -> np.ndarray:
    """float32 [S/4, S/4, 3] for uint8 RGB pictures [S, S, 3].

    Channels: the backward shift (x, y) that brings ``warped`` onto ``target``, as a fraction of S, and how
    far it is to be trusted, 0..1.
    """
    size = warped.shape[0]
    work = max(size, WORK)
    grays = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (target, warped)]
    if work != size:
        grays = [cv2.resize(gray, (work, work), interpolation=cv2.INTER_CUBIC) for gray in grays]
    target_gray, warped_gray = grays
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(target_gray, warped_gray, None)
    flow = cv2.GaussianBlur(flow / np.float32(work), (0, 0), SMOOTH * work)
    flow = cv2.resize(flow, (size, size), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    moved = cv2.remap(
        warped, x + size * flow[..., 0], y + size * flow[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
    wrong = cv2.absdiff(moved, target).mean(2, dtype=np.float32) / np.float32(255)
    cells = size // CELL
    wrong = cv2.resize(wrong, (cells, cells), interpolation=cv2.INTER_AREA)
    flow = cv2.resize(flow, (cells, cells), interpolation=cv2.INTER_AREA)
    return np.dstack([flow, np.exp(-wrong / np.float32(DOUBT))])
