# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression sliders on the landmark rig: 52 ARKit names and the gaze, on top of the track."""
