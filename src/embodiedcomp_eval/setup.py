"""Build file of embodiedcomp_eval: the simulator and evaluator nodes, the command line, configuration and launch files."""

import os

from setuptools import find_packages, setup

NAME = "embodiedcomp_eval"
# colcon's --symlink-install runs a link to this file from the build folder: config/ is found from the real one.
ROOT = os.path.relpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))


def installed(top: str) -> list[tuple[str, list[str]]]:
    """Every file under the repository's ``top`` folder, as data_files of this package's share folder."""
    found = []
    for folder, _, files in sorted(os.walk(os.path.join(ROOT, top))):
        kept = sorted(
            os.path.join(folder, name) for name in files if name.endswith((".yaml", ".py", ".sdf", ".urdf", ".xml"))
        )
        if kept:
            found.append((f"share/{NAME}/{os.path.relpath(folder, ROOT)}", kept))
    return found


setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={NAME: ["data/*.csv", "report/page.*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *installed("config"),
        *installed("launch"),
    ],
    install_requires=["setuptools"],
    python_requires=">=3.11",
    zip_safe=True,
    maintainer="embodiedcomp maintainers",
    maintainer_email="embodiedcomp@users.noreply.github.com",
    description="Closed-loop trials over compressed cameras: simulator, evaluator, statistics, sweeps and reports.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "simulator = embodiedcomp_eval.nodes.simulator:main",
            "evaluator = embodiedcomp_eval.nodes.evaluator:main",
            "recorder = embodiedcomp_eval.nodes.recorder:main",
            "gazebo = embodiedcomp_eval.nodes.gazebo:main",
            "doctor = embodiedcomp_eval.nodes.doctor:main",
            "operator = embodiedcomp_eval.nodes.operator:main",
            "embodiedcomp = embodiedcomp_eval.cli:main",
        ],
        "embodiedcomp.policies": [
            "expert = embodiedcomp_eval.expert_policy:make",
        ],
        "embodiedcomp.codecs": [
            "first-frame-only = embodiedcomp_eval.rivals.codecs:FirstFrameOnly",
            "state-only = embodiedcomp_eval.rivals.codecs:StateOnly",
            "none-noise = embodiedcomp_eval.rivals.codecs:NoneNoise",
            "oracle-pose = embodiedcomp_eval.rivals.codecs:OraclePose",
        ],
        "embodiedcomp.simulators": [
            "robosuite = embodiedcomp_eval.simulators.robosuite_sim:make",
        ],
        "embodiedcomp.success": [
            "object_pose = embodiedcomp_eval.success.object_pose:ObjectPose",
            "object_tf = embodiedcomp_eval.success.object_tf:ObjectTf",
            "gripper = embodiedcomp_eval.success.gripper:Gripper",
            "signal = embodiedcomp_eval.success.signal:Signal",
            "operator = embodiedcomp_eval.success.operator:Operator",
        ],
    },
)
