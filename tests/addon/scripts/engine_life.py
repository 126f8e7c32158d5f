# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker from its lazy start to its end: crashes, errors behind the line, disable, uninstall."""

import os
import signal
import time
from pathlib import Path

import bpy
from common import PACKAGE, addon_utils, answer, finish, folder, module, problem, question

engine, jobs = module("addon.engine"), module("addon.jobs")
tableau = bpy.ops.tableau


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def process():
    return engine.current()._process.pid


def drive(job):
    deadline = time.monotonic() + 300
    while job.pump():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return job


def ask(method, **params):
    def steps():
        yield engine.request(method, **params)
        return "done"

    return jobs.Job("Ask", steps())


answer["lazy"] = engine.current() is None
answer["first"] = drive(ask("presets")).message
first = process()
bpy.context.window.scene = bpy.data.scenes.new("second")
drive(ask("presets"))
answer["shared"] = process() == first

os.kill(first, signal.SIGKILL)  # while it is idle
answer["after_idle_crash"] = [drive(ask("presets")).message, process() != first]

os.kill(process(), signal.SIGSTOP)  # while it works
job = ask("presets")
os.kill(process(), signal.SIGKILL)
drive(job)
answer["after_crash"] = [job.message, job.notices]

broken = folder / "broken.png"
broken.write_bytes(b"\x89PNG\r\n\x1a\n not one")
tableau.load_portrait(filepath=question["picture"], detect=False)
bpy.context.object.tableau.picture = str(broken)
answer["line"] = problem(tableau.detect_landmarks)
answer["copied"] = list(tableau.copy_details())
answer["details"] = module("addon.details").text()
jobs.JobOperator.report = lambda self, kind, text: None
answer["mistake"] = str(drive(jobs.Job("Ask", (1 / 0 for _ in [0]))).problem)

checking = module("addon.setup.checking")
program = module("addon.setup.program")
worker = process()
child = program.Program([question["python"], "-c", "import time; time.sleep(600)"], "Waiting")


def waiting():
    try:
        yield child
    finally:
        child.kill()
    return ""


jobs._running = jobs.Job("Waiting", waiting())
answer["alive"] = [alive(worker), alive(child.process.pid)]
addon_utils.disable(PACKAGE)
answer["left"] = [alive(worker), alive(child.process.pid)]
addon_utils.enable(PACKAGE)
engine, jobs = module("addon.engine"), module("addon.jobs")
answer["enabled_again"] = drive(ask("presets")).message
worker = process()
user = module("addon.setup.environment").root()
(user / "1").mkdir(exist_ok=True)
if question["uninstall"]:
    index = [repo.module for repo in bpy.context.preferences.extensions.repos].index("user_default")
    bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="tableau_vivant")
    answer["uninstalled"] = [alive(worker), user.exists(), Path(user).parent.exists()]
last = program.Program([question["python"], "-c", "import time; time.sleep(600)"], "Waiting")
answer["last"] = [worker, last.process.pid]  # end with this process
finish()
