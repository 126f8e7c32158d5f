# SPDX-License-Identifier: GPL-3.0-or-later
"""The few-shot generator: a network that corrects the warp (Zakharov et al., ICCV 2019, made to copy pixels first).

It needs torch, so nothing that must start quickly imports this package at its top.
"""
