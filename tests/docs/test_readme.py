"""The README's tests are tests: they run under pytest, in a directory of their own, as a reader would run them."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"

FIXTURE = """
import pytest

@pytest.fixture
def large_invoice():
    return Path(__file__).with_name("INV-7.json")
"""


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_the_tests_that_the_readme_shows_pass_under_pytest(tmp_path: Path) -> None:
    definitions, beside, _, tests, _ = blocks()
    (tmp_path / "invoices.py").write_text(definitions + beside, encoding="utf-8")
    (tmp_path / "test_invoices.py").write_text(f"from invoices import *\n{FIXTURE}\n{tests}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_invoices.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not link.startswith("http") and not (README.parent / link).exists()] == []


def test_every_link_between_pages_of_the_docs_leads_somewhere() -> None:
    dead = [
        (page.name, link)
        for page in (README.parent / "docs").rglob("*.md")
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if not link.startswith("http") and not (page.parent / link).exists()
    ]
    assert dead == []
