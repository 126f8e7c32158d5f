# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that reach a person: each carries one line that names the file, what is wrong and what to do."""

from __future__ import annotations


class TableauError(Exception):
    """Base of every error the engine raises on purpose; ``kind`` is the machine-readable name of it."""

    kind = "error"


class InputError(TableauError):
    """A file or a value given by the user cannot be used."""

    kind = "input"


class NoFaceError(InputError):
    """No face was found; landmarks set by hand can take the detector's place."""

    kind = "no-face"


class WeightsError(TableauError):
    """Network weights are missing or damaged; the message says which files go where."""

    kind = "weights"


class OutputError(TableauError):
    """Nothing can be written where the user wants it (no permission, disk full)."""

    kind = "output"


class Cancelled(TableauError):
    """The user stopped the work; what was finished before stays."""

    kind = "cancelled"
