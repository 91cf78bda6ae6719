"""How much memory a process of its own has held at most, as code for that process."""

PEAK = r"""
import re
from pathlib import Path

def peak():
    # In MiB. Not ru_maxrss: there the process counts, too, from which this one was started.
    [kibibytes] = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(kibibytes) // 1024
"""
