# SPDX-License-Identifier: GPL-3.0-or-later
"""Step three: what the generator learns of one sitter, from this shot or from more of them."""
