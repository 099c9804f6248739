"""MuJoCo's renderer, ended without harm to others of the same process."""

from __future__ import annotations

import atexit
import weakref
from typing import Any

import mujoco

_open: weakref.WeakSet[Renderer] = weakref.WeakSet()


class Renderer(mujoco.Renderer):
    """``mujoco.Renderer``, whose end, asked for or by the garbage collector, leaves every other renderer its pictures.

    MuJoCo 3 frees textures and meshes by number, in whichever OpenGL context is current: another renderer's, if that one
    drew last, which shows from then on an empty room without saying so.
    """

    _mjr_context: Any  # MuJoCo's own annotations leave its type open

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not _open:
            # Registered after MuJoCo's own end of EGL, so called before it: after it, nothing can be closed.
            atexit.unregister(_close_all)
            atexit.register(_close_all)
        _open.add(self)

    def close(self) -> None:
        if self._gl_context and self._mjr_context:
            self._gl_context.make_current()
            self._mjr_context.free()
            self._mjr_context = None
        super().close()


def _close_all() -> None:
    for renderer in list(_open):
        renderer.close()
