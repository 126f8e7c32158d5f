# SPDX-License-Identifier: GPL-3.0-or-later
"""Retime: a performance as an NLA strip whose time is a curve, and what is done to such strips."""
