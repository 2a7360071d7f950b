# SPDX-License-Identifier: Apache-2.0
"""nbdev_test, for coverage.py: an exported cell runs under the name and the lines of its module.

A cell that takes longer than 20 seconds gets a line in the output."""
import ast
import re
import time
from pathlib import Path

from execnb.shell import CaptureShell
from nbdev.config import get_config
from nbdev.test import nbdev_test

LIMIT = 20
plain = CaptureShell.cell


def exported_lines():
    "Cell id -> (file of its module, the line before its code), from the comments that nbdev writes"
    return {m[1]: (str(file), n)
            for file in Path(get_config().lib_path).resolve().glob('*.py')
            for n, line in enumerate(file.read_text(encoding='utf-8').splitlines(), 1)
            if (m := re.match(r'# %% \S+ #(\S+)$', line))}


class Shift:
    "Moves a cell, as Python parses it, down by `n` lines"
    def __init__(self, n): self.n = n
    def visit(self, tree): return ast.increment_lineno(tree, self.n)


def timed(self, cell, **kw):
    "Run a cell where its module has it"
    file, before = LINES.get(cell.id, (None, 0))
    self.ast_transformers = [Shift(before)] if file else []
    if file: self.compile.cache = lambda *a, **kw: file
    start = time.time()
    try:
        return plain(self, cell, **kw)
    finally:
        self.ast_transformers = []
        self.compile.__dict__.pop('cache', None)
        took = time.time() - start
        if took > LIMIT: print(f'cell {cell.id} takes {took:.0f} s', flush=True)


LINES = exported_lines()
CaptureShell.cell = timed
nbdev_test()
