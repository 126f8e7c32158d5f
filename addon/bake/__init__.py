# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluated rig to frames, and the plane that plays them."""
