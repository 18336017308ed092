"""The queue of what takes long: one at a time, told how far, given up when nobody asks."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from explorer.server import assets
from explorer.server.assets import NotYetError
from explorer.session import job_queue
from explorer.session.job_queue import JobQueue
from training.errors import OptionError

FOUND = {"kl": np.zeros(1, np.float32)}


def test_who_asks_is_told_how_far_it_is_and_then_has_it():
    queue, go, told = JobQueue("test"), threading.Event(), threading.Event()
    made = []

    def work(report):
        made.append(1)
        report(0.4)
        told.set()
        assert go.wait(10)
        return FOUND

    with pytest.raises(NotYetError):
        queue.ask("a", work)
    assert told.wait(10)
    with pytest.raises(NotYetError) as waits:
        queue.ask("a", work)
    assert waits.value.share == 0.4
    go.set()
    for _ in range(100):
        try:
            assert queue.ask("a", work) is FOUND
            break
        except NotYetError:
            time.sleep(0.05)
    else:
        pytest.fail("it never came")
    assert made == [1]


def test_what_nobody_asks_for_is_given_up_and_begun_again(monkeypatch):
    monkeypatch.setattr(job_queue, "PATIENCE", 0.05)
    queue, gone = JobQueue("test"), threading.Event()

    def work(report):
        if gone.is_set():
            return FOUND
        try:
            for _ in range(200):
                time.sleep(0.02)
                report(0.1)
        except Exception:
            gone.set()
            raise
        return FOUND

    with pytest.raises(NotYetError):
        queue.ask("b", work)
    assert gone.wait(10)
    for _ in range(100):
        try:
            assert queue.ask("b", work) is FOUND, "somebody is here again"
            break
        except NotYetError:
            time.sleep(0.02)
    else:
        pytest.fail("it was not begun again")


def test_a_fault_is_told_once_and_tried_again():
    queue, faults = JobQueue("test"), [ZeroDivisionError("weights overflow")]

    def work(report):
        if faults:
            raise faults.pop()
        return FOUND

    with pytest.raises(ZeroDivisionError):
        queue.ask("c", work)
    assert queue.ask("c", work) is FOUND


def test_the_browser_is_told_to_ask_again():
    def build(number):
        raise NotYetError(0.25)

    name = assets.STORE.offer_parts("terms", "test", build).rpartition("/")[2]

    answer = assets._blob(SimpleNamespace(path_params={"name": f"{name}0"}, headers={}))
    assert answer.status_code == 503
    assert answer.headers["x-share"] == "0.250"
    assert answer.headers["cache-control"] == "no-store"


def test_the_browser_is_told_why_a_file_cannot_be_made():
    def build(number):
        raise OptionError("It cannot be.")

    name = assets.STORE.offer_parts("handout", "test", build).rpartition("/")[2]
    answer = assets._blob(SimpleNamespace(path_params={"name": f"{name}0"}, headers={}))
    assert (answer.status_code, answer.body) == (422, b"It cannot be.")
    assert answer.headers["cache-control"] == "no-store"
