# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Pythons are taken as the engine, and what is said of the others."""

from pathlib import Path

import bpy
from common import PACKAGE, answer, finish, folder, module, problem, question

tableau = bpy.ops.tableau
preferences = bpy.context.preferences.addons[PACKAGE].preferences
bpy.context.preferences.system.use_online_access = False
engines = module("addon.setup.environment").root()
before = set(engines.iterdir())
answer["offline"] = problem(tableau.set_up_engine)
answer["no_folder"] = problem(tableau.set_up_engine, wheels=str(folder / "nowhere"))
answer["no_wheels"] = problem(tableau.set_up_engine, wheels=str(folder / "empty"))
answer["folders"] = [path.name for path in set(engines.iterdir()) - before]
answer["bare"] = problem(tableau.use_python, filepath=question["bare"])
answer["old"] = problem(tableau.use_python, filepath=str(folder / "old"))
answer["not_a_program"] = problem(tableau.use_python, filepath=str(folder / "text"))
answer["empty_folder"] = problem(tableau.use_python, filepath=str(folder / "empty"))
answer["nothing"] = problem(tableau.use_python, filepath=str(folder / "nothing"))
answer["unchanged"] = preferences.engine_python
answer["good"] = list(tableau.use_python(filepath=question["good"]))
answer["chosen"] = preferences.engine_python
answer["check"] = list(tableau.check_engine())
answer["state"] = module("addon.setup.checking").state(Path(preferences.engine_python))
finish()
