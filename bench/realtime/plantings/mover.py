# Moves a thread to another CPU at a time of CLOCK_MONOTONIC, from outside: "NS THREAD CPU" a line.
import os
import sys
import time

for line in sys.stdin:
    at, thread, cpu = (int(word) for word in line.split())
    time.sleep(max(0, at - time.monotonic_ns() - 1_000_000) / 1e9)
    while time.monotonic_ns() < at:
        pass
    os.sched_setaffinity(thread, {cpu})
