from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.lineage.tree import Tree

trees = st.recursive(
    st.builds(Tree, st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8)),
    lambda inner: st.builds(
        Tree,
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=10,
)


def test_a_leaf_is_its_label() -> None:
    assert str(Tree("a")) == "a"


def test_branches_hang_below_their_label_with_lines_that_go_on_as_long_as_there_are_more() -> None:
    tree = Tree("a", (Tree("b", (Tree("c", (Tree("d"),)), Tree("e"))), Tree("f", (Tree("g"),))))
    assert str(tree) == "\n".join(
        [
            "a",
            "├─ b",
            "│  ├─ c",
            "│  │  └─ d",
            "│  └─ e",
            "└─ f",
            "   └─ g",
        ]
    )


def test_the_same_branch_may_hang_there_twice() -> None:
    branch = Tree("b", (Tree("c"),))
    assert str(Tree("a", (branch, branch))) == "a\n├─ b\n│  └─ c\n└─ b\n   └─ c"


def test_a_label_of_several_lines_stays_inside_its_branch() -> None:
    tree = Tree("a\nx", (Tree("b\n└─ y", (Tree("c"),)), Tree("d\r\nz")))
    assert str(tree) == "\n".join(
        [
            "a",
            "│  x",
            "├─ b",
            "│  │  └─ y",
            "│  └─ c",
            "└─ d",
            "      z",
        ]
    )


def parsed(lines: list[str]) -> Tree:
    """The tree that was drawn, read from its lines."""
    branches: list[list[str]] = []
    for line in lines[1:]:
        if line[0] in "├└":
            branches.append([])
        branches[-1].append(line[3:])
    return Tree(lines[0], tuple(parsed(branch) for branch in branches))


@given(trees)
@settings(max_examples=100, deadline=None)
def test_the_tree_can_be_read_from_what_is_drawn(tree: Tree) -> None:
    assert parsed(str(tree).split("\n")) == tree


class Reader(HTMLParser):
    """Collects the texts of a page and counts its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def labels(tree: Tree) -> list[str]:
    return [tree.label, *(label for branch in tree.branches for label in labels(branch))]


@given(trees)
@settings(max_examples=100, deadline=None)
def test_html_holds_every_label_in_order_as_text_in_elements_that_close(tree: Tree) -> None:
    reader = Reader()
    reader.feed(tree.html())
    reader.close()
    assert reader.open == []
    assert "".join(reader.texts) == "".join(labels(tree))
    assert reader.tags <= {"div", "details", "summary"}


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "a & b", "\"'", "</div>"])
def test_labels_are_escaped_in_html_with_and_without_branches(label: str) -> None:
    for tree in (Tree(label), Tree(label, (Tree(label),))):
        page = tree.html()
        assert "<script" not in page
        reader = Reader()
        reader.feed(page)
        assert set(reader.texts) == {label} if len(reader.texts) else False


def test_html_of_a_tree_with_branches_can_be_folded() -> None:
    page = Tree("a", (Tree("b"),)).html()
    assert page.startswith("<details open><summary>a</summary>")
    assert page.endswith("<div>b</div></div></details>")
