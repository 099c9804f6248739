"""Where things stand in the work cell of ``ur5e_lift``: the one set of numbers behind every simulator's model of it.

The base frame is the robot's ``base_link``: x away from the pedestal over the table, z up. robosuite's world frame lies
``BASE`` below and before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BASE = (-0.56, 0.0, 0.912)
"""m, the robot's base in robosuite's world frame, whose origin is on the floor under the middle of the table."""
HOME = (-0.3397, -1.7879, 2.1337, -1.9166, -1.5708, -1.9105)
"""rad: the tool points down over the near edge of the reachable region, out of the base camera's way."""
TABLE_HEIGHT = 0.8
"""m above the floor, robosuite's own."""
TABLE_SIZE = (0.8, 0.8, 0.05)
"""m, the table's top, centred over the origin of robosuite's world frame."""
DROP_HEIGHT = 0.003
"""m between the object's lowest point and the table when the scene is built."""
BASE_EYE = (0.50, 0.0, 1.30)
BASE_TARGET = (-0.14, 0.0, 0.88)
"""m, robosuite's world frame: the base camera and the point it looks at."""
BASE_FOV = 45.0
WRIST_EYE = (0.08, 0.0, 0.0)
"""m, in the frame of the flange: beside the gripper, looking along the fingers, the flange's x axis up in the picture."""
WRIST_FOV = 75.0
"""degrees, vertical; the pictures are square."""
REST_ORIENTATION = {
    "hammer": (0.7071068, 0.7071068, 0.0, 0.0),
    "capsule": (0.7071068, 0.7071068, 0.0, 0.0),
}
"""Quaternion (w, x, y, z) before yaw of what would not stand; every other object stands as robosuite draws it."""


def in_base_frame(point: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A point ``(3,)`` m of robosuite's world frame in the robot's base frame."""
    result: npt.NDArray[np.float64] = np.asarray(point, dtype=np.float64) - np.array(BASE)
    return result
