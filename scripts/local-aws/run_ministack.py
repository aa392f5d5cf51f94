"""Runs MiniStack.

Without arguments until standard input ends, so that it never outlives the process that holds the other end, however
that one dies. With an argument, which has no meaning here but marks the process in lists, until it is ended.
"""

import os
import sys
import threading


def exit_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if len(sys.argv) == 1:
    threading.Thread(target=exit_with_parent, daemon=True).start()
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

alarm_record = provisioners._cw_metric_alarm_record


def alarm_record_of_one_metric(name, props):
    """The alarm on the first metric of an expression, which MiniStack refuses. None of its alarms fires, as it has no
    clock that evaluates them, so nothing is lost."""
    metrics = [query["MetricStat"] for query in props.get("Metrics") or [] if "MetricStat" in query]
    if metrics:
        metric = metrics[0]["Metric"]
        names = {name: metric[name] for name in ("MetricName", "Namespace")}
        props = {**props, **names, "Dimensions": metric.get("Dimensions"), "Metrics": None}
    return alarm_record(name, props)


provisioners._cw_metric_alarm_record = alarm_record_of_one_metric

main()
