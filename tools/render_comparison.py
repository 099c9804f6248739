"""Draw the work cell as we render it beside robosuite's defaults: ``python tools/render_comparison.py OUT.png``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from embodiedcomp_eval.scene import TABLES, WALLS, Scene
from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator, choose_renderer

SCENES = [
    Scene(0, "can", TABLES[0], WALLS[0], 0.50, 0.05, 0.4),
    Scene(0, "hammer", TABLES[3], WALLS[2], 0.55, -0.08, 1.2),
    Scene(0, "milk", TABLES[2], WALLS[3], 0.46, 0.10, -0.7),
]


def pictures(full: bool) -> tuple[np.ndarray, float]:
    """The scenes, both views side by side, and ms per view; ``full``: original meshes, 4x multisampling, shadows, reflections."""
    from embodiedcomp_eval.simulators import workcell

    if full:
        workcell.FACES_KEPT = 1.0
        finish = workcell._place_cameras

        def untouched(spec, size):  # type: ignore[no-untyped-def]
            finish(spec, size)
            spec.visual.quality.offsamples = 4
            spec.visual.quality.shadowsize = 4096
            spec.visual.headlight.diffuse = [0.4, 0.4, 0.4]
            for light in spec.lights:
                light.diffuse = [0.7, 0.7, 0.7]

        workcell._place_cameras = untouched
    simulator = RobosuiteSimulator(settle_steps=5)
    rows, spent = [], 0.0
    for scene in SCENES:
        simulator.reset_scene(scene)
        views = simulator.render()
        if full:
            import mujoco

            renderer = simulator._active._renderer
            for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
                renderer.scene.flags[flag] = 1
            views = simulator.render()
        start = time.perf_counter()
        simulator.render()
        spent += time.perf_counter() - start
        rows.append(np.hstack([views["base_camera"], views["wrist_camera"]]))
    simulator.close()
    return np.vstack(rows), 1000 * spent / len(SCENES) / 2


def main() -> int:
    choose_renderer()
    ours, fast = pictures(full=False)
    theirs, slow = pictures(full=True)
    Image.fromarray(np.hstack([ours, np.full((len(ours), 8, 3), 255, np.uint8), theirs])).save(Path(sys.argv[1]))
    print(f"ms per 256x256 view on this machine: ours {fast:.1f}, robosuite's settings {slow:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
