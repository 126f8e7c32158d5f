# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of Tableau Vivant; it never imports bpy."""
