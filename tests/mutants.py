# SPDX-License-Identifier: Apache-2.0
"""Mutants of the maps: pages with one error in their code, which their tests have to notice.

mutants.toml has for each page what is wrong, the code as it is, and the code with the error. Spaces
and line breaks do not matter when the code is looked for. `make mutants` runs them."""
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from notebooks import ROOT, code_cells, exported, read, source
from tools import BIN, copy, env, run, tail

MUTANTS = tomllib.loads(Path(__file__).with_suffix('.toml').read_text(encoding='utf-8'))


def mutate(page, mutant):
    "The notebook with the error, in the one place of its exported cells where the code is"
    nb = read(ROOT/'nbs'/f'{page}.ipynb')
    tokens = re.findall(r'\w+|\S', mutant['old'])
    pattern = re.compile(r'\s*'.join(map(re.escape, tokens)))
    found = [(c, m) for c in code_cells(nb) if exported(c) for m in pattern.finditer(source(c))]
    if len(found) != 1: raise ValueError(f"{mutant['old']!r} is in {len(found)} places")
    cell, m = found[0]
    cell['source'] = source(cell)[:m.start()] + mutant['new'] + source(cell)[m.end():]
    compile(cell['source'], mutant['wrong'], 'exec')  # not noticed for a syntax error
    return nb


@pytest.fixture(scope='session')
def passes(tmp_path_factory, home):
    "Does a page, as it is given, run to its end?"
    tree = copy(tmp_path_factory.mktemp('mutants')/'tree')

    def run_page(page, nb):
        path = tree/'nbs'/f'{page}.ipynb'
        path.write_text(json.dumps(nb), encoding='utf-8')
        more = {'PYTHONPATH': str(tree), 'OMP_NUM_THREADS': str(os.cpu_count() or 1)}
        rc, out = run(BIN/'nbdev_test', '--path', path, cwd=tree, env=env(home, **more))
        path.write_bytes((ROOT/'nbs'/path.name).read_bytes())
        assert rc == 0 or 'nbdev Tests Failed' in out, f'nbdev_test exits with {rc}\n{tail(out)}'
        return rc == 0
    return run_page


@pytest.mark.parametrize('name', MUTANTS)
def test_passes_as_it_is(name, passes):
    passed = passes(name, read(ROOT/'nbs'/f'{name}.ipynb'))
    assert passed


EACH = [pytest.param(name, o, id=f"{name}: {o['wrong']}")
        for name in MUTANTS for o in MUTANTS[name]]


@pytest.mark.parametrize('name, mutant', EACH)
def test_is_noticed(name, mutant, passes):
    noticed = not passes(name, mutate(name, mutant))
    assert noticed
