"""The public conformance suite: every case agrees, or is refused by an error that names what is not supported."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.decision_model import DecisionModel

SUITE = Path(__file__).parent / "tck"
SPACE = "{http://www.omg.org/spec/DMN/20160719/testcase}"
INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"

NOT_SUPPORTED = {
    (
        "0036-dt-variable-input",
        "Compare Time",
    ): "reads Another Time, which is a time, and no condition can compare these",
    ("0036-dt-variable-input", "Compare Years and Months Duration"): (
        "reads Another Years and Months Duration, which is a years and months duration, and no condition can compare these"
    ),
    ("0039-dt-list-semantics", "Symptom Analysis"): "is computed from other values, which is not supported",
}
"""The decisions that are refused, and what the error says."""


def value_in(element: ET.Element | None) -> Any:
    """The value that an input or a result of the suite holds."""
    if element is None:
        return None
    components = element.findall(f"{SPACE}component")
    if components:
        return {component.get("name"): value_in(component) for component in components}
    items = element.find(f"{SPACE}list")
    if items is not None:
        return [value_in(item) for item in items.findall(f"{SPACE}item")]
    value = element.find(f"{SPACE}value")
    if value is None or value.get(f"{INSTANCE}nil") == "true":
        return None
    text = value.text or ""
    match (value.get(f"{INSTANCE}type") or "xsd:string").split(":")[-1]:
        case "decimal" | "double" | "integer":
            return Decimal(text)
        case "boolean":
            return text == "true"
        case "date":
            return dt.date.fromisoformat(text)
        case "dateTime":
            return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
        case "duration" if text.startswith("PT") and text.endswith("H"):
            return dt.timedelta(hours=int(text[2:-1]))
        case _:
            return text


def cases() -> list[Any]:
    """(model, inputs, decision, expected) for every result that the suite asks for."""
    found = []
    for file in sorted(SUITE.glob("*/*/*-test-*.xml")):
        root = ET.parse(file).getroot()
        model = file.parent / (root.findtext(f"{SPACE}modelName") or "")
        for case in root.findall(f"{SPACE}testCase"):
            inputs = {node.get("name"): value_in(node) for node in case.findall(f"{SPACE}inputNode")}
            for node in case.findall(f"{SPACE}resultNode"):
                expected = value_in(node.find(f"{SPACE}expected"))
                case_id = f"{file.parent.name}/{case.get('id')}/{node.get('name')}"
                found.append(pytest.param(model, inputs, node.get("name"), expected, id=case_id))
    return found


CASES = cases()


def number_of_cases(level: str) -> int:
    return len({case.id.rsplit("/", 1)[0] for case in CASES if level in str(case.values[0])})


def test_the_suite_is_complete() -> None:
    assert len(list(SUITE.glob("compliance-level-2/*"))) == 17
    assert number_of_cases("compliance-level-2") == 51
    assert number_of_cases("compliance-level-3") == 16


@pytest.mark.parametrize(("file", "inputs", "name", "expected"), CASES)
def test_it_decides_as_the_suite_expects(file: Path, inputs: dict[str, Any], name: str, expected: Any) -> None:
    refusal = NOT_SUPPORTED.get((file.stem, name))
    if refusal is not None:
        with pytest.raises(DmnError) as refused:
            DecisionModel.from_dmn(file, decisions=[name])
        assert refusal in str(refused.value)
        assert name in str(refused.value)
        return
    model = DecisionModel.from_dmn(file, decisions=[name])
    needed = {input_: value for input_, value in inputs.items() if input_ in model.inputs}
    result = model.decide(needed)[name]
    assert result == expected
    assert type(result) is type(expected) or isinstance(result, (int, Decimal))


@pytest.mark.parametrize("space", ["20191111", "20211108"])
@pytest.mark.parametrize(("file", "inputs", "name", "expected"), [c for c in CASES if "level-2" in str(c.values[0])])
def test_it_decides_the_same_in_older_versions(
    file: Path, inputs: dict[str, Any], name: str, expected: Any, space: str
) -> None:
    text = file.read_text(encoding="utf-8").replace("spec/DMN/20230324/", f"spec/DMN/{space}/")
    assert DecisionModel.from_dmn(text).decide(inputs)[name] == expected


@pytest.mark.parametrize("file", sorted(SUITE.glob("*/*/*.dmn")), ids=lambda file: file.stem)
def test_what_is_read_is_written_and_read_as_the_same(file: Path) -> None:
    supported = None if file.stem not in {stem for stem, _ in NOT_SUPPORTED} else []
    if supported is not None:
        names = {case.values[2] for case in CASES if case.values[0] == file}
        supported = [name for name in names if (file.stem, name) not in NOT_SUPPORTED]
    if supported == []:
        return
    model = DecisionModel.from_dmn(file, decisions=supported)
    for version in ("1.3", "1.4", "1.5"):
        assert DecisionModel.from_dmn(model.to_dmn(version=version)).version == model.version
