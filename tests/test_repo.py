# SPDX-License-Identifier: Apache-2.0
"What the notebooks are exported to, what the field's tools say, and what the site is made from"
import importlib
import inspect
import re
import sys
from collections import Counter

import pytest
import yaml
from fastcore.docments import docments
from PIL import Image

from mutants import MUTANTS, mutate
import picture
from notebooks import ROOT, code_cells, directives, pages, read, relative, source
from tools import BIN, CFG, LIB, copy, differing, must

MODULES = sorted(o.stem for o in (ROOT/LIB).glob('[a-z]*.py'))
TOOLS = {
    'ruff': ['ruff', 'check', '--no-cache', '--output-format=concise', '.'],
    'mypy': ['mypy', '--no-color-output', '-p', LIB],
    'import-linter': ['lint-imports', '--no-cache', '--no-logo'],
    'codespell': ['codespell'],
    'check-manifest': ['check-manifest', '--no-build-isolation'],
}


@pytest.mark.parametrize('tool', TOOLS)
def test_tool_finds_nothing(tool):
    if tool == 'check-manifest' and not (ROOT/'.git').exists(): pytest.skip('not a clone of git')
    name, *args = TOOLS[tool]
    must(BIN/name, *args, cwd=ROOT)


def test_package_is_what_nbdev_exports(tmp_path):
    tree = copy(tmp_path/'tree')
    for o in (tree/LIB).glob('[a-z_]*.py'):
        if o.name != '__init__.py': o.unlink()
    must(BIN/'nbdev_export', cwd=tree)
    names = {o.relative_to(d).as_posix() for d in (tree, ROOT) for o in (d/LIB).glob('*.py')}
    assert differing(ROOT, tree, names | {'pyproject.toml'}) == []


@pytest.mark.parametrize('module', MODULES)
def test_parameters_have_a_comment(module):
    "Of every function that is not private, and of every class when it is made"
    mod, lacking = importlib.import_module(f'{LIB}.{module}'), []
    for name, o in vars(mod).items():
        if name[0] == '_' or getattr(o, '__module__', '') != mod.__name__: continue
        if not (inspect.isfunction(o) or inspect.isclass(o) and '__init__' in vars(o)): continue
        comments = docments(o, full=True)
        bases = o.__mro__[1:] if inspect.isclass(o) else []
        fields = {k for base in bases for k in getattr(base, '__annotations__', {})}
        for p in inspect.signature(o).parameters.values():
            needs_one = p.name not in fields and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            if needs_one and not comments[p.name].docment: lacking.append(f'{name}: {p.name}')
    assert lacking == []


def test_readme_and_changelog_are_made(tmp_path):
    "README.md, its figures, llms.txt and the changelog of the site are what `make readme` makes"
    must(sys.executable, ROOT/'.ci'/'readme.py', '--out', tmp_path, cwd=ROOT)
    made = {o.relative_to(tmp_path).as_posix() for o in tmp_path.rglob('*') if o.is_file()}
    old = {o.relative_to(ROOT).as_posix() for o in (ROOT/'nbs'/'images').glob('*-*.png')}
    assert differing(ROOT, tmp_path, made | old) == []


def test_picture_of_the_report_shows_the_report_of_today():
    with Image.open(picture.FILE) as image: shows = image.text['source']
    assert shows == picture.source(), 'the templates or the weights have changed: make picture'


def test_sidebar_names_every_page_once():
    def leaves(o):
        if isinstance(o, str): return [o]
        return [p for c in o for p in leaves(c['contents'] if isinstance(c, dict) else c)]
    sidebar = yaml.safe_load((ROOT/'nbs'/'sidebar.yml').read_text())['website']['sidebar']
    others = {o.name for o in (ROOT/'nbs').glob('*.qmd')} - {'404.qmd'}
    assert Counter(leaves(sidebar['contents'])) == Counter([*map(relative, pages()), *others])


def test_link_to_colab_and_version_are_right():
    colab = CFG['git_url'].replace('//github.com', '//colab.research.google.com/github')
    assert f"colab: {colab}/blob/{CFG['branch']}/nbs" in (ROOT/'_quarto.yml').read_text()
    assert f"text: Version {CFG['version']}\n" in (ROOT/'_quarto.yml').read_text()


def test_references_are_the_papers_that_pages_link_to():
    hosts = ['arxiv.org', 'doi.org', 'proceedings.mlr.press', 'kellerjordan.github.io',
             'www.cs.toronto.edu/~kriz']
    link = rf"\]\((https?://(?:{'|'.join(map(re.escape, hosts))})[^)\s]*)\)"
    linked = {o for p in pages() for c in read(p)['cells'] for o in re.findall(link, source(c))}
    assert linked == set(re.findall(r'url=\{(.*?)\}', (ROOT/'nbs'/'references.bib').read_text()))


def test_labels_are_given_once():
    labels = Counter(directives(c).get('label') for p in pages() for c in code_cells(read(p)))
    assert [o for o, n in labels.items() if o and n > 1] == []


@pytest.mark.parametrize('name', MUTANTS)
def test_mutants_can_be_made(name):
    "What a mutant changes is in one place of the page"
    lost = {}
    for m in MUTANTS[name]:
        try: mutate(name, m)
        except (ValueError, SyntaxError) as e: lost[m['wrong']] = str(e)
    assert lost == {}
