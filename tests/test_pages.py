# SPDX-License-Identifier: Apache-2.0
"Each notebook as a page, a module and a test. One page: `pytest tests/test_pages.py -k 05_gradcam`"
import ast
import os
import re
import symtable
import warnings
from collections import Counter

import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from notebooks import (ROOT, code_cells, directives, dirt, exported, find_cifar, flags, module_name,
                       never_run, pages, read, source, start_cell)
from notebooks import text as joined
from pages import records, why_stale
from tools import BIN, LIB, copy, must, tail

MOST = 2*1024**2  # bytes of a page


# What is stored

@pytest.fixture(scope='session')
def cleaned(tmp_path_factory):
    "A copy of the repository after nbdev_clean"
    tree = copy(tmp_path_factory.mktemp('clean')/'tree')
    must(BIN/'nbdev_clean', cwd=tree)
    return tree


def test_is_clean(page, cleaned):
    same = page.read_bytes() == (cleaned/page.relative_to(ROOT)).read_bytes()
    assert same, 'run nbdev_clean'
    ids = Counter(c.get('id') for c in read(page)['cells'])
    assert [o for o, n in ids.items() if n > 1 or not o] == []


def test_has_clean_outputs(page):
    assert dirt(read(page)) == []


def test_outputs_belong_to_code_and_weights(page):
    why = why_stale(page, records(ROOT))
    assert not why, f'run: make pages PAGES={page.stem}'


# What it claims

def numbers(text):
    "What is written as a decimal fraction, with thousands or in per cent: as written, value, unit"
    text = re.sub(r'```.*?```|`[^`]*`|\$[^$]*\$', '', text, flags=re.S)
    for m in re.finditer(r'(?<![\w.,/#-])\d[\d,]*(?:\.\d+)?(?![\w.]\d)(\s?%)?', text):
        digits = m[0].rstrip(' %,')
        if '.' in digits or ',' in digits or m[1]:
            decimals = len(digits.partition('.')[2])
            yield digits, float(digits.replace(',', '')), 10**-decimals


def without_evidence(prose, stored):
    """Numbers of the prose that `stored` does not have, rounded or as a share of 1.

    A sentence with a link states what stands elsewhere; formulas and code derive theirs."""
    found = re.findall(r'\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?', stored)
    values = np.array([float(o.replace(',', '')) for o in found])
    values = np.concatenate([values, 100*values])
    sentences = [o for o in re.split(r'(?<=[.:?!])\s+(?=[A-Z*[])|\n+', prose) if '](' not in o]
    return [digits for o in sentences for digits, x, unit in numbers(o)
            if not (abs(values - x) <= 0.501*unit).any()]


def stored_text(nb):
    "Code of a page and the text of its outputs"
    outputs = [v for c in code_cells(nb) for o in c['outputs']
               for v in [o.get('text', ''), *o.get('data', {}).values()] if v]
    shown = '\n'.join(o for o in map(joined, outputs) if len(o) < MOST)
    shown = re.sub(r'<style.*?</style>|data:image/[^"]*', '', shown, flags=re.S)
    return '\n'.join(map(source, code_cells(nb))) + shown


def test_numbers_are_measured(page):
    nb = read(page)
    prose = [source(c) for c in nb['cells'] if c['cell_type'] == 'markdown']
    assert without_evidence('\n\n'.join(prose), stored_text(nb)) == []


def test_a_wrong_number_is_noticed():
    stored = 'accuracy 94.68%\nshare 0.8561, 10000 images, p = 2e-05'
    right = 'It is right in 94.7 % (85.6 % and 0.86) of 10,000 images, see `0.3`, $0.4$ or 3 of 4.'
    assert without_evidence(right, stored) == []
    wrong = 'It is right in 93.7 % (86.6 % and 0.85) of 11,000 images. [Others](x) have 99.9 %.'
    assert without_evidence(wrong, stored) == ['93.7', '86.6', '0.85', '11,000']


# How it is written

def parsed(cell):
    "Syntax tree of a cell, magics included"
    return ast.parse(TransformerManager().transform_cell(source(cell)))


def bound_and_used(cell):
    "Names that a cell binds at its top level, and those that it takes from the top level"
    top = symtable.symtable(TransformerManager().transform_cell(source(cell)), 'cell', 'exec')

    def used(table):
        names = {s.get_name() for s in table.get_symbols()
                 if s.is_referenced() and (table is top or s.is_global())}
        return names.union(*map(used, table.get_children()))

    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    return bound, used(top) - bound


def test_flagged_cells_lend_nothing(page):
    "No cell without a flag uses a name that only flagged cells bind"
    plain, flagged = [], set()
    for c in code_cells(read(page)):
        bound, used = bound_and_used(c)
        if flags(c) or never_run(c): flagged |= bound
        else: plain.append((c['id'], bound, used))
    only = flagged.difference(*(bound for _, bound, _ in plain))
    assert [(i, used & only) for i, _, used in plain if used & only] == []


def test_begins_with_the_cell_for_colab(page):
    assert source(code_cells(read(page))[0]) == start_cell(page)


def test_runs_no_shell_line(page):
    "A test would not notice when it fails"
    shell = r'^\s*(!|%%?(bash|sh|script|system|sx)\b)'
    assert [c['id'] for c in code_cells(read(page))
            if not never_run(c) and re.search(shell, source(c), re.M)] == []


def test_keeps_imports_in_cells_of_their_own(page):
    "nbdev runs cells with imports while it makes the site, even if they are flagged"
    def has(c, *kinds): return any(isinstance(o, kinds) for o in ast.walk(parsed(c)))
    assert [c['id'] for c in code_cells(read(page)) if not exported(c) and not never_run(c)
            and has(c, ast.Import, ast.ImportFrom) and has(c, ast.Expr, ast.Assign)] == []


def test_figures_have_label_caption_and_alt_text(page):
    lacking = []
    for c in code_cells(read(page)):
        if not any('image/png' in o.get('data', {}) for o in c['outputs']): continue
        d = directives(c)
        lacks = [o for o in ('label', 'fig-cap', 'fig-alt') if not d.get(o)]
        if not d.get('label', 'fig-').startswith('fig-'): lacks.append('label: fig-…')
        if lacks: lacking.append((c['id'], lacks))
    assert lacking == []


def test_has_title_and_subtitle(page):
    assert re.match(r'# \S.*\n\n> \S', source(read(page)['cells'][0]))
    assert page.stat().st_size < MOST


# Where it leads

def text(page):
    "All markdown of a page"
    return '\n'.join(source(c) for c in read(page)['cells'] if c['cell_type'] == 'markdown')


def public(name):
    "What `__all__` of a module says"
    tree = ast.parse((ROOT/LIB/f'{name}.py').read_text(encoding='utf-8'))
    return next(ast.literal_eval(o.value) for o in tree.body
                if isinstance(o, ast.Assign) and o.targets[0].id == '__all__')


def anchors(page):
    "Headings of a page as the site names them, and what it exports"
    heads = re.findall(r'^#+ (.*)', text(page), re.M)
    named = {re.sub(r'[^\w-]+', '-', re.sub(r'[^\w\s-]', '', o.lower())).strip('-') for o in heads}
    name = module_name(read(page))
    return named | set(public(name) if name else [])


def test_links_lead_somewhere(page):
    labels = {directives(c).get('label') for c in code_cells(read(page))}
    dead = [f'@{o}' for o in re.findall(r'@(fig-[\w-]+)', text(page)) if o not in labels]
    for link in re.findall(r'\]\((?![a-z]+:)([^)\s]+)\)', text(page)):
        to, _, anchor = link.partition('#')
        target = (page.parent/to).resolve() if to else page
        if not target.exists(): dead.append(link)
        elif anchor and target.suffix == '.ipynb':
            if anchor not in anchors(target): dead.append(link)
    assert dead == []


# That it runs

def test_runs(page, how, runs):
    "nbdev_test passes: plain without CIFAR-10 and network, and with CIFAR-10"
    if how == 'cifar10' and not find_cifar():
        pytest.skip('CIFAR_CAM_DATA does not name the folder that holds cifar-10-batches-py')
    rc, out = runs.result(page, how)
    for o in re.findall(r'^cell .*', out, re.M): warnings.warn(f'{page.stem}: {o}', stacklevel=1)
    assert rc == 0 and 'Success.' in out, f'nbdev_test exits with {rc}\n{tail(out)}'


def test_running_leaves_no_files(runs):
    runs.wait()
    for how, before in runs.before.items():
        after = runs.files(how)
        assert [o for o in after if after[o] != before.get(o)] == []


@pytest.fixture(scope='session')
def covered(runs, tmp_path_factory):
    "Totals of coverage.py over all pages"
    runs.wait()
    if {p for p, _ in runs.chosen} != set(pages()): pytest.skip('not all pages were run')
    tmp = tmp_path_factory.mktemp('covered')
    where = {'cwd': ROOT, 'env': os.environ | {'COVERAGE_FILE': str(tmp/'.coverage')}}
    must(BIN/'coverage', 'combine', '--keep', runs.data, **where)
    (ROOT/'build').mkdir(exist_ok=True)
    (ROOT/'build'/'coverage.txt').write_text(must(BIN/'coverage', 'report', '-m', **where))
    must(BIN/'coverage', 'json', '-o', tmp/'coverage.json', **where)
    return read(tmp/'coverage.json')['totals']


@pytest.mark.parametrize('what, least', [('lines', 95), ('branches', 90)])
def test_coverage(covered, what, least):
    part, whole = {'lines': ('covered_lines', 'num_statements'),
                   'branches': ('covered_branches', 'num_branches')}[what]
    share = 100*covered[part]/covered[whole]
    assert share >= least, 'build/coverage.txt names what no page runs'
