"""The words of the room: each loads on first use, and is what its module has."""

import subprocess
import sys

import pytest

from abpo_sdk import gates


@pytest.mark.parametrize("name", gates.__all__)
def test_a_word_is_the_thing_of_that_name(name):
    assert getattr(gates, name).__name__ == name
    assert name in dir(gates)


def test_a_module_is_named_for_every_word_and_for_no_other():
    assert sorted(gates._MODULE_OF) == sorted(gates.__all__)


def test_an_unknown_word_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match=r"module 'abpo_sdk\.gates' has no attribute 'Quorom'"):
        _ = gates.Quorom


def test_importing_the_room_loads_none_of_it_and_a_word_no_more_than_it_needs():
    script = (
        "import sys, abpo_sdk.gates\n"
        "assert not [m for m in sys.modules if m.startswith('abpo_sdk.gates.')]\n"
        "abpo_sdk.gates.Quorum\n"
        "assert 'abpo_sdk.gates.quorum' in sys.modules and 'abpo_sdk.gates.reviews' not in sys.modules\n"
        "abpo_sdk.gates.Limits, abpo_sdk.gates.measure_conduct\n"
        "assert not {'numpy', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
