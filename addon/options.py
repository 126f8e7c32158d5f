# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of Blender properties that many of ours have."""

from __future__ import annotations

RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"}
"""A path, which may begin at the .blend with "//"."""
ASKED = {"SKIP_SAVE", *RELATIVE}
"""A path that an operator is given, and must not remember for its next run."""
OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}
"""What an override of a linked portrait keeps as its own: without it, the pointers of one would lead back to
the linked objects when the file is opened again."""
