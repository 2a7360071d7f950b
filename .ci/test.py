# SPDX-License-Identifier: Apache-2.0
"""Every check of this repository, stage by stage; a failure does not stop the stages after it.

Each stage yields (what was checked, None or what is wrong). The last line is `N passed, M failed`."""
import ast
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import symtable
import tarfile
import tempfile
import time
import tokenize
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from IPython.core.inputtransformer2 import TransformerManager

from notebooks import (BATCHES, ROOT, SHELLS, code_cells, directives, dirt, exported, find_cifar, flags, module_name, never_run, place,
                       pages, read, relative, settings, source, start_cell)
from pages import stale

CFG = settings()
LIB = CFG['lib_path']
BIN = Path(sys.prefix)/'bin'
TMP = Path()          # set in main: a folder that is removed at the end
LIMIT = 600           # seconds for one notebook
NOT_COPIED = shutil.ignore_patterns('.git', '.gitconfig', '.last_checked', 'nbdev.yml', '.venv', 'build', 'dist', '_docs', '_proc',
                                    'report', 'runs', '*.egg-info', '__pycache__', '.ipynb_checkpoints', '.ruff_cache',
                                    'node_modules', 'data_batch_*', 'test_batch', 'cifar-10*')


# Tools

def copy(name):
    "A copy of the repository, without what git ignores"
    return Path(shutil.copytree(ROOT, TMP/name, symlinks=True, ignore=NOT_COPIED))


def env(**more):
    "An environment with an empty home, no CIFAR-10 and no network"
    drop = 'CIFAR_CAM_DATA TORCH_HOME IN_TEST MPLBACKEND MPLCONFIGDIR PYTHONDONTWRITEBYTECODE PYTHONPATH VIRTUAL_ENV'.split()
    res = {k: v for k, v in os.environ.items() if k not in drop and 'proxy' not in k.lower()}
    home, nowhere = TMP/'home', 'http://127.0.0.1:9'
    home.mkdir(exist_ok=True)
    res |= {k: nowhere for k in ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']}
    res |= dict(HOME=str(home), XDG_CACHE_HOME=f'{home}/.cache', XDG_CONFIG_HOME=f'{home}/.config', PATH=f"{BIN}:{os.environ['PATH']}",
                OMP_NUM_THREADS=str(max(1, (os.cpu_count() or 2)//2)))
    return res | more


def run(*cmd, limit=LIMIT, **kw):
    "Exit status, stdout and stderr; after `limit` seconds the process and its children are ended"
    p = subprocess.Popen([str(o) for o in cmd], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         errors='replace', process_group=0, **kw)
    try: out, err = p.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        return 124, out, f'{err}\nended after {limit} s'
    return p.returncode, out, err


def must(*cmd, **kw):
    "stdout of a command that has to succeed"
    rc, out, err = run(*cmd, **kw)
    if rc: raise RuntimeError(f"{' '.join(str(o) for o in cmd)} exits {rc}\n{tail(out + err)}")
    return out


def tail(s, n=25): return '\n'.join(re.sub(r'\x1b\[[0-9;]*m', '', s).strip().splitlines()[-n:])
def listed(probs): return '; '.join(probs) or None


def differing(a, b, names):
    "Names of the files that are not the same in folders `a` and `b`"
    def get(p): return p.read_bytes() if p.is_file() else None
    return [f'{o} differs' for o in sorted(names) if get(a/o) != get(b/o)]


def snapshot(root): return {o.relative_to(root): o.stat().st_mtime_ns for o in root.rglob('*') if o.is_file() and '__pycache__' not in o.parts}


def python(cell):
    "Source of a cell as plain Python, magics included"
    return TransformerManager().transform_cell(source(cell))


# Stages

def export():
    "The package is what the notebooks export"
    tree = copy('export')
    lib = tree/LIB
    for o in lib.rglob('*.py'):
        if o.name != '__init__.py': o.unlink()
    must(BIN/'nbdev_export', cwd=tree)
    names = {str(o.relative_to(d)) for d in (tree, ROOT) for o in (d/LIB).rglob('*.py')} | {'pyproject.toml'}
    for o in sorted(names): yield f'{o} is what nbdev_export writes', listed(differing(ROOT, tree, [o]))
    before = {o: (tree/o).read_bytes() for o in names if (tree/o).exists()}
    must(BIN/'nbdev_export', cwd=tree)
    yield 'a second export changes nothing', listed([o for o in before if (tree/o).read_bytes() != before[o]])


def clean():
    "Notebooks are clean, and so are their outputs"
    tree = copy('clean')
    _, out, err = run(BIN/'nbdev_clean', cwd=tree)
    for p in pages():
        nb, probs = read(p), differing(ROOT/'nbs', tree/'nbs', [relative(p)])
        ids = [c.get('id') for c in nb['cells']]
        if not all(ids) or len(set(ids)) < len(ids): probs.append('cells without an id of their own')
        yield f'{p.stem} is as nbdev_clean leaves it', listed(probs)
        yield f'{p.stem} has clean outputs', listed(dirt(nb))
    yield 'nbdev_clean says nothing', tail(out + err) or None


def lint():
    "Linter"
    rc, out, err = run(BIN/'ruff', 'check', '--no-cache', '--output-format=concise', LIB, '.ci', 'setup.py', cwd=ROOT)
    yield f'ruff check {LIB} .ci setup.py', tail(out + err, 60) if rc else None


def types():
    "Annotations of what the package offers, checked by mypy"
    rc, out, err = run(sys.executable, '-m', 'mypy', '--no-color-output', '--cache-dir', TMP/'mypy', '-p', LIB, cwd=ROOT)
    offered = {o.relative_to(ROOT).as_posix(): signatures(o.read_text(encoding='utf-8')) for o in (ROOT/LIB).glob('*.py')}
    said = [re.match(r'([^:]+):(\d+): error: (.*)', o) for o in out.splitlines()]
    probs = [m[0] for m in said if m and ('[no-untyped-def]' not in m[3] or int(m[2]) in offered[m[1]])]
    yield f'mypy reads {LIB}', None if rc in (0, 1) and re.search(r'^(Found|Success)', out, re.M) else tail(out + err)
    yield 'every exported function and method says what it takes and gives', tail('\n'.join(probs), 60) or None


def signatures(src):
    "Lines on which exported functions, and methods of exported classes, begin; names that begin with one _ are nobody's business"
    def mine(name): return name[0] != '_' or name[:2] == '__'
    tops = [o for o in ast.parse(src).body if getattr(o, 'name', None) in public(src) or 'patch' in map(ast.unparse, getattr(o, 'decorator_list', []))]
    return {f.lineno for o in tops for f in ([o] if isinstance(o, ast.FunctionDef) else o.body) if isinstance(f, ast.FunctionDef) and mine(f.name)}


UNTESTED = set() # exported names that need no check on their page

def rules():
    "Pages and what they export"
    modules = {name: place(p) for p in pages() if (name := module_name(read(p)))}
    for p in pages():
        nb = read(p)
        name = module_name(nb)
        if name and (ROOT/LIB/f'{name}.py').exists():
            src = (ROOT/LIB/f'{name}.py').read_text(encoding='utf-8')
            yield f'{p.stem} checks each name it exports', listed([f'{o} is not checked' for o in unchecked(nb, src)])
            yield f'{p.stem} documents what it exports', listed(undocumented(src))
        yield f'{p.stem} imports from earlier pages only', listed(upward(nb, place(p), modules))
        yield f'{p.stem} runs without its flagged cells', listed(borrowed(nb))
        yield f'{p.stem} begins with the cell for Colab', None if source(code_cells(nb)[0]) == start_cell(p) else f'it must be\n{start_cell(p)}'
        yield f'{p.stem} runs no shell line', listed(shell_lines(nb))
        yield f'{p.stem} keeps imports in cells of their own', listed(mixed(nb))


def public(src):
    "What `__all__` of a module says"
    return next((ast.literal_eval(o.value) for o in ast.parse(src).body if isinstance(o, ast.Assign) and getattr(o.targets[0], 'id', '') == '__all__'), [])


def unchecked(nb, src):
    "Exported names that appear in no plain cell of the page that also holds a check"
    seen = set()
    for c in code_cells(nb):
        if exported(c) or flags(c) or never_run(c): continue
        nodes = list(ast.walk(ast.parse(python(c))))
        calls = [getattr(o.func, 'id', getattr(o.func, 'attr', '')) for o in nodes if isinstance(o, ast.Call)]
        if any(o.startswith('test_') for o in calls) or any(isinstance(o, ast.Assert) for o in nodes):
            seen |= {o.id for o in nodes if isinstance(o, ast.Name)} | {o.attr for o in nodes if isinstance(o, ast.Attribute)}
    return [o for o in public(src) if o not in seen | UNTESTED]


def undocumented(src):
    "Exported functions and classes without a docstring, and their parameters without a comment"
    comments = {t.start[0]: t.line.strip().startswith('#') for t in tokenize.generate_tokens(io.StringIO(src).readline) if t.type == tokenize.COMMENT}
    res, names = [], public(src)

    def check(node, what, params):
        for o, nxt in zip(params, [*params[1:], None]):
            last = nxt is None or nxt.lineno > o.lineno
            above = o.lineno - 1 > node.lineno and comments.get(o.lineno - 1)
            if not (last and o.lineno in comments or above): res.append(f'{what}: parameter {o.arg} has no comment')

    def params(f):
        a = f.args
        delegates = any('delegates' in ast.unparse(o) for o in f.decorator_list)
        every = a.posonlyargs + a.args + [a.vararg] + a.kwonlyargs + [a.kwarg]
        return [o for o in every if o and o.arg not in {'self', 'cls'} and not (delegates and o is a.kwarg)]

    for o in ast.parse(src).body:
        if not isinstance(o, (ast.FunctionDef, ast.ClassDef)) or o.name not in names: continue
        if not ast.get_docstring(o): res.append(f'{o.name} has no docstring')
        if isinstance(o, ast.FunctionDef): check(o, o.name, params(o))
        elif any('dataclass' in ast.unparse(d) for d in o.decorator_list):
            fields = [f for f in o.body if isinstance(f, ast.AnnAssign)]
            for f in fields: f.arg = f.target.id
            check(o, o.name, fields)
        else:
            for f in o.body:
                if isinstance(f, ast.FunctionDef) and f.name == '__init__': check(f, o.name, params(f))
    return res


def upward(nb, n, modules):
    "Imports of our modules that are not before page `n` (a demo cell may use its own)"
    res = []
    for c in code_cells(nb):
        if never_run(c): continue
        for o in ast.walk(ast.parse(python(c))):
            if isinstance(o, ast.Import): names = [a.name for a in o.names if a.name.split('.')[0] == LIB]
            elif isinstance(o, ast.ImportFrom) and (o.level or (o.module or '').split('.')[0] == LIB):
                names = [o.module] if o.module not in {LIB, None} else [f'{LIB}.{a.name}' for a in o.names]
            else: continue
            for m in (a.removeprefix(f'{LIB}.').split('.')[0] for a in names):
                if m in modules and not (modules[m] < n or modules[m] == n and not exported(c)): res.append(f"cell {c.get('id')} imports {m}")
    return res


def bound_and_used(cell):
    "Names that a cell binds at its top level, and those that it takes from the top level"
    top = symtable.symtable(python(cell), 'cell', 'exec')

    def used(table):
        return {s.get_name() for s in table.get_symbols() if s.is_referenced() and (table is top or s.is_global())}.union(*map(used, table.get_children()))

    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    return bound, used(top) - bound


def borrowed(nb):
    "Names that plain cells use and only flagged cells bind"
    plain, flagged = [], set()
    for c in code_cells(nb):
        if flags(c) or never_run(c): flagged |= bound_and_used(c)[0]
        else: plain.append((c, *bound_and_used(c)))
    only = flagged.difference(*(b for _, b, _ in plain))
    return [f"cell {c.get('id')} uses {o}" for c, _, used in plain for o in sorted(used & only)]


def shell_lines(nb):
    "Cells with a line for the shell: a test does not notice when it fails"
    pat = re.compile(r"get_ipython\(\)\.(system|getoutput)\(|run_(cell|line)_magic\('(%s)'" % '|'.join(SHELLS))
    return [f"cell {c.get('id')}" for c in code_cells(nb) if not never_run(c) and pat.search(python(c))]


def mixed(nb):
    "Cells with an import and other code: they would be executed while the site is made, even if they are flagged"
    def has(c, *kinds): return any(isinstance(o, kinds) for o in ast.walk(ast.parse(python(c))))
    return [f"cell {c.get('id')}" for c in code_cells(nb)
            if not exported(c) and not never_run(c) and has(c, ast.Import, ast.ImportFrom) and has(c, ast.Expr, ast.Assign)]


SITE = '''
if __name__ == '__main__':
    from nbdev.doclinks import _build_modidx
    from nbdev.quarto import nbdev_sidebar, refresh_quarto_yml
    from nbdev.serve import proc_nbs
    refresh_quarto_yml()
    _build_modidx()
    nbdev_sidebar.__wrapped__()
    proc_nbs(force=True)
'''

def site():
    "The site, up to Quarto"
    tree = copy('site')
    (TMP/'site.py').write_text(SITE)
    rc, out, err = run(sys.executable, TMP/'site.py', cwd=tree, env=env())
    lost = [o for o in map(relative, pages()) if not (tree/'_proc'/o).exists()]
    yield 'nbdev prepares every page for Quarto', tail(out + err, 30) if rc else listed([f'{o} is missing' for o in lost])
    beside = 'sidebar.yml colab.lua references.bib llms.txt styles.css images/card.png'.split()
    yield 'and what lies beside them', listed([f'{o} is missing' for o in beside if not (tree/'_proc'/o).exists()])
    yield 'the sidebar names every page, once', listed(sidebar_problems())
    yield 'the link to Colab leads to the notebooks', None if f"colab: {in_colab()}" in (ROOT/'_quarto.yml').read_text() else f'in _quarto.yml it must be {in_colab()}'
    yield 'references.bib holds the papers that pages link to', listed(paper_problems())
    labels = {relative(p): [d['label'] for c in code_cells(read(p)) if (d := directives(c)).get('label')] for p in pages()}
    twice = [o for o, n in Counter(sum(labels.values(), [])).items() if n > 1]
    yield 'each label is given once', listed(twice)
    for p in pages(): yield f'{p.stem} can be read on the site', listed([*unlabelled(p), *dead_links(p, labels[relative(p)]), *misspelt(p)])


def in_colab(): return CFG['git_url'].replace('https://github.com', 'https://colab.research.google.com/github') + f"/blob/{CFG['branch']}/nbs"


def sidebar_problems():
    "Pages that the sidebar lacks, or names twice, or that are not there"
    def leaves(o): return [o] if isinstance(o, str) else [p for c in o for p in leaves(c['contents'] if isinstance(c, dict) else c)]
    named = Counter(leaves(yaml.safe_load((ROOT/'nbs'/'sidebar.yml').read_text())['website']['sidebar']['contents']))
    there = {*map(relative, pages()), *(o.name for o in (ROOT/'nbs').glob('*.qmd') if o.name != '404.qmd')}
    return [f'{o} is missing' for o in sorted(there - set(named))] + [f'{o} is no page' for o in sorted(set(named) - there)] + \
           [f'{o} is named {n} times' for o, n in named.items() if n > 1]


PAPERS = r'https?://(?:arxiv\.org|doi\.org|proceedings\.mlr\.press|kellerjordan\.github\.io|www\.cs\.toronto\.edu/~kriz)[^)\s]*'

def paper_problems():
    "Papers that a page links to and references.bib lacks, or the other way round"
    linked = {o for p in pages() for c in read(p)['cells'] for o in re.findall(r'\]\((%s)\)' % PAPERS, source(c))}
    kept = re.findall(r'url=\{(.*?)\}', (ROOT/'nbs'/'references.bib').read_text(encoding='utf-8'))
    return [f'{o} is missing' for o in sorted(linked - set(kept))] + [f'no page links to {o}' for o in sorted(set(kept) - linked)]


MISSPELT = r'\b(Grad-?Cam|GradCAM|gradcam|Cifar-?10|CIFAR10|Resnet-?18|ResNet18|Pytorch|One-?cycle|OneCycle|Cifar_cam)\b'

def misspelt(path):
    "Names that are written in another way than everywhere else, outside code and links"
    for c in read(path)['cells']:
        if c['cell_type'] != 'markdown': continue
        said = re.sub(r'```.*?```|`[^`]*`|\]\([^)]*\)', '', source(c), flags=re.S)
        yield from (f'cell {c["id"]} says {o}' for o in re.findall(MISSPELT, said))


def unlabelled(path, most=2*1024**2):
    "What a page lacks: title, subtitle, or label, caption and text of a figure"
    nb = read(path)
    if not re.match(r'# \S.*\n\n> \S', source(nb['cells'][0])): yield 'the first cell is no title with a subtitle below'
    if path.stat().st_size > most: yield f'has {path.stat().st_size//1024} KB, more than {most//1024}'
    for c in code_cells(nb):
        d = directives(c)
        lacks = [o for o in ('label', 'fig-cap', 'fig-alt') if not d.get(o)]
        drawn = any('image/png' in o.get('data', {}) for o in c['outputs'])
        if drawn and lacks: yield f"the figure of cell {c['id']} has no {', '.join(lacks)}"
        if drawn and not d.get('label', 'fig-').startswith('fig-'): yield f"the label of cell {c['id']} does not begin with fig-"


def dead_links(path, labels):
    "Links and cross-references of a page that lead nowhere"
    text = '\n'.join(source(c) for c in read(path)['cells'] if c['cell_type'] == 'markdown')
    yield from (f'@{o} is no figure of this page' for o in re.findall(r'@(fig-[\w-]+)', text) if o not in labels)
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        to, _, anchor = link.partition('#')
        if re.match(r'[a-z]+:', link): continue
        target = (path.parent/to).resolve() if to else path
        if not target.exists(): yield f'{link} does not exist'
        elif anchor and target.suffix == '.ipynb' and anchor not in anchors(target): yield f'{link} is no heading and no exported name there'


def anchors(path):
    "Headings of a page as the site names them, and what it exports"
    nb = read(path)
    heads = [m[1] for c in nb['cells'] if c['cell_type'] == 'markdown' for m in re.finditer(r'^#+ (.*)', source(c), re.M)]
    src = ROOT/LIB/f'{module_name(nb)}.py'
    return {re.sub(r'[^\w-]+', '-', re.sub(r'[^\w\s-]', '', h.lower())).strip('-') for h in heads} | set(public(src.read_text(encoding='utf-8')) if src.exists() else [])


def derived():
    "What is made from notebooks, and stored outputs"
    must(sys.executable, ROOT/'.ci'/'readme.py', '--out', TMP/'readme', cwd=ROOT)
    def names(d): return {str(o.relative_to(d)) for o in [d/'README.md', d/'nbs'/'llms.txt', d/'nbs'/'changelog.qmd', d/'nbs'/'images'/'card.png',
                                                          *(d/'nbs'/'images').glob('index-*.png')]}
    yield 'README.md, its figures, llms.txt and the changelog of the site are what `make readme` makes', listed(differing(ROOT, TMP/'readme', names(ROOT) | names(TMP/'readme')))
    for name, why in stale().items(): yield f'{name}: stored outputs belong to its code and the weights', why


def notebooks_plain():
    "Notebooks, without flags, without CIFAR-10, without network"
    yield from execute(copy('plain'), pages())


def notebooks_cifar10():
    "Notebooks with CIFAR-10"
    data = find_cifar()
    if not data: return print('not run: no CIFAR-10 here (CIFAR_CAM_DATA names the folder that holds cifar-10-batches-py)')
    flagged = [p for p in pages() if any('cifar10' in flags(c) for c in code_cells(read(p)))]
    if not flagged: return print('not run: no cell is flagged cifar10')
    yield from execute(copy('cifar10'), flagged, '--flags', 'cifar10', CIFAR_CAM_DATA=str(data))


def execute(tree, nbs, *args, **more):
    "Run nbdev_test on each notebook, two at a time, in a copy of the repository; cells that take long are named"
    def one(p):
        start = time.time()
        rc, out, err = run(sys.executable, ROOT/'.ci'/'timed.py', '--path', f'nbs/{relative(p)}', *args, cwd=tree, env=env(**more))
        ok, long = rc == 0 and 'Success.' in out, re.findall(r'^cell .*', out, re.M)
        return f'{p.stem} runs ({"; ".join([f"{time.time() - start:.0f} s", *long])})', None if ok else f'nbdev_test exits {rc}\n{tail(out + err)}'

    yield 'there are notebooks', None if nbs else 'none found in nbs'
    before = snapshot(tree)
    with ThreadPoolExecutor(2) as ex: yield from ex.map(one, nbs)
    after = snapshot(tree)
    yield 'notebooks leave no files behind', listed([str(o) for o in after if after[o] != before.get(o)])


def package():
    "The package as a user gets it, without nbdev and Jupyter"
    tree, dist, out = copy('source'), TMP/'dist', TMP/'outside'
    out.mkdir()
    must(BIN/'uv', 'build', '-q', '--python', sys.executable, '--out-dir', dist, tree)
    wheel, sdist = next(dist.glob('*.whl')), next(dist.glob('*.tar.gz'))
    yield 'the wheel holds the package and nothing else', listed(wheel_problems(wheel))
    yield 'the sdist holds the whole repository, and no CIFAR-10', listed(sdist_problems(sdist, tree))

    py = TMP/'user'/'bin'/'python'
    must(BIN/'uv', 'venv', '-q', '--python', sys.executable, TMP/'user')
    must(BIN/'uv', 'pip', 'install', '-q', '--python', py, '-c', ROOT/'.ci'/'lock.txt', wheel)
    where = dict(cwd=out, env=env(PATH=f"{py.parent}:{os.environ['PATH']}"))
    rc, _, _ = run(py, '-c', 'import nbdev', **where)
    yield 'nbdev is not installed with it', None if rc else 'it is'
    with ThreadPoolExecutor(2) as ex:
        yield from ex.map(lambda m: imported(py, m, where), [LIB, *(f'{LIB}.{o.stem}' for o in sorted((ROOT/LIB).glob('[a-z]*.py')))])
    for o in CFG.get('console_scripts', '').split(): yield helps(py.parent/o.split('=')[0], where)
    said = must(py.parent/f'{LIB}_explain', '--version', **where).strip()
    yield '--version says the version', None if said == f"{LIB} {CFG['version']}" else said
    yield from explains(py, where, out)
    must(BIN/'uv', 'pip', 'install', '-q', '--python', py, 'fastcore>=2')
    for name, why in [helps(py.parent/f'{LIB}_explain', where), *explains(py, where, out)]: yield f'with fastcore 2, {name}', why


HEAVY = {'torchvision', 'albumentations', 'cv2', 'scipy', 'sklearn', 'torch_lr_finder', 'pytorch_grad_cam', 'jinja2', 'IPython'}

def imported(py, module, where):
    "A module can be imported by itself, and brings nothing that takes long to load and that few of its functions need; the package not even PyTorch"
    late = HEAVY | ({'torch', 'numpy', 'pandas', 'matplotlib'} if module in (LIB, f'{LIB}.cli') else set())
    rc, out, err = run(py, '-c', f'import sys, {module}; print(*{late} & set(sys.modules))', **where)
    return f'{module} is imported, and no more than it needs', tail(out + err) if rc or out.strip() else None


def wheel_problems(wheel, most=30*1024**2):
    "What is missing from the wheel, or too much in it"
    z = zipfile.ZipFile(wheel)
    names = {o for o in z.namelist() if '.dist-info/' not in o}
    want = {o.relative_to(ROOT).as_posix() for o in (ROOT/LIB).rglob('*') if o.is_file() and '__pycache__' not in o.parts and o.name[0] != '.'}
    res = [f'{o} is missing' for o in sorted(want - names)] + [f'{o} does not belong in it' for o in sorted(names - want)]
    res += [f'no file in {LIB}/{d}' for d in ['weights', 'templates'] if not any(o.startswith(f'{LIB}/{d}/') for o in names)]
    meta = z.read(next(o for o in z.namelist() if o.endswith('.dist-info/METADATA'))).decode()
    dev = {re.match(r'[\w.-]+', o)[0] for o in CFG['dev_requirements'].split()} - {re.match(r'[\w.-]+', o)[0] for o in CFG['requirements'].split()}
    needs = [o for o in re.findall(r'^Requires-Dist: (.*)', meta, re.M) if 'extra ==' not in o]
    if wheel.stat().st_size > most: res.append(f'it has {wheel.stat().st_size/1024**2:.0f} MB, more than {most/1024**2:.0f}')
    return res + [f'it requires {o}' for o in needs if re.match(r'[\w.-]+', o)[0] in dev]


def sdist_problems(sdist, tree):
    "What of the repository is missing from the sdist, or must not be in it"
    names = {o.name.split('/', 1)[-1] for o in tarfile.open(sdist)}
    made = re.compile(r'(build|__pycache__|.*\.egg-info)/') # by the build
    want = sorted(p for o in tree.rglob('*') if o.is_file() and not made.search(p := o.relative_to(tree).as_posix()))
    return [f'{o} is missing' for o in want if o not in names] + [f'{o} must not be in it' for o in names if Path(o).name in BATCHES]


def helps(script, where):
    "`--help` answers; how fast is a matter for benchmarks"
    try: rc, out, err = run(script, '--help', limit=60, **where)
    except OSError as e: return f'{script.name} --help', str(e)
    return f'{script.name} --help', None if not rc and 'usage' in out.lower() else f'exits {rc}\n{tail(out + err)}'


def explains(py, where, out):
    "cifar_cam_explain on a picture, on a file that is none, and on no file"
    script, pil = py.parent/'cifar_cam_explain', 'from PIL import Image; '
    must(py, '-c', pil + "Image.linear_gradient('L').resize((48, 40)).convert('RGB').save('picture.png')", **where)
    (out/'broken.png').write_text('not a picture')

    def good():
        must(script, 'picture.png', '--out', 'cam.png', **where)
        return must(py, '-c', pil + "print(Image.open('cam.png').format)", **where).strip()
    try: made = good()
    except (OSError, RuntimeError) as e: made = str(e)
    yield 'cifar_cam_explain writes a PNG', None if made == 'PNG' else made

    for name in ['broken.png', 'missing.png']:
        try: rc, text, err = run(script, name, '--out', 'bad.png', **where)
        except OSError as e: rc, text, err = 0, '', str(e)
        said = (text + err).strip()
        ok = rc and len(said.splitlines()) == 1 and name in said and not (out/'bad.png').exists()
        yield f'cifar_cam_explain refuses {name} in one line', None if ok else f'exits {rc}\n{tail(said)}'


STAGES = [export, clean, lint, types, rules, derived, site, notebooks_plain, notebooks_cifar10, package]


def main():
    global TMP
    chosen = [o for o in STAGES if o.__name__ in sys.argv[1:]] if sys.argv[1:] else STAGES
    if len(chosen) < len(sys.argv[1:]): sys.exit(f"stages are: {' '.join(o.__name__ for o in STAGES)}")
    if 'CIFAR_CAM_DATA' in os.environ: os.environ['CIFAR_CAM_DATA'] = str(Path(os.environ['CIFAR_CAM_DATA']).resolve())
    passed = failed = 0
    (ROOT/'build').mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT/'build', prefix='test-', ignore_cleanup_errors=True) as tmp:
        TMP = Path(tmp)
        for stage in chosen:
            start = time.time()
            print(f'\n== {stage.__name__}: {stage.__doc__}', flush=True)

            def results(stage=stage):
                try: yield from stage()
                except Exception as e: yield f'the stage {stage.__name__} itself', f'{type(e).__name__}: {e}'

            for name, error in results():
                passed, failed = passed + (not error), failed + bool(error)
                print(f'FAIL {name}: {error}' if error else f'ok   {name}', flush=True)
            print(f'-- {time.time() - start:.0f} s', flush=True)
    print(f'{passed} passed, {failed} failed')
    sys.exit(bool(failed))


if __name__ == '__main__': main()
