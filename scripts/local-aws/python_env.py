"""Makes a virtual environment once, however many processes ask for it at the same time.

Arguments: the folder of the environment, then the requirements for pip. The lock is one of the kernel's, so that it
ends with the process that holds it. An environment without the marker file was not finished: it is made again.
"""

import fcntl
import pathlib
import shutil
import subprocess
import sys
import venv

folder = pathlib.Path(sys.argv[1])
requirements = sys.argv[2:]
marker = folder / "complete"

folder.parent.mkdir(parents=True, exist_ok=True)
with open(f"{folder}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        status = subprocess.run([*pip, *requirements]).returncode
        if status != 0:
            sys.exit(status)
        marker.touch()
