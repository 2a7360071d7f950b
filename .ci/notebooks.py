# SPDX-License-Identifier: Apache-2.0
"What the scripts of this folder share: where things are, and how a notebook is read"
import base64
import configparser
import hashlib
import json
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BATCHES = [f'data_batch_{i}' for i in range(1, 6)] + ['test_batch']


def settings(root=ROOT):
    "The one section of `settings.ini`"
    ini = configparser.ConfigParser(delimiters=['='])
    ini.read(Path(root)/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']


def pages(root=ROOT):
    "The notebooks, in order: pages, then tutorials"
    return [o for d in ('nbs', 'nbs/tutorials') for o in sorted((Path(root)/d).glob('*.ipynb'))
            if o.name[0] not in '._']


def relative(path): return Path(path).relative_to(ROOT/'nbs').as_posix()


def read(path): return json.loads(Path(path).read_text(encoding='utf-8'))
def source(cell): return ''.join(cell['source'])
def text(o): return ''.join(o) if isinstance(o, list) else str(o)
def sha(s): return hashlib.sha256(s if isinstance(s, bytes) else s.encode()).hexdigest()


def code_cells(nb):
    "Cells of code that are not empty"
    return [c for c in nb['cells'] if c['cell_type'] == 'code' and source(c).strip()]


def directives(cell):
    "`#| name: value` lines at the top of a cell, as a dict"
    res = {}
    for line in source(cell).splitlines():
        m = re.match(r'\s*#\s*\|\s*([\w-]+):?\s*(.*)', line)
        if m: res[m[1]] = m[2].strip()
        elif line.strip() and not line.startswith('%%'): break
    return res


def without_directives(cell):
    "Source of a cell without its `#|` lines"
    return re.sub(r'^\s*#\s*\|.*\n?', '', source(cell), flags=re.M).strip('\n')


def exported(cell): return any(o.startswith('export') for o in directives(cell))
def flags(cell): return set(directives(cell)) & set(settings()['tst_flags'].split())


def never_run(cell):
    "Cells that no test runs"
    return directives(cell).get('eval', '').lower() == 'false' or 'nbdev_export(' in source(cell)


def start_cell(path):
    "The first code cell of every page, for those who open it elsewhere; no test runs it"
    cfg = settings()
    folder = f"/tmp/{cfg['repo']}"
    nbs = f"{folder}/nbs/{Path(relative(path)).parent.as_posix()}".removesuffix('/.')
    return f"""#| hide
#| eval: false
# In Colab or on Kaggle: the package, the files that this page reads, CIFAR-10 if it can be had
import os,sys
if 'google.colab' in sys.modules or 'KAGGLE_KERNEL_RUN_TYPE' in os.environ:
    !git clone -q --depth 1 {cfg['git_url']} {folder}
    !pip install -q '{folder}[dev]'
    %cd -q {nbs}
    from {cfg['lib_path']}.data import ready_notebook
    ready_notebook()"""


def module_name(nb):
    "What the page exports to, or None"
    named = (directives(c).get('default_exp') for c in code_cells(nb))
    return next(filter(None, named), None)


def find_cifar():
    "What `CIFAR_CAM_DATA` must be to find CIFAR-10 here (itself, or the cache), or None"
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home()/'.cache')/'cifar_cam'
    for base in [os.environ.get('CIFAR_CAM_DATA'), cache]:
        if base and batches(base): return Path(base).resolve()


def batches(base):
    "The six files of images in `base` or in its `cifar-10-batches-py`, or an empty list"
    for d in [Path(base), Path(base)/'cifar-10-batches-py']:
        if all((d/o).is_file() for o in BATCHES): return [d/o for o in BATCHES]
    return []


DIRT = [(r'Traceback \(most recent call last\)', 'a traceback'), (r'\w*Warning\b', 'a warning'),
        (r'\d+%\|', 'a progress bar'), (r'\r(?!\n)', 'a progress bar'),
        (r'(?<![\w.%/-])/(?:root|home|tmp|Users)/', 'a path of one machine')]


def dirt(nb, root=ROOT, max_png=150*1024):
    "What stored outputs must not hold, as a list of sentences"
    res = []
    for c in code_cells(nb):
        def bad(what, c=c): res.append(f"cell {c.get('id')} has {what}")
        for o in c['outputs']:
            if o['output_type'] == 'error': bad('an error'); continue
            if o.get('name') == 'stderr':
                bad(f"text on stderr: {text(o['text']).strip()[:200]}")
                continue
            data = o.get('data', {'text/plain': o.get('text', '')})
            for mime, v in data.items():
                if mime == 'image/png':
                    n = len(base64.b64decode(text(v)))
                    if n > max_png: bad(f'an image of {n//1024} KB, more than {max_png//1024}')
                elif mime.startswith('image/'): bad(f'an image that is not a PNG ({mime})')
                elif mime.startswith('text/'):
                    here = (rf'{re.escape(str(root))}\b', 'a path of one machine')
                    for pat, what in [*DIRT, here]:
                        m = re.search(pat, text(v))
                        if m: bad(f'{what} in its output: {m[0].strip()[:60]!r}')
    return res
