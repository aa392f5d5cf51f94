"""Writes the checkpoint of a table with delta-rs and prints times in ms and the peak RSS in bytes as JSON: `delta_rs.py FOLDER`."""

import json
import resource
import sys
import time

from deltalake import DeltaTable

started = time.perf_counter()
table = DeltaTable(sys.argv[1])
opened = time.perf_counter()
table.create_checkpoint()
ended = time.perf_counter()
usage = resource.getrusage(resource.RUSAGE_SELF)
cost = {
    "ms": (ended - started) * 1000,
    "openMs": (opened - started) * 1000,
    "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000,
    "peakRss": usage.ru_maxrss * 1024,
}
print(json.dumps(cost))
