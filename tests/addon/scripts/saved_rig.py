# SPDX-License-Identifier: GPL-3.0-or-later
"""What a saved portrait is and does, read by Blender alone: the same with and without the extension."""

import bpy
import numpy as np

FRAMES = [1.0, 8.0, 10.0, 10.5, 11.75, 14.0, 25.0]


def landmarks(rig_name, bones):
    """Where the bones' heads are in the plane's space at each of FRAMES, [frames][bones][3]."""
    scene, found = bpy.context.scene, []
    for frame in FRAMES:
        scene.frame_set(int(frame), subframe=frame % 1)
        graph = bpy.context.evaluated_depsgraph_get()
        rig = bpy.data.objects[rig_name].evaluated_get(graph)
        plane = rig.parent.matrix_world.inverted() @ rig.matrix_world
        found.append([list(plane @ rig.pose.bones[bone].head) for bone in bones])
    return np.array(found).tolist()


def time_keys(rig_name):
    """(frame, frame of the performance) of each key of the strips' time curves."""
    tracks = bpy.data.objects[rig_name].animation_data.nla_tracks
    curves = [strip.fcurves.find("strip_time") for track in tracks for strip in track.strips]
    return [[*key.co] for curve in curves if curve is not None for key in curve.keyframe_points]


def mattes():
    """(file, mean of each of twelve bands from the lower edge up) of each image of a matte."""
    found = []
    for image in bpy.data.images:
        if image.filepath.endswith("matte.png"):
            values = np.empty(4 * image.size[0] * image.size[1], np.float32)
            image.pixels.foreach_get(values)
            bands = np.array_split(values.reshape(image.size[1], -1, 4)[..., 0], 12)
            found.append([image.filepath, [float(band.mean()) for band in bands]])
    return found


def played():
    """What plays the bake: (file, how its frames are counted) of each sequence."""
    found = []
    for material in bpy.data.materials:
        for node in material.node_tree.nodes if material.node_tree else ():
            if node.type == "TEX_IMAGE" and node.image is not None and node.image.source == "SEQUENCE":
                user = node.image_user
                counted = [user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic]
                found.append([node.image.filepath, counted])
    return found
