# SPDX-License-Identifier: GPL-3.0-or-later
"""How the engine's libraries share the processor; to be settled before any of them is loaded."""

from __future__ import annotations

import os


def settle_threads() -> None:
    """Keep idle threads from spinning (Blender wants the processor) and small matrices on one thread.

    With another busy process on two cores, spinning threads make fits of milliseconds take a second.
    What the user has set in the environment stays.
    """
    for name, value in (
        ("OMP_WAIT_POLICY", "PASSIVE"),
        ("GOMP_SPINCOUNT", "0"),
        ("OPENBLAS_NUM_THREADS", "1"),
    ):
        os.environ.setdefault(name, value)
