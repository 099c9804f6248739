"""RGB frames to 4:2:0 planes and back, through PyAV's swscale; padded to what a video encoder takes."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from embodiedcomp_codec.codec import BitstreamError, Image
from embodiedcomp_codec.frame import pad, padded_side

MULTIPLE = 2
MINIMUM = 16


def coded_size(width: int, height: int, smallest: int = MINIMUM) -> tuple[int, int]:
    """The size that a video encoder gets for a frame of this one, no side under ``smallest``, in pixels."""
    return padded_side(width, MULTIPLE, smallest), padded_side(height, MULTIPLE, smallest)


class ToYuv:
    """Converts RGB frames of one size to yuv420p, keeping swscale's tables."""

    def __init__(self, smallest: int = MINIMUM) -> None:
        self._smallest = smallest
        self._reformatter = VideoReformatter()

    def frame(self, image: Image) -> av.VideoFrame:
        """Pad and convert ``(H, W, 3) uint8``."""
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(pad(image, MULTIPLE, self._smallest)), format="rgb24")
        return self._reformatter.reformat(rgb, format="yuv420p", threads=1)

    def planes(self, image: Image) -> npt.NDArray[np.uint8]:
        """The same as one contiguous ``(H * 3 / 2, W) uint8`` array: Y, then U, then V."""
        return np.ascontiguousarray(self.frame(image).to_ndarray())


class ToRgb:
    """Converts decoded pictures to RGB frames, cropped to the frame's size."""

    def __init__(self, smallest: int = MINIMUM) -> None:
        self._smallest = smallest
        self._reformatter = VideoReformatter()

    def image(self, frame: av.VideoFrame, width: int, height: int) -> Image:
        """Return ``(height, width, 3) uint8``. Raises BitstreamError when the picture has another size."""
        if (frame.width, frame.height) != coded_size(width, height, self._smallest):
            raise BitstreamError(f"a picture of {frame.width}x{frame.height} where {width}x{height} was announced")
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return np.ascontiguousarray(rgb[:height, :width])
