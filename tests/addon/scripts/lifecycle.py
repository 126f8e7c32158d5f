# SPDX-License-Identifier: GPL-3.0-or-later
"""Import cost, and what is left after the extension is disabled."""

import sys
import time

import bpy
from common import PACKAGE, addon_utils, answer, finish, module


def traces():
    handlers, menu = bpy.app.handlers, bpy.types.TOPBAR_MT_file_import
    names = [name for name in dir(handlers) if isinstance(getattr(handlers, name), list)]
    return {
        "types": sorted(name for name in dir(bpy.types) if "tableau" in name.lower()),
        "operators": [name for name in dir(bpy.ops.tableau) if not name.startswith("_")],
        "object": [p.identifier for p in bpy.types.Object.bl_rna.properties if "tableau" in p.identifier],
        "menu": [call.__name__ for call in menu._dyn_ui_initialize() if "tableau" in call.__module__],
        "handlers": sum(len(value) for value in (getattr(handlers, name) for name in names)),
    }


answer["enabled"] = traces()
engine = module("addon.engine")
request = engine.request("ping")
worker = engine.current()
deadline = time.monotonic() + 60
while not request.done and time.monotonic() < deadline:
    worker.pump()
    time.sleep(0.01)
answer["pong"] = request.result
answer["hello"] = worker.hello
process = worker._process
answer["alive"] = process.poll() is None
addon_utils.disable(PACKAGE)
answer["ended"] = process.poll() is not None
answer["disabled"] = traces()

seconds = []
for _ in range(5):
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    before = set(sys.modules)
    started = time.perf_counter()
    package = __import__(PACKAGE, fromlist=["register"])
    package.register()
    seconds.append(time.perf_counter() - started)
    answer["imported"] = sorted({name.split(".")[0] for name in set(sys.modules) - before})
    package.unregister()
answer["import_seconds"] = min(seconds)
answer["again"] = traces()
finish()
