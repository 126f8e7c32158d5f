# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m core``."""

import sys

from .threads import settle_threads

settle_threads()

from .cli import main  # noqa: E402 - what it loads reads the settings above

sys.exit(main())
