# SPDX-License-Identifier: GPL-3.0-or-later
"""Import cost, and what is left after the extension is disabled."""

import sys
import time

import bpy
from common import PACKAGE, addon_utils, answer, finish, module


def traces():
    handlers = bpy.app.handlers
    hosts = ["TOPBAR_MT_file_import", "TOPBAR_MT_file_export", "VIEW3D_MT_object", "VIEW3D_MT_pose"]
    hosts += ["DOPESHEET_MT_key", "GRAPH_MT_key", "NLA_MT_strips"]
    menus = [getattr(bpy.types, name) for name in hosts]
    names = [name for name in dir(handlers) if isinstance(getattr(handlers, name), list)]
    return {
        "types": sorted(name for name in dir(bpy.types) if "tableau" in name.lower()),
        "operators": [name for name in dir(bpy.ops.tableau) if not name.startswith("_")],
        "object": [p.identifier for p in bpy.types.Object.bl_rna.properties if "tableau" in p.identifier],
        "menu": [
            call.__name__
            for menu in menus
            for call in menu._dyn_ui_initialize()
            if "tableau" in call.__module__
        ],
        "handlers": [
            f"{name}: {call.__name__}"
            for name in names
            for call in getattr(handlers, name)
            if "tableau" in call.__module__
        ],
    }


answer["enabled"] = traces()
entries = [entry for step in module("addon.menus").STEPS.values() for entry in step]
answer["entries"] = [entry if isinstance(entry, str) else entry[0] for entry in entries]
for name, key, value, _words in [entry for entry in entries if not isinstance(entry, str)]:
    kind = getattr(bpy.ops.tableau, name).get_rna_type()
    assert value in kind.properties[key].enum_items, (name, key, value)
engine = module("addon.engine")
request = engine.request("ping")
worker = engine.current()
deadline = time.monotonic() + 300
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
    started = time.process_time()  # what it costs, whatever else the machine does
    package = __import__(PACKAGE, fromlist=["register"])
    package.register()
    seconds.append(time.process_time() - started)
    answer["imported"] = sorted({name.split(".")[0] for name in set(sys.modules) - before})
    package.unregister()
answer["import_seconds"] = min(seconds)
answer["again"] = traces()
finish()
