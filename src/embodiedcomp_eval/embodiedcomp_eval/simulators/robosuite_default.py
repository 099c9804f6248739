"""robosuite's own loop as its documentation starts it, for comparison: UR5e, Lift, both cameras rendered at every step."""

from __future__ import annotations

import time

import numpy as np

from embodiedcomp_eval.simulators.robosuite_sim import choose_renderer

CAMERAS = ("agentview", "robot0_eye_in_hand")


def default_loop_seconds(steps: int, image_size: int, control_hz: float, seed: int) -> tuple[float, float]:
    """Wall time and CPU time (s) of ``steps`` calls of ``env.step`` with two cameras of ``image_size`` px.

    Raises RuntimeError where the last pictures are empty: its time then says nothing.
    """
    choose_renderer()
    import robosuite

    environment = robosuite.make(
        "Lift",
        robots="UR5e",
        has_renderer=False,
        has_offscreen_renderer=True,
        use_camera_obs=True,
        camera_names=list(CAMERAS),
        camera_heights=image_size,
        camera_widths=image_size,
        control_freq=control_hz,
        horizon=steps + 10,
    )
    rng = np.random.default_rng(seed)
    environment.reset()
    low, high = environment.action_spec
    environment.step(np.zeros_like(low))
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        seen, *_ = environment.step(rng.uniform(low, high) * 0.1)
    seconds = time.perf_counter() - started, time.process_time() - cpu
    if min(float(np.std(seen[f"{camera}_image"])) for camera in CAMERAS) < 1.0:
        raise RuntimeError("robosuite's own loop drew empty pictures: its time says nothing")
    environment.close()
    return seconds
