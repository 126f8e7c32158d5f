# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's name and version, in a module that costs nothing to import."""

SOFTWARE = "Tableau Vivant"
VERSION = "0.1.0"
