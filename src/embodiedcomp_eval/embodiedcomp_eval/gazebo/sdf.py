"""SDF elements from solids and joints; no number is written twice."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.gazebo.arm import Joint, Link
from embodiedcomp_eval.gazebo.solids import MassProperties, Solid, felt, mass_properties

Element = ElementTree.Element


def element(tag: str, content: object = None, *children: Element, **attributes: str) -> Element:
    """``<tag attributes>content children</tag>``; numbers and sequences of them are written shortest."""
    made = ElementTree.Element(tag, attributes)
    if content is not None:
        made.text = text_of(content)
    made.extend(children)
    return made


def text_of(value: object) -> str:
    """A value as SDF writes it: ``true``, ``0.25``, ``0 0 1``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | str):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{float(value) + 0.0:.9g}"
    if isinstance(value, Iterable):
        return " ".join(text_of(item) for item in value)
    raise TypeError(f"SDF has no text for {type(value).__name__}")


def group(tag: str, *children: Element, **attributes: str) -> Element:
    """An element that holds others alone."""
    return element(tag, None, *children, **attributes)


def pose(position: npt.ArrayLike, rpy: npt.ArrayLike = (0.0, 0.0, 0.0), relative_to: str | None = None) -> Element:
    """``<pose>``: m, rad."""
    numbers = [float(v) for v in (*np.asarray(position), *np.asarray(rpy))]
    return element("pose", numbers, **({"relative_to": relative_to} if relative_to else {}))


def geometry(solid: Solid) -> Element:
    """The shape."""
    match solid.shape:
        case "box":
            shape = group("box", element("size", solid.size))
        case "cylinder" | "capsule":
            shape = group(solid.shape, element("radius", solid.size[0]), element("length", solid.size[1]))
        case "sphere":
            shape = group("sphere", element("radius", solid.size[0]))
    return group("geometry", shape)


def visual(name: str, solid: Solid) -> Element:
    """What is seen of it: even colour, hardly a highlight."""
    colour = (*solid.colour, 1.0)
    material = group(
        "material",
        element("ambient", colour),
        element("diffuse", colour),
        element("specular", (0.1, 0.1, 0.1, 1.0)),
    )
    return group("visual", pose(solid.position, solid.rpy), geometry(solid), material, name=name)


def collision(name: str, solid: Solid, friction: float) -> Element:
    """What is felt of it."""
    ode = group("ode", element("mu", friction), element("mu2", friction))
    surface = group("surface", group("friction", ode))
    return group("collision", pose(solid.position, solid.rpy), geometry(solid), surface, name=name)


def inertial(properties: MassProperties) -> Element:
    """Mass, centre and the tensor about it."""
    tensor = properties.inertia
    names = {"ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2), "izz": (2, 2)}
    moments = [element(name, float(tensor[at])) for name, at in names.items()]
    return group("inertial", pose(properties.center), element("mass", properties.mass), group("inertia", *moments))


def shapes(solids: tuple[Solid, ...], friction: float, first: str = "shape") -> list[Element]:
    """A visual and, where it collides, a collision of each; the first of them is called ``first``."""
    made = []
    for index, solid in enumerate(solids):
        name = first if index == 0 else f"shape_{index}"
        made.append(visual(f"{name}_visual", solid))
        if solid.collides:
            parts = felt(solid)
            for number, part in enumerate(parts):
                made.append(collision(name if len(parts) == 1 else f"{name}_side_{number}", part, friction))
    return made


def link(body: Link, frame: str | None, friction: float, first: str = "shape", *more: Element) -> Element:
    """A link whose frame is that of the joint or link ``frame``; None: the model's."""
    place = [pose((0.0, 0.0, 0.0), relative_to=frame)] if frame else []
    made = group("link", *place, inertial(mass_properties(body.solids, body.mass)), name=body.name)
    made.extend(shapes(body.solids, friction, first))
    made.extend(more)
    return made


def joint(of: Joint) -> Element:
    """A joint whose frame is the child link's frame at angle 0."""
    ends = [
        pose(of.position, of.rpy, relative_to=of.parent),
        element("parent", of.parent),
        element("child", of.child),
    ]
    if of.fixed:
        return group("joint", *ends, name=of.name, type="fixed")
    axis = group(
        "axis",
        element("xyz", of.axis),
        group(
            "limit",
            element("lower", of.lower),
            element("upper", of.upper),
            element("effort", of.force),
            element("velocity", of.velocity * 2.0),
        ),
        group("dynamics", element("damping", of.damping)),
    )
    return group("joint", *ends, axis, name=of.name, type="revolute")


def static_model(name: str, solids: tuple[Solid, ...], friction: float = 1.0) -> Element:
    """Something that never moves."""
    body = group("link", *shapes(solids, friction), name="body")
    return group("model", element("static", True), body, name=name)
