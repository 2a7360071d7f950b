# SPDX-License-Identifier: Apache-2.0
"What the tests share: copies of the repository, a clean environment, commands with a time limit"
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from notebooks import ROOT, settings

CFG = settings()
LIB = CFG['lib_path']
BIN = Path(sys.prefix)/'bin'
LIMIT = 900  # seconds for one command
NOT_COPIED = shutil.ignore_patterns(
    '.git', '.gitconfig', '.last_checked', 'nbdev.yml', '.venv', 'build', 'dist', '_docs', '_proc',
    'report', 'runs', '*.egg-info', '__pycache__', '.ipynb_checkpoints', '.*_cache', '.coverage*',
    'node_modules', 'data_batch_*', 'test_batch', 'cifar-10*')


def copy(to):
    "A copy of the repository at `to`, without what git ignores"
    return Path(shutil.copytree(ROOT, to, symlinks=True, ignore=NOT_COPIED))


def env(home, **more):
    "The environment with an empty home, no CIFAR-10 and no network"
    drop = {'CIFAR_CAM_DATA', 'TORCH_HOME', 'IN_TEST', 'MPLBACKEND', 'MPLCONFIGDIR', 'VIRTUAL_ENV',
            'PYTHONDONTWRITEBYTECODE', 'PYTHONPATH'}
    kept = {k: v for k, v in os.environ.items()
            if k not in drop and 'proxy' not in k.lower() and not k.startswith('PYTEST')}
    nowhere = {f'{o}_proxy': 'http://127.0.0.1:9' for o in ('http', 'https')}
    return kept | nowhere | {k.upper(): v for k, v in nowhere.items()} | {
        'HOME': str(home), 'XDG_CACHE_HOME': f'{home}/.cache', 'XDG_CONFIG_HOME': f'{home}/.config',
        'PATH': f"{BIN}:{os.environ['PATH']}",
        'OMP_NUM_THREADS': str(max(1, (os.cpu_count() or 2)//2))} | more


def run(*cmd, limit=LIMIT, **kw):
    "Exit status and output of a command; after `limit` seconds it and its children are ended"
    p = subprocess.Popen([str(o) for o in cmd], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors='replace',
                         process_group=0, **kw)
    try:
        out, _ = p.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        return 124, p.communicate()[0] + f'\nended after {limit} s'
    return p.returncode, out


def must(*cmd, **kw):
    "Output of a command that has to succeed"
    rc, out = run(*cmd, **kw)
    assert rc == 0, f"{' '.join(str(o) for o in cmd)} exits with {rc}\n{tail(out)}"
    return out


def tail(out, n=60):
    "The last lines, without colours"
    return '\n'.join(re.sub(r'\x1b\[[0-9;]*m', '', out).strip().splitlines()[-n:])


def differing(a, b, names):
    "Names of the files that are not the same in folders `a` and `b`"
    def content(p): return p.read_bytes() if p.is_file() else None
    return [o for o in sorted(names) if content(a/o) != content(b/o)]
