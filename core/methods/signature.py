# SPDX-License-Identifier: GPL-3.0-or-later
"""What a method is given besides its parameters, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[int, int, str], None]
"""Told how much is done, of how much, and what."""
Cancelled = Callable[[], bool]
"""Whether the host wants the method to stop."""
Result = dict[str, Any]
"""Goes through JSON."""
