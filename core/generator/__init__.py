# SPDX-License-Identifier: GPL-3.0-or-later
"""The few-shot generator (Zakharov et al., ICCV 2019), made to copy the warp's pixels before it paints.

It needs torch, so nothing that must start quickly imports this package at its top.
"""
