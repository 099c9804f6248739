"""By the object's pose from a tag detector, a motion capture system, or whatever else publishes one."""

from __future__ import annotations

from embodiedcomp_eval.evidence import POSE_TYPES, TF_TYPES, Evidence, PoseSeen, TransformSeen
from embodiedcomp_eval.judging import Input
from embodiedcomp_eval.success.lift import LiftJudge, LiftOptions

TOPIC = "object_pose"


class ObjectPose(LiftJudge):
    """Poses in any frame; transforms to ``base_frame`` are needed only where it is another."""

    name = "object_pose"
    Options = LiftOptions
    inputs = (Input(TOPIC, POSE_TYPES), Input("/tf", TF_TYPES), Input("/tf_static", TF_TYPES))
    optional = ("/tf", "/tf_static")

    def add(self, topic: str, seen: Evidence) -> None:
        if isinstance(seen, TransformSeen):
            self.transform(seen)
        elif isinstance(seen, PoseSeen):
            self.place(seen.stamp_ns, seen.frame, seen.position, seen.position)
