"""Renderers of one process: each keeps its pictures when another ends, and the process ends without a word."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from embodiedcomp_eval.simulators.robosuite_sim import choose_renderer
choose_renderer()
import mujoco
from embodiedcomp_eval.simulators.renderer import Renderer

def scene(colour):
    return mujoco.MjModel.from_xml_string(f'''<mujoco>
      <asset>
        <texture name="t" type="2d" builtin="flat" rgb1="{colour}" width="32" height="32"/><material name="m" texture="t"/>
      </asset>
      <worldbody><light pos="0 0 9"/><geom type="box" size="1 1 1" material="m"/></worldbody></mujoco>''')

def picture(renderer, model):
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer.update_scene(data)
    return renderer.render()

models = [scene(colour) for colour in ("1 0 0", "0 1 0", "0 0 1", "1 1 0")]
renderers = [Renderer(model, 64, 64) for model in models]
first = picture(renderers[0], models[0])
assert first.std() > 5
picture(renderers[1], models[1])
renderers.pop(1).close()
assert (picture(renderers[0], models[0]) == first).all()
mujoco.kept = renderers  # until the interpreter's very end
"""


def test_renderers_end_alone_and_with_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
