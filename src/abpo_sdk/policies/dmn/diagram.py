"""The diagram of a model's requirements (DMN 1.5, 13): decisions above what they require, inputs below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abpo_sdk.policies.dmn.markup import Tag

WIDTH, HEIGHT = 180, 80
INPUT_WIDTH, INPUT_HEIGHT = 125, 45
ACROSS, UP = 220, 140
"""How far things lie apart."""


def diagram(levels: Sequence[Sequence[str]], small: frozenset[str], edges: Mapping[str, tuple[str, str]]) -> Tag:
    """Shapes and lines.

    Args:
        levels: the ids of what is drawn, row by row, the lowest first.
        small: those that are drawn small: the inputs.
        edges: for each requirement's id, what is required and what requires it.
    """
    places: dict[str, tuple[int, int, int, int]] = {}
    for depth, ids in enumerate(reversed(levels)):
        for position, key in enumerate(ids):
            width, height = (INPUT_WIDTH, INPUT_HEIGHT) if key in small else (WIDTH, HEIGHT)
            left = 100 + position * ACROSS + (WIDTH - width) // 2
            places[key] = left, 80 + depth * UP, width, height
    shapes = [_shape(key, place) for key, place in places.items()]
    lines = [_edge(key, places[source], places[target]) for key, (source, target) in edges.items()]
    return Tag("dmndi:DMNDI", children=[Tag("dmndi:DMNDiagram", {"id": "diagram"}, [*shapes, *lines])])


def _shape(key: str, place: tuple[int, int, int, int]) -> Tag:
    left, top, width, height = map(str, place)
    bounds = Tag("dc:Bounds", {"height": height, "width": width, "x": left, "y": top})
    return Tag("dmndi:DMNShape", {"id": f"shape_{key}", "dmnElementRef": key}, [bounds])


def _edge(key: str, source: tuple[int, int, int, int], target: tuple[int, int, int, int]) -> Tag:
    start = source[0] + source[2] // 2, source[1]
    end = target[0] + target[2] // 2, target[1] + target[3]
    before = end[0], end[1] + 20  # the last part of a line stands upright, so that its arrow does
    points = [Tag("di:waypoint", {"x": str(x), "y": str(y)}) for x, y in (start, before, end)]
    return Tag("dmndi:DMNEdge", {"id": f"edge_{key}", "dmnElementRef": key}, points)
