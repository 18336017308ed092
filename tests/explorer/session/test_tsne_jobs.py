"""t-SNE for many visitors: what is computed, in which order, and what is given up."""

import threading
import time

import numpy as np
import pytest

from explorer.latent import tsne
from explorer.session import tsne_jobs
from explorer.session.tsne_jobs import TsneJob, TsneQueue

MU = np.zeros((12, 2), np.float32)


class Computer:
    """A t-SNE that goes on step by step, as the test says; `began` are the seeds in order."""

    def __init__(self, monkeypatch) -> None:
        self.began: list[int] = []
        self.go = threading.Semaphore(0)
        self.running = 0
        self.most = 0
        monkeypatch.setattr(tsne, "tsne", self.steps)

    def steps(self, mu, *, perplexity, seed):
        self.began.append(seed)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for done in range(1, 4):
                assert self.go.acquire(timeout=10)
                yield tsne.TsneStep(
                    "x", done, 3, np.arange(12), np.full((12, 2), seed, np.float32), None, done == 3
                )
        finally:
            self.running -= 1


@pytest.fixture
def computer(monkeypatch):
    return Computer(monkeypatch)


@pytest.fixture
def ask(tmp_path):
    queue = TsneQueue()

    def asking(seed: int, visitor: str, local: bool = False):
        return queue.ask(MU, 3, seed, tmp_path / f"{seed}.npz", visitor, local)

    return asking


def until(holds) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_many_ask_for_is_computed_once(computer, ask):
    jobs = {ask(7, f"visitor {n}") for n in range(50)}
    assert len(jobs) == 1
    computer.go.release(3)
    until(lambda: isinstance(ask(7, "late"), np.ndarray))
    assert computer.began == [7]
    np.testing.assert_array_equal(ask(7, "later"), np.full((12, 2), 7))


def test_one_visitor_does_not_fill_the_queue(computer, ask):
    for seed in range(30):
        assert isinstance(ask(seed, "busy"), TsneJob)
        until(lambda: computer.began)
    ask(100, "patient")
    computer.go.release(20)
    until(lambda: isinstance(ask(100, "patient"), np.ndarray))
    assert computer.most == 1
    # The first was under way and given up; of the others only the last was still wanted.
    assert computer.began == [0, 29, 100]


def test_the_lecturers_comes_first_and_others_in_their_order(computer, ask):
    ask(0, "first")
    until(lambda: computer.began == [0])
    for seed in (1, 2):
        ask(seed, f"visitor {seed}")
    ask(3, "lecturer", local=True)
    computer.go.release(12)
    until(lambda: len(computer.began) == 4 and not computer.running)
    assert computer.began == [0, 3, 1, 2]


def test_what_nobody_watches_is_given_up(computer, ask, monkeypatch):
    job = ask(0, "gone")
    until(lambda: computer.began == [0])
    waiting = ask(1, "gone too")
    monkeypatch.setattr(tsne_jobs, "PATIENCE", 0.3)
    time.sleep(0.4)
    computer.go.release()
    until(lambda: not computer.running)
    assert job.step.done == 1
    computer.go.release(9)
    again = ask(2, "here")
    until(lambda: not isinstance(ask(2, "here"), TsneJob))
    assert computer.began == [0, 2]
    assert again is not waiting


def test_the_queue_has_an_end(computer, ask):
    ask(0, "first")
    until(lambda: computer.began == [0])
    answers = [ask(n, f"visitor {n}") for n in range(1, tsne_jobs.MOST_WAITING + 2)]
    assert all(isinstance(answer, TsneJob) for answer in answers[:-1])
    assert "in a minute" in answers[-1]
    computer.go.release(100)


@pytest.mark.parametrize(
    ("points", "asked", "given"),
    [(5000, 30, 30), (10_000, 500, 500), (60_000, 30, 30), (60_000, 500, 85), (10**7, 30, 2)],
)
def test_memory_bounds_the_perplexity(points, asked, given):
    assert tsne.affordable(points, asked) == given
