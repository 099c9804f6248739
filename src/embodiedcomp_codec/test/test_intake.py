import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from embodiedcomp_codec.nodes.intake import seen_through
from embodiedcomp_codec.view import View, ViewError

K = [1000.0, 0, 639.5, 0, 1000.0, 479.5, 0, 0, 1]
P = [900.0, 0, 640.0, -90.0, 0, 900.0, 480.0, 0, 0, 0, 1, 0]


def info(**changes: object) -> CameraInfo:
    message = CameraInfo(width=1280, height=960, distortion_model="plumb_bob", d=[0.1, 0.2, 0, 0, 0.3], k=K, p=P)
    message.r = np.eye(3).ravel()
    message.header.frame_id = "lens"
    message.header.stamp.sec = 7
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_crop_and_resize() -> None:
    seen = seen_through(View((320, 240, 640, 480), (320, 240)), info())
    assert (seen.width, seen.height, seen.distortion_model, list(seen.d)) == (
        320,
        240,
        "plumb_bob",
        [0.1, 0.2, 0, 0, 0.3],
    )
    assert list(seen.k) == pytest.approx([500, 0, 159.5, 0, 500, 119.5, 0, 0, 1])
    assert list(seen.p) == pytest.approx([450, 0, 0.5 * 320.5 - 0.5, -45, 0, 450, 0.5 * 240.5 - 0.5, 0, 0, 0, 1, 0])
    assert (seen.header.stamp.sec, seen.header.frame_id, list(seen.r)) == (7, "lens", list(np.eye(3).ravel()))


def test_what_the_camera_cut_and_binned_itself_is_in_k_and_p() -> None:
    """A picture of 320x240: the middle quarter of the sensor, two by two pixels as one. Then its upper left part is sent."""
    region = RegionOfInterest(x_offset=320, y_offset=240, width=640, height=480, do_rectify=True)
    seen = seen_through(View((0, 0, 100, 80)), info(roi=region, binning_x=2, binning_y=2))
    assert (seen.width, seen.height) == (100, 80)
    assert list(seen.k) == pytest.approx([500, 0, 159.5, 0, 500, 119.5, 0, 0, 1])
    assert (seen.roi.width, seen.roi.x_offset, seen.roi.do_rectify, seen.binning_x) == (0, 0, False, 0)
    with pytest.raises(ViewError, match="outside a picture of 320x240"):
        seen_through(View((0, 0, 321, 80)), info(roi=region, binning_x=2, binning_y=2))


def test_a_camera_without_calibration_stays_without() -> None:
    seen = seen_through(View(resize=(64, 64)), info(k=[0.0] * 9, p=[0.0] * 12, d=[]))
    assert not any(seen.k) and not any(seen.p) and (seen.width, seen.height) == (64, 64)
