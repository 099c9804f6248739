"""Build file of embodiedcomp_policy: the policy and guard nodes, and the policies that come with the suite."""

import os
from glob import glob

from setuptools import find_packages, setup

NAME = "embodiedcomp_policy"
# colcon's --symlink-install runs a link to this file from the build folder: config/ is found from the real one.
ROOT = os.path.relpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))

setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={NAME: ["weights/*/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        # The robot side finds its robot without embodiedcomp_eval.
        (f"share/{NAME}/config/robots", sorted(glob(os.path.join(ROOT, "config", "robots", "*.[yu]*")))),
    ],
    install_requires=["setuptools"],
    python_requires=">=3.11",
    zip_safe=False,
    maintainer="embodiedcomp maintainers",
    maintainer_email="embodiedcomp@users.noreply.github.com",
    description="Policies that see decoded camera images, and the guard that checks their joint targets on the robot.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "policy = embodiedcomp_policy.nodes.policy:main",
            "guard = embodiedcomp_policy.nodes.guard:main",
        ],
        "embodiedcomp.arms": [
            "pinocchio = embodiedcomp_policy.policies.pinocchio_arm:load_arm",
        ],
        "embodiedcomp.policies": [
            "reference = embodiedcomp_policy.policies.reference:make",
            "reference-robust = embodiedcomp_policy.policies.reference:make_robust",
            "openpi = embodiedcomp_policy.policies.openpi:make",
            "openvla = embodiedcomp_policy.policies.openvla:make",
            "pi0 = embodiedcomp_policy.policies.pi0:make",
            "lerobot = embodiedcomp_policy.policies.lerobot:make",
        ],
    },
)
