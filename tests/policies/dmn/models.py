"""Small files of DMN for tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

SPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"


def model(*parts: str, attributes: str = f'xmlns="{SPACE}"') -> str:
    """A file of some parts."""
    return "\n".join([f'<definitions {attributes} name="claims" namespace="urn:example">', *parts, "</definitions>"])


def input_data(name: str, type_ref: str = "number") -> str:
    """An input, whose id is its name without blanks."""
    return f'<inputData id="{plain(name)}" name="{name}"><variable name="{name}" typeRef="{type_ref}"/></inputData>'


def item(name: str, type_ref: str = "", allowed: str = "", *parts: str, more: str = "") -> str:
    """A type."""
    limits = f"<allowedValues><text>{escape(allowed)}</text></allowedValues>" if allowed else ""
    reference = f"<typeRef>{type_ref}</typeRef>" if type_ref else ""
    return f'<itemDefinition name="{name}" {more}>{reference}{limits}{"".join(parts)}</itemDefinition>'


def part(name: str, type_ref: str, allowed: str = "") -> str:
    """A part of a type."""
    return item(name, type_ref, allowed).replace("itemDefinition", "itemComponent")


def decision(
    name: str,
    logic: str,
    *,
    inputs: Sequence[str] = (),
    decisions: Sequence[str] = (),
    knowledge: Sequence[str] = (),
    type_ref: str = "",
) -> str:
    """A decision, whose id is its name without blanks."""
    required = [f'<requiredInput href="#{plain(i)}"/>' for i in inputs]
    required += [f'<requiredDecision href="#{plain(d)}"/>' for d in decisions]
    information = "".join(f"<informationRequirement>{r}</informationRequirement>" for r in required)
    information += "".join(
        f'<knowledgeRequirement><requiredKnowledge href="#{plain(k)}"/></knowledgeRequirement>' for k in knowledge
    )
    variable = f'<variable name="{name}" typeRef="{type_ref}"/>' if type_ref else f'<variable name="{name}"/>'
    return f'<decision id="{plain(name)}" name="{name}">{variable}{information}\n{logic}</decision>'


def literal(text: str) -> str:
    """A literal expression."""
    return f"<literalExpression><text>{escape(text)}</text></literalExpression>"


def table(
    inputs: Sequence[str],
    *rows: Sequence[str],
    outputs: Sequence[str] = ("",),
    hit_policy: str = "FIRST",
    more: str = "",
    types: Sequence[str] = (),
    allowed: Sequence[str] = (),
    default: str = "",
) -> str:
    """A table; a row is its cells from left to right, and after those its annotation, if it has one."""
    lines = [f'<decisionTable hitPolicy="{hit_policy}" {more}>']
    for n, text in enumerate(inputs):
        type_ref = f' typeRef="{types[n]}"' if types else ""
        values = f"<inputValues><text>{escape(allowed[n])}</text></inputValues>" if allowed and allowed[n] else ""
        lines.append(f"<input><inputExpression{type_ref}><text>{escape(text)}</text></inputExpression>{values}</input>")
    for name in outputs:
        entry = f"<defaultOutputEntry><text>{escape(default)}</text></defaultOutputEntry>" if default else ""
        lines.append(f'<output name="{name}">{entry}</output>' if name else f"<output>{entry}</output>")
    for row in rows:
        cells = [f"<inputEntry><text>{escape(text)}</text></inputEntry>" for text in row[: len(inputs)]]
        rest = row[len(inputs) :]
        cells += [f"<outputEntry><text>{escape(text)}</text></outputEntry>" for text in rest[: len(outputs)]]
        cells += [f"<annotationEntry><text>{escape(text)}</text></annotationEntry>" for text in rest[len(outputs) :]]
        lines.append(f"<rule>{''.join(cells)}</rule>")
    return "\n".join([*lines, "</decisionTable>"])


def plain(name: str) -> str:
    """A name as an id."""
    return name.replace(" ", "_").replace("/", "_")
