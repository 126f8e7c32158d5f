# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up the engine from a folder of wheels: done, done again, refused, stopped, abandoned."""

import json
import shutil
import time
from pathlib import Path

import bpy
from common import PACKAGE, answer, finish, folder, module, problem, question

jobs, engine = module("addon.jobs"), module("addon.engine")
environment, recipe = module("addon.setup.environment"), module("addon.setup.recipe")
steps, program = module("addon.setup.steps"), module("addon.setup.program")
preferences = bpy.context.preferences.addons[PACKAGE].preferences
tableau = bpy.ops.tableau
recipe.FOLDER = Path(question["recipe"])
if not question["uv"]:  # also where it lies beside this very Python
    module("addon.setup.bases").find_uv = lambda: None
wheels, python = question["wheels"], question["python"]
told = []
jobs.listeners.append(lambda *values: told.append(values))
started, programs, titles = [], set(), []
begin = program.Program.__init__


def watched(self, *arguments, **options):
    begin(self, *arguments, **options)
    started.append(self.process)
    programs.add(Path(self.argv[0]).stem)
    titles.append(self.title)


program.Program.__init__ = watched


def folders():
    return sorted(path.name for path in environment.root().iterdir())


def running():
    return sum(process.poll() is None for process in started)


def drive(until):
    """Pump a job of its own until what it does starts with ``until``."""
    job = jobs.Job("Set Up Engine", steps.set_up(steps.order(wheels, python)))
    deadline = time.monotonic() + 300
    while job.pump() and not job.progress[2].startswith(until):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert job.running, job.problem
    return job


half = environment.root() / "77"
half.mkdir()
answer["first"] = list(tableau.set_up_engine(wheels=wheels, python=python))
answer["programs"], answer["titles"] = sorted(programs), list(titles)
answer["leftover"] = half.exists()
answer["folders"] = folders()
made = engine.interpreter()
answer["interpreter"] = str(made)
answer["preference"] = preferences.engine_python
answer["ready"] = json.loads((made.parent.parent / environment.READY).read_text())
answer["owner"] = (made.parent.parent / environment.OWNER).exists()
answer["state"] = module("addon.setup.checking").state(made)
answer["told"] = [list(values) for values in told]
answer["site"] = [path.name for path in made.parent.parent.rglob("tinybrush.py")]

preferences.engine_python = ""
answer["own_without_preference"] = str(environment.current())
tableau.set_up_engine(wheels=wheels, python=python)
answer["folders_again"] = folders()
whole = engine.interpreter()

damaged = folder / "damaged"
shutil.copytree(wheels, damaged)
next(damaged.glob("tinybrush*")).write_bytes(Path(question["other"]).read_bytes())
answer["damaged"] = problem(tableau.set_up_engine, wheels=str(damaged), python=python)
answer["damaged_details"] = module("addon.details").text()
answer["folders_damaged"] = folders()
answer["still"] = str(engine.interpreter()) == str(whole) and whole.is_file()

job = drive("Installing")
answer["while_making"] = len(folders())
job.cancel()
while job.pump():
    time.sleep(0.005)
answer["cancelled"] = type(job.problem).__name__
answer["folders_cancelled"] = folders()
job = drive("Making")
answer["alive"] = running()
job.abandon()
answer["folders_abandoned"] = folders()
answer["left_running"] = running()

answer["no_python"] = problem(tableau.set_up_engine, wheels=wheels, python=str(folder / "none"))
answer["folders_no_python"] = folders()
recipe.load().needs.write_text(recipe.load().needs.read_text().replace("tinybrush>=1", "tinybrush>=1.1"))
answer["stale"] = module("addon.setup.checking").state(whole)
for path in environment.root().iterdir():
    environment.discard(path)
answer["none_left"] = folders()
finish()
