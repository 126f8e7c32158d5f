# SPDX-License-Identifier: GPL-3.0-or-later
"""How well methods move a portrait: self-reenactment of clips, measured and reported."""
