"""Build file of embodiedcomp_codec: the encoder, decoder and link nodes, and the codecs that come with the suite."""

from setuptools import find_packages, setup

NAME = "embodiedcomp_codec"

setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={NAME: ["shipped_weights/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/config", ["../../config/codecs.yaml"]),
    ],
    install_requires=["setuptools"],
    python_requires=">=3.11",
    zip_safe=False,
    maintainer="embodiedcomp maintainers",
    maintainer_email="embodiedcomp@users.noreply.github.com",
    description="Image codecs under a rate target for a robot's camera streams, as ROS 2 nodes and as a library.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "encoder = embodiedcomp_codec.nodes.encoder:main",
            "decoder = embodiedcomp_codec.nodes.decoder:main",
            "link = embodiedcomp_codec.nodes.link:main",
        ],
        "embodiedcomp.codecs": [
            "none = embodiedcomp_codec.codecs.none:NoneCodec",
            "jpeg = embodiedcomp_codec.codecs.pillow:JPEG",
            "jpeg-bare = embodiedcomp_codec.codecs.bare_jpeg:BareJpeg",
            "webp = embodiedcomp_codec.codecs.pillow:WEBP",
            "hevc = embodiedcomp_codec.codecs.pyav:HEVC",
            "h264 = embodiedcomp_codec.codecs.pyav:H264",
            "vp9 = embodiedcomp_codec.codecs.pyav:VP9",
            "png = embodiedcomp_codec.codecs.pillow:PNG",
            "avif = embodiedcomp_codec.codecs.image_codecs:AVIF",
            "jpegxl = embodiedcomp_codec.codecs.image_codecs:JPEGXL",
            "jpeg2000 = embodiedcomp_codec.codecs.image_codecs:JPEG2000",
            "vvc = embodiedcomp_codec.codecs.pyav:VVC",
            "av1 = embodiedcomp_codec.codecs.svtav1:SvtAv1Codec",
            "bmshj2018-factorized = embodiedcomp_codec.codecs.compress_ai:BMSHJ2018_FACTORIZED",
            "bmshj2018-hyperprior = embodiedcomp_codec.codecs.compress_ai:BMSHJ2018_HYPERPRIOR",
            "mbt2018-mean = embodiedcomp_codec.codecs.compress_ai:MBT2018_MEAN",
            "mbt2018 = embodiedcomp_codec.codecs.compress_ai:MBT2018",
            "cheng2020-anchor = embodiedcomp_codec.codecs.compress_ai:CHENG2020_ANCHOR",
            "cheng2020-attn = embodiedcomp_codec.codecs.compress_ai:CHENG2020_ATTN",
        ],
        "embodiedcomp.depth_codecs": [
            "jpegxl16 = embodiedcomp_codec.codecs.depth:JpegXl16",
        ],
    },
)
