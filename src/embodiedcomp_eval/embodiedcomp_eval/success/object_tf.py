"""By the object's frame on /tf, as apriltag_ros and motion capture drivers publish it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.evidence import TF_TYPES, Evidence, TransformSeen
from embodiedcomp_eval.judging import Input, Setting, option
from embodiedcomp_eval.success.lift import LiftJudge, LiftOptions


@dataclass(frozen=True)
class ObjectTfOptions(LiftOptions):
    """With the frame that the object bears."""

    object_frame: str = option("", "frame of the object, such as tag36h11:7")


class ObjectTf(LiftJudge):
    """A transform of the object's frame is an observation; a static one would never be news, and is none."""

    name = "object_tf"
    Options = ObjectTfOptions
    inputs = (Input("/tf", TF_TYPES), Input("/tf_static", TF_TYPES))
    optional = ("/tf_static",)

    def __init__(self, options: ObjectTfOptions, setting: Setting) -> None:
        if not options.object_frame:
            raise ConfigError("object_tf.object_frame must be set: the name of the object's frame on /tf")
        super().__init__(options, setting)
        self._frame = options.object_frame.removeprefix("/")

    def add(self, topic: str, seen: Evidence) -> None:
        if isinstance(seen, TransformSeen):
            self.transform(seen)
            if seen.child == self._frame and not seen.static:
                self.place(seen.stamp_ns, self._frame, np.zeros(3), seen.translation)
