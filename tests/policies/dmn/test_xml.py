"""XML is read without entities, document types or anything from elsewhere; errors name the file and the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.decision_model import DecisionModel
from abpo_sdk.policies.dmn import xml
from abpo_sdk.policies.dmn.xml import read_file, read_xml
from tests.policies.dmn.models import SPACE, decision, literal, model

BOMB = """<?xml version="1.0"?>
<!DOCTYPE definitions [
  <!ENTITY a "aaaaaaaaaa">
  <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
  <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
<definitions>&c;</definitions>"""


def test_an_entity_bomb_is_refused_before_anything_is_expanded() -> None:
    with pytest.raises(DmnError, match=r"line 2: a document type"):
        DecisionModel.from_dmn(BOMB)


@pytest.mark.parametrize("declared", ['SYSTEM "file:///etc/passwd"', 'PUBLIC "x" "http://example.org/x.dtd"', ""])
def test_a_document_type_is_refused_whatever_it_refers_to(declared: str) -> None:
    with pytest.raises(DmnError, match="a document type"):
        read_xml(f"<!DOCTYPE definitions {declared}><definitions/>", "x")


def test_an_entity_that_is_declared_nowhere_is_no_xml() -> None:
    with pytest.raises(DmnError, match=r"x, line 2: no well-formed XML: undefined entity"):
        read_xml("<a>\n&outside;</a>", "x")


@pytest.mark.parametrize("text", ["", "<a>", "<a></b>", "<a/><b/>", "no xml", "<a b=1/>", "<x:a/>"])
def test_broken_xml_names_file_and_line(text: str) -> None:
    with pytest.raises(DmnError, match=r"broken\.dmn, line 1: no well-formed XML"):
        read_xml(text, "broken.dmn")


def test_a_broken_file_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "loans.dmn").write_text("<definitions>\n<decision>\n</definitions>", encoding="utf-8")
    with pytest.raises(DmnError, match=r"loans\.dmn, line 3"):
        DecisionModel.from_dmn(tmp_path / "loans.dmn")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "LARGEST", 1000)
    (tmp_path / "large.dmn").write_text(f"<a>{' ' * 2000}</a>", encoding="utf-8")
    with pytest.raises(DmnError, match=r"large\.dmn has 1,001 bytes, and at most 1,000 are read"):
        read_file(tmp_path / "large.dmn")


def test_elements_lie_in_each_other_to_a_bound() -> None:
    assert read_xml("<a>" * 200 + "</a>" * 200, "x").name == "a"
    with pytest.raises(DmnError, match="more than 200 elements in each other"):
        read_xml("<a>" * 201 + "</a>" * 201, "x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_a_file_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a b="Prüfung"/>'
    (tmp_path / "x.dmn").write_bytes(text.encode(encoding))
    assert read_file(tmp_path / "x.dmn").get("b") == "Prüfung"
    assert read_xml(text, "a text is no longer in the encoding of its file").get("b") == "Prüfung"


def test_an_encoding_that_is_not_known_is_refused() -> None:
    with pytest.raises(DmnError, match="unknown encoding"):
        read_xml(b'<?xml version="1.0" encoding="made-up"?><a/>', "x")


@pytest.mark.parametrize(
    ("namespace", "version"),
    [("http://www.omg.org/spec/DMN/20151101/dmn.xsd", "1.1"), ("http://www.omg.org/spec/DMN/20180521/MODEL/", "1.2")],
)
def test_an_older_version_is_named(namespace: str, version: str) -> None:
    with pytest.raises(DmnError, match=rf"is DMN {version} \(namespace {namespace}\), and 1.3, 1.4, 1.5 are read"):
        DecisionModel.from_dmn(model(attributes=f'xmlns="{namespace}"'))


def test_another_namespace_is_named() -> None:
    with pytest.raises(DmnError, match="begins with <definitions> of the namespace 'urn:other'"):
        DecisionModel.from_dmn(model(attributes='xmlns="urn:other"'))
    with pytest.raises(DmnError, match=r"begins with <html> of the namespace '\(none\)'"):
        DecisionModel.from_dmn("<html/>")


@pytest.mark.parametrize("space", ["20191111", "20211108", "20230324"])
def test_each_version_is_read(space: str) -> None:
    text = model(decision("d", literal("1 + 1")), attributes=f'xmlns="https://www.omg.org/spec/DMN/{space}/MODEL/"')
    assert DecisionModel.from_dmn(text).decide({}) == {"d": 2}


def test_a_prefix_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    text = model(decision("d", literal("1")))
    prefixed = text.replace("<", "<m:").replace("<m:/", "</m:").replace("xmlns=", "xmlns:m=")
    assert DecisionModel.from_dmn(prefixed).decide({}) == {"d": 1}
    assert DecisionModel.from_dmn("\ufeff\n" + text).decide({}) == {"d": 1}
    (tmp_path / "x.dmn").write_text("\ufeff" + text, encoding="utf-8")
    assert DecisionModel.from_dmn(str(tmp_path / "x.dmn")).decide({}) == {"d": 1}


def test_what_is_of_other_namespaces_is_passed_over() -> None:
    text = model(decision("d", literal("1")), '<other xmlns="urn:o"/>', attributes=f'xmlns="{SPACE}"')
    assert DecisionModel.from_dmn(text).decide({}) == {"d": 1}
