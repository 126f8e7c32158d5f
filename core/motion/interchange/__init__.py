# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances in other programs' formats: one module per format; ``formats`` tells them apart."""
