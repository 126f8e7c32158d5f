# SPDX-License-Identifier: GPL-3.0-or-later
"""The moved portrait in the viewport while the artist scrubs and poses; single frames by the generator."""
