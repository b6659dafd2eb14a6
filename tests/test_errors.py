"""The tree of exceptions: what is drawn, what is exported and what is true are the same."""

import inspect

import pytest

from abpo_sdk import errors


def drawn_tree():
    """{name: name of the parent} as the docstring draws it."""
    lines = inspect.getdoc(errors).splitlines()
    start = lines.index("AbpoError")
    parents, above = {}, {0: "AbpoError"}
    for line in lines[start + 1 :]:
        branch = max(line.find("├── "), line.find("└── "))
        if branch < 0:
            break
        depth = branch // 4 + 1
        name = line[branch + 4 :].split()[0]
        parents[name] = above[depth - 1]
        above[depth] = name
    return parents


TREE = drawn_tree()


def test_the_drawing_is_read_whole():
    assert len(TREE) > 40
    assert TREE["Erased"] == "EncryptionError"
    assert TREE["CrashTestFailed"] == "AbpoError"


def test_every_exported_name_is_drawn_and_every_drawn_name_is_exported():
    assert sorted(errors.__all__) == sorted(["AbpoError", *TREE])


def test_every_exception_of_the_module_is_exported():
    defined = {
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert defined == set(errors.__all__)


@pytest.mark.parametrize(("name", "parent"), TREE.items())
def test_an_exception_stands_where_it_is_drawn(name, parent):
    assert getattr(errors, name).__bases__[0] is getattr(errors, parent)
    assert issubclass(getattr(errors, name), errors.AbpoError)


@pytest.mark.parametrize("name", errors.__all__)
def test_an_exception_says_in_its_docstring_when_it_is_raised(name):
    assert inspect.getdoc(getattr(errors, name)).strip().endswith((".", ")"))


def test_the_exported_names_are_sorted():
    assert list(errors.__all__) == sorted(errors.__all__)


def test_a_broken_ledger_says_where():
    error = errors.LedgerBroken("it does not add up", chain="INV-7", entry=3)
    assert (str(error), error.chain, error.entry) == ("it does not add up", "INV-7", 3)
