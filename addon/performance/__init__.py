# SPDX-License-Identifier: GPL-3.0-or-later
"""Step two: a performance as an Action on the landmark rig."""
