"""From XML to what a file says; what it means is not looked at here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.dmn.boxed import logic_of
from abpo_sdk.policies.dmn.definitions import (
    DecisionText,
    Definitions,
    InputData,
    ItemDefinition,
    KnowledgeText,
    Logic,
    NoLogic,
)
from abpo_sdk.policies.dmn.namespaces import check_language, version_of
from abpo_sdk.policies.dmn.parts import cell_in, own_of, place_of, text_in, type_ref_of
from abpo_sdk.policies.dmn.xml import Element, read_file, read_xml


def read_definitions(file: str | Path) -> Definitions:
    """What a file says.

    Args:
        file: a path; or a text of XML, which begins with "<".

    Raises:
        DmnError: it is no DMN of a version that is read, or says something in a form that DMN does not have; with file and line.
        OSError: the file cannot be read.
    """
    text = file.lstrip("\ufeff \t\r\n") if isinstance(file, str) else ""
    if isinstance(file, str) and text.startswith("<"):
        source, root = "the text", read_xml(text, "the text")
    else:
        path = Path(file)
        source, root = path.name, read_file(path)
    version_of(root, source)
    for imported in root.all("import"):
        raise DmnError(
            f"{source}, line {imported.line}: the model imports {imported.get('name') or imported.get('namespace')!r}, and "
            "imports are not read; put both into one file"
        )
    check_language(root.get("expressionLanguage"), f"{source}, line {root.line}: the model")
    _check_ids(root, source)
    decisions = tuple(_decision(e, source) for e in root.all("decision"))
    inputs = tuple(_input(e, source) for e in root.all("inputData"))
    knowledge = tuple(_knowledge(e, source) for e in root.all("businessKnowledgeModel"))
    _check_names(
        [(i.name, i.place) for i in inputs]
        + [(d.name, d.place) for d in decisions]
        + [(k.name, k.place) for k in knowledge]
    )
    return Definitions(
        name=root.get("name") or Path(source).stem,
        source=source,
        items=tuple(_item(e, source) for e in root.all("itemDefinition")),
        inputs=inputs,
        decisions=decisions,
        knowledge=knowledge,
        own=any(own_of(e) for e in root.all("decision")),
    )


def _check_ids(root: Element, source: str) -> None:
    seen: dict[str, int] = {}
    for element in root.all("decision", "inputData", "businessKnowledgeModel"):
        key = element.get("id")
        if not key:
            continue
        if key in seen:
            raise DmnError(f"{source}, line {element.line}: the id {key!r} stands on line {seen[key]} already")
        seen[key] = element.line


def _check_names(named: Sequence[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for name, place in named:
        if name in seen:
            raise DmnError(
                f"{place}: the name {name!r} is taken ({seen[name]}); names of a model differ from one another"
            )
        seen[name] = place


def _name(element: Element, source: str, what: str) -> str:
    name = " ".join(element.get("name").split())
    if not name:
        raise DmnError(f"{place_of(source, element)}: {what} has no name")
    return name


def _variable(element: Element, name: str) -> tuple[str, str]:
    """What expressions call a thing, and its type."""
    variable = element.first("variable")
    if variable is None:
        return name, ""
    return " ".join(variable.get("name").split()) or name, type_ref_of(variable)


def _references(element: Element, requirement: str, required: str, source: str, place: str) -> tuple[str, ...]:
    found = []
    for one in element.all(requirement):
        for reference in one.all(required):
            href = reference.get("href")
            if not href.startswith("#") or len(href) < 2:
                raise DmnError(
                    f"{place_of(source, reference)}: {place} requires {href!r}, and something of this file is required as '#id'"
                )
            found.append(href[1:])
    return tuple(dict.fromkeys(found))


def _decision(element: Element, source: str) -> DecisionText:
    name = _name(element, source, "a decision")
    what = f"decision {name!r}"
    variable, type_ref = _variable(element, name)
    logic = logic_of(element, source, what)
    return DecisionText(
        id=element.get("id"),
        name=name,
        variable=variable,
        type_ref=type_ref,
        inputs=_references(element, "informationRequirement", "requiredInput", source, what),
        decisions=_references(element, "informationRequirement", "requiredDecision", source, what),
        knowledge=_references(element, "knowledgeRequirement", "requiredKnowledge", source, what),
        logic=logic,
        place=f"{place_of(source, element)}: {what}",
        own=own_of(element),
    )


def _input(element: Element, source: str) -> InputData:
    name = _name(element, source, "an input")
    variable, type_ref = _variable(element, name)
    place = f"{place_of(source, element)}: input {variable!r}"
    return InputData(element.get("id"), variable, type_ref, own_of(element).get("python", ""), place)


def _knowledge(element: Element, source: str) -> KnowledgeText:
    name = _name(element, source, "a business knowledge model")
    what = f"business knowledge model {name!r}"
    place = f"{place_of(source, element)}: {what}"
    variable, type_ref = _variable(element, name)
    function = element.first("encapsulatedLogic")
    logic: Logic = NoLogic("has no logic")
    parameters: tuple[tuple[str, str], ...] = ()
    if function is not None:
        if function.get("kind", "FEEL") != "FEEL":
            raise DmnError(f"{place} is a function of the kind {function.get('kind')!r}, and FEEL is read")
        parameters = tuple(
            (_name(p, source, f"a parameter of {what}"), type_ref_of(p)) for p in function.all("formalParameter")
        )
        _check_names([(n, place) for n, _ in parameters])
        logic = logic_of(function, source, what)
    needed = _references(element, "knowledgeRequirement", "requiredKnowledge", source, what)
    return KnowledgeText(element.get("id"), variable, parameters, type_ref, needed, logic, place)


def _item(element: Element, source: str, within: str = "") -> ItemDefinition:
    name = _name(element, source, "a type" if not within else f"a part of type {within!r}")
    full = f"{within}.{name}" if within else name
    place = f"{place_of(source, element)}: type {full!r}"
    if element.first("functionItem") is not None:
        raise DmnError(f"{place} is a type of functions, which is not supported")
    parts = tuple(_item(e, source, full) for e in element.all("itemComponent"))
    _check_names([(p.name, p.place) for p in parts])
    reference = text_in(element, "typeRef").strip()
    if parts and reference:
        raise DmnError(
            f"{place} has a type (<typeRef>) and parts of its own (<itemComponent>); it may have one of both"
        )
    allowed = cell_in(element, "allowedValues", source, f"the allowed values of type {full!r}")
    constraint = cell_in(element, "typeConstraint", source, f"the constraint of type {full!r}")
    if constraint is not None and allowed is None and element.get("isCollection") == "true":
        raise DmnError(f"{constraint.place} is one of a list as a whole, which is not supported: {constraint.text!r}")
    return ItemDefinition(
        name=name,
        type_ref=reference,
        parts=parts,
        many=element.get("isCollection") == "true",
        allowed=allowed or constraint,
        python=own_of(element).get("python", ""),
        place=place,
    )
