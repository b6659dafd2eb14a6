"""The version of a function changes with what it does, and with nothing else."""

import os
import subprocess
import sys

import pytest

from abpo_sdk.values.code import code_version


def write(folder, name, source):
    path = folder / f"{name}.py"
    path.write_text(source)
    names = {"__name__": name}
    exec(compile(source, str(path), "exec"), names)
    return names["f"]


@pytest.fixture
def version(tmp_path):
    """The version of the function `f` of a source text."""
    count = iter(range(100))
    return lambda source: code_version(write(tmp_path, f"m{next(count)}", source))


PLAIN = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    "same",
    [
        "def f(x):\n    # a comment\n    return (x\n            + 1)\n",
        'def f(x):\n    """Adds one."""\n    return x + 1\n',
        "import functools\n\n@functools.lru_cache\ndef f(x):\n    return x + 1\n",
        "\n\n\ndef f( x ):\n\n    return x+1",
    ],
)
def test_layout_comments_docstrings_and_decorators_do_not_count(version, same):
    assert version(same) == version(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        "def f(x):\n    return x + 2\n",
        "def f(x, y=1):\n    return x + 1\n",
        "def g(x):\n    return x + 1\nf = g\n",
        "async def f(x):\n    return x + 1\n",
        "def f(x):\n    'a docstring'\n    x\n    return x + 1\n",
    ],
)
def test_what_it_does_counts(version, other):
    assert version(other) != version(PLAIN)


def test_what_it_depends_on_counts_in_any_order():
    def one():
        return 1

    def two():
        return 2

    def main():
        return one() + two()

    assert code_version(main, depends=[one, two]) == code_version(main, depends=[two, one])
    assert len({code_version(main), code_version(main, depends=[one]), code_version(main, depends=[one, two])}) == 3


def test_a_function_without_source_is_versioned_by_its_compiled_code():
    def made(source):
        names = {}
        exec(source, names)
        return code_version(names["f"])

    assert made(PLAIN) == made("def f(x):\n    # a comment\n    return x + 1\n")
    assert made(PLAIN) != made("def f(x):\n    return x + 2\n")
    assert made("def f():\n    return lambda: 1\n") != made("def f():\n    return lambda: 2\n")
    assert code_version(len) != code_version(print)


def test_a_version_is_the_same_in_every_process():
    script = (
        "from abpo_sdk.values.code import code_version\n"
        "names = {}\n"
        "exec(\"def f(x):\\n    return x in {'a', 'b', 'c', 'd', 'e'}\", names)\n"
        "print(code_version(names['f']))\n"
    )
    versions = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(versions) == 1
