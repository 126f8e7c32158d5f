# SPDX-License-Identifier: GPL-3.0-or-later
"""Step one: a picture on a plane, its camera and colors, and the landmark rig over it."""
