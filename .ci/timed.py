# SPDX-License-Identifier: Apache-2.0
"""nbdev_test, with a line for each cell that takes longer than 20 seconds"""
import time

from execnb.shell import CaptureShell
from nbdev.test import nbdev_test

LIMIT = 20
plain = CaptureShell.cell


def timed(self, cell, **kw):
    start = time.time()
    try: return plain(self, cell, **kw)
    finally:
        took = time.time() - start
        if took > LIMIT: print(f'cell {cell.id} takes {took:.0f} s', flush=True)


CaptureShell.cell = timed
nbdev_test()
