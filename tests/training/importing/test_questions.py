"""Answers to what a network's file cannot say, in the words that people write."""

import pytest

from training.errors import OptionError
from training.importing.interface import SIGNED, UNIT
from training.importing.questions import read_output, read_prior, read_range, read_second


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("standard-normal", "standard-normal"),
        ("N(0,1)", "standard-normal"),
        ("N(0, 1)", "standard-normal"),
        ("N(1, 2²)", "normal-1-2"),
        ("N(1, 4)", "normal-1-2"),
        ("normal-1-2", "normal-1-2"),
        ("point", "point"),
    ],
)
def test_a_prior_may_be_written_as_it_is_in_papers(text, name):
    assert read_prior(text) == name


@pytest.mark.parametrize("text", ["N(0)", "N(0,-1)", "uniform", "N(0, x)"])
def test_another_prior_is_refused_with_the_valid_ones(text):
    with pytest.raises(OptionError, match="standard-normal"):
        read_prior(text)


def test_other_spellings_are_read():
    assert read_second("logvar") == "log_var"
    assert read_second("log-std") == "log_std"
    assert read_range([0, 1], 1) == UNIT
    assert read_range((-1, 1), 3) == SIGNED
    probabilities = read_output("probabilities (sigmoid inside)", "sigmoid", 1)
    assert probabilities == read_output("values", "sigmoid", 1)
    with pytest.raises(OptionError, match="log_var, log_std, std, var, none"):
        read_second("sigma squared")
