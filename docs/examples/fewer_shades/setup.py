"""Build file of the worked example: the one line that matters is the entry point."""

from setuptools import setup

setup(
    name="fewer_shades",
    version="0.1.0",
    packages=["fewer_shades"],
    install_requires=["numpy"],
    python_requires=">=3.11",
    description="Worked example: a codec of one's own for embodiedcomp.",
    license="Apache-2.0",
    entry_points={"embodiedcomp.codecs": ["fewer-shades = fewer_shades.codec:FewerShades"]},
)
