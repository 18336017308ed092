"""Failures and signals that end a run before its time, and the record of them in its status."""

import contextlib
import signal
from collections.abc import Iterator

from training.distributed import Team
from training.errors import UserError
from training.fit.trainer import TrainingError
from training.runs.run import Run, RunError
from training.runs.status import State
from training.text import SENTENCE_LIMIT, printable, printable_path


class Stopped(Exception):
    """The training ended in good order before its end; the number of the signal, or 0."""


class ProcessLost(TrainingError):
    """Another process of the run is gone."""


@contextlib.contextmanager
def record_failure(run: Run, team: Team) -> Iterator[None]:
    """Write whatever ends the run into its status."""

    def write(state: State, message: str) -> None:
        if team.leads:
            with contextlib.suppress(RunError):  # the disk may be what failed
                run.write_status(state, message=message)

    try:
        yield
    except UserError as error:
        write("failed", str(error))
        raise
    except Stopped:
        raise
    except KeyboardInterrupt:
        write("stopped", "It was interrupted.")
        raise
    except BaseException as error:
        write("failed", printable(f"{type(error).__name__}: {error}", SENTENCE_LIMIT))
        raise


@contextlib.contextmanager
def report_lost_process(run: Run, team: Team) -> Iterator[None]:
    """Raise `ProcessLost` where another process of the team is gone."""
    try:
        yield
    except RuntimeError as error:
        if team.size == 1:
            raise
        raise ProcessLost(
            f"Another process of this run has ended or cannot be reached, so this one stops too "
            f"({printable((str(error).splitlines() or [''])[0], 120)}). Go on with `torchrun "
            f"--nproc-per-node {team.size} -m training resume {printable_path(run.path)}`."
        ) from None


@contextlib.contextmanager
def stop_signals(team: Team) -> Iterator[list[int]]:
    """Collect SIGINT, SIGTERM and SIGHUP, so that the step that is under way can be finished and
    saved. A SIGHUP that is ignored, as `nohup` has it, stays so.

    A process of a team goes on collecting them to its end: where one is lost, `torchrun` sends
    SIGTERM to the others at once, and that must not cut off what they have to say of it.
    """
    stopped: list[int] = []
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {n: signal.signal(n, lambda n, _frame: stopped.append(n)) for n in numbers}
    try:
        yield stopped
    finally:
        if team.size == 1:
            for number, handler in before.items():
                signal.signal(number, handler)
