"""Niceness that counts where processors are scarce: of the process, and of its session.

Linux weighs sessions against each other before it weighs what runs inside one (autogroups, sched(7)): each child of ours has a
session of its own, so that ``nice`` alone changes nothing. Inside a control group for processors it is the other way round.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Final

BEHIND: Final = 5
"""Of what releases wait for: they leave on a ladder of times, and the service, its parsers and dry runs come first."""
LAST: Final = 15
"""Of training, behind every question."""

_SESSION: Final = "/proc/self/autogroup"
_TRIES, _PAUSE_S = 50, 0.11  # the system takes one such change in 0.1 s, of all its users but root


def stand_behind(niceness: int) -> None:
    """Let others go first from now on. Before ``harden``, after which the file is not ours to open."""
    os.nice(niceness)
    if os.getsid(0) != os.getpid():
        return  # another's session would stand back with us
    try:
        session = os.open(_SESSION, os.O_WRONLY)
    except OSError:  # no such thing here
        return
    if _told(session, niceness):
        os.close(session)
    else:
        threading.Thread(target=_tell, args=(session, niceness), daemon=True).start()


def _told(session: int, niceness: int) -> bool:
    """Whether there is nothing more to do: it is set, or cannot be."""
    try:
        os.write(session, str(niceness).encode())
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _tell(session: int, niceness: int) -> None:
    for _ in range(_TRIES):
        time.sleep(_PAUSE_S)
        if _told(session, niceness):
            break
    os.close(session)
