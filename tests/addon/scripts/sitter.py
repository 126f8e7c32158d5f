# SPDX-License-Identifier: GPL-3.0-or-later
"""The sitter with the engine: sampled, personalized, stopped, previewed, and seen in what is baked."""

import json

import bpy
from common import answer, finish, folder, module, question

store, sitter_file, strip, paths, jobs = (
    module(f"addon.{name}")
    for name in ("sitter.store", "sitter.sitter_file", "sitter.strip", "paths", "jobs")
)
tableau, scene = bpy.ops.tableau, bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object
settings = rig.tableau.sitter
told, client = [], module("addon.worker_client").Worker
deliver = client._deliver


def noted(worker, message):
    """All that the engine says, also what is over before anybody looks."""
    if message.get("event") == "progress" and message.get("total"):
        told.append(message["text"])
    deliver(worker, message)


client._deliver = noted


def pieces():
    """What the engine said since this was last asked, in order."""
    texts = list(dict.fromkeys(told))
    told.clear()
    return texts


# a bake without a sitter, with one, and at another likeness; a preview frame is what is baked
scene.frame_start = scene.frame_end = 1
for name in ("lips_outer_9", "lips_outer_10", "lips_outer_8", "lips_inner_5", "lips_inner_6", "lips_inner_7"):
    rig.pose.bones[name].location.y = -0.04
frame = paths.work_folder(rig) / "frames/v001/frame.0001.png"


def baked(name):
    tableau.bake(video=False)
    job = json.loads((paths.work_folder(rig) / "job.json").read_text())
    (folder / f"{name}.png").write_bytes(frame.read_bytes())
    answer[name] = [job["sitter"], job["likeness"]]


baked("without")
tableau.relink_sitter(filepath=question["sitter"])
baked("with")
tableau.preview_frame()
(folder / "preview.png").write_bytes((paths.work_folder(rig) / "preview" / "frame.png").read_bytes())
settings.likeness = 0.5
tableau.preview_frame()
(folder / "preview-half.png").write_bytes((paths.work_folder(rig) / "preview" / "frame.png").read_bytes())
tableau.remove_sitter()

# shots from a video, and a sitter from all of them, at once
told.clear()
tableau.sample_shots(filepath=question["video"], count=2)
answer["sampled"] = [[shot.path, *shot.size] for shot in settings.shots]
answer["sampling"] = pieces()
tableau.personalize()
answer["many"] = [settings.file, settings.made_from, settings.tuned]
answer["strip"] = list(strip.strip_image(rig).size)
answer["small"] = store.find(rig, settings.thumbnail).is_file()
answer["difference"] = settings.difference
answer["personalizing"] = pieces()
kept = settings.file

# tuned: the picture alone, a single step
tableau.remove_shot(everything=True)
tableau.personalize(method="FINE_TUNED", steps_most=1, seed=3, preview=False)
with store.find(rig).open("rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
made = json.loads(header["__metadata__"]["facts"])["settings"]
answer["tuned"] = [made["method"], made["steps"], made["seed"], settings.made_from]
answer["says_tuned"] = settings.tuned == sitter_file.read_facts(store.find(rig)).tuned
answer["tuning"] = pieces()
answer["next"] = [settings.file, kept]

# stopped: nothing is left, and the sitter that is there stays
before = {str(path) for path in folder.rglob("*")}
current = settings.file


class Stopping(jobs.Job):
    """Is stopped once the work is well under way."""

    def pump(self):
        if self.progress[2] in ("moving the shot", "tuning the generator"):
            self.cancel()
        return super().pump()


real, jobs.Job = jobs.Job, Stopping
try:
    answer["stopped"] = sorted(tableau.personalize(method="FINE_TUNED"))
finally:
    jobs.Job = real
answer["left_behind"] = sorted({str(path) for path in folder.rglob("*")} - before)
answer["stays"] = settings.file == current and store.trouble(rig) == ""
finish()
