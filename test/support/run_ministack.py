"""Runs MiniStack until standard input ends, so that it never outlives the test process, however that one dies."""

import os
import sys
import threading


def exit_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


threading.Thread(target=exit_with_parent, daemon=True).start()
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402

main()
