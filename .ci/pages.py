# SPDX-License-Identifier: Apache-2.0
"""Execute the notebooks with the real data and store what they show; --check: which pages need it?

`nbs/executed.json` keeps, for every page, what its stored outputs were made from and with."""
import argparse
import ast
import base64
import datetime
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import re
import sys
import time

from PIL import Image

from notebooks import (ROOT, batches, code_cells, directives, dirt, find_cifar, flags, never_run,
                       pages, read, settings, sha, source, text)

LIBS = 'torch torchvision numpy matplotlib albumentations grad-cam'.split()


def record_path(root): return root/'nbs'/'executed.json'
def records(root): return read(record_path(root)) if record_path(root).exists() else {}
def outputs_sha(nb): return sha(json.dumps([c['outputs'] for c in code_cells(nb)], sort_keys=True))


def code_sha(*cells):
    "sha256 of what these cells compute: comments, line breaks, imports and types do not count"
    def parts(x):
        if isinstance(x, (ast.Import, ast.ImportFrom)): return None
        if isinstance(x, ast.AST):
            fields = {k: v for k, v in ast.iter_fields(x)
                      if v is not None and v != [] and k not in ('annotation', 'returns')}
            return [type(x).__name__, {k: parts(v) for k, v in fields.items()}]
        if isinstance(x, list): return [p for o in x if (p := parts(o)) is not None]
        return repr(x)

    def what(s):
        return [re.findall(r'^[%!].*', s, re.M), parts(ast.parse(re.sub(r'(?m)^[%!].*', '', s)))]
    return sha(json.dumps([what(source(c)) for c in cells]))


def run_cells(nb): return [c for c in code_cells(nb) if not never_run(c)]


def weights(nb, root):
    """sha256 of the files of weights in the package that the page's code names as text; those of
    the default, cifar10, for all pages; its neighbours and votes only with `label_quality`"""
    code = ' '.join(source(c) for c in code_cells(nb))
    files = sorted((root/settings(root)['lib_path']/'weights').glob('[!.]*'))

    def belongs(name):
        if re.search(r'\.(neighbours|votes)\.', name): return 'label_quality' in code
        stem = name.split('.')[0]
        return stem == 'cifar10' or f"'{stem}'" in code or f' {stem} ' in code
    return {o.name: sha(o.read_bytes()) for o in files if belongs(o.name)}


def logs(nb, root):
    "sha256 of the files in nbs/logs that the page's code names, such as logs/speed, or None"
    named = {o for c in code_cells(nb) for o in re.findall(r'logs/[a-z]+', source(c))}
    files = sorted(o for o in (root/'nbs'/'logs').rglob('*') if o.is_file()
                   and str(o.relative_to(root/'nbs')).startswith(tuple(named)))
    return sha('\0'.join(f'{o.name} {sha(o.read_bytes())}' for o in files)) if named else None


def why_stale(path, done, root=ROOT):
    "Why the stored outputs of a page do not belong to it, or None"
    nb, was = read(path), done.get(path.stem)
    if was is None: return 'was never executed'
    if was['code'] != code_sha(*run_cells(nb)): return 'code has changed since it was executed'
    if was['outputs'] != outputs_sha(nb): return 'stored outputs are not those of its execution'
    if was.get('logs') != logs(nb, root): return 'logs have changed since it was executed'
    if was['weights'] != weights(nb, root): return 'weights have changed since it was executed'


def hardware():
    "Processor and number of cores"
    try: cpu = re.search(r'model name\s*:\s*(.*)', open('/proc/cpuinfo').read())[1]
    except (OSError, TypeError): cpu = platform.processor() or platform.machine()
    return {'cpu': cpu, 'cores': os.cpu_count()}


def kept_cells(nb, skips, was):
    "Cells that `skips` and that have outputs: id -> hash of the code they were executed at"
    res = {}
    for c in code_cells(nb):
        if not (skips(c) and c['outputs']): continue
        old = was.get('flagged', {}).get(c['id'])
        why = 'has outputs but no record of their execution' if not old else \
              'has changed since it was executed' if old['code'] != code_sha(c) else None
        if why:
            raise SystemExit(f"cell {c['id']} {why}: run this page with all its cells "
                             "(without --no-slow, with CIFAR-10)")
        res[c['id']] = old
    return res


def make_small(nb, limit=100*1024):
    "Give PNGs of more than `limit` bytes a palette of 256 colours"
    for c in code_cells(nb):
        for data in [o['data'] for o in c['outputs'] if 'image/png' in o.get('data', {})]:
            png, small = base64.b64decode(text(data['image/png'])), io.BytesIO()
            if len(png) <= limit: continue
            im = Image.open(io.BytesIO(png)).convert('RGB')
            im.quantize(kmeans=1, dither=Image.Dither.NONE).save(small, 'png', optimize=True)
            data['image/png'] = base64.b64encode(small.getvalue()).decode() + '\n'


def execute(path, skips):
    "Run a page in a new kernel, without the cells that `skips`, and store its outputs"
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbdev.clean import nbdev_clean

    class Client(NotebookClient):
        async def async_execute_cell(self, cell, *args, **kwargs):
            if never_run(cell) or skips(cell): return cell
            return await super().async_execute_cell(cell, *args, **kwargs)

    nb = nbformat.read(path, as_version=4)
    client = Client(nb, timeout=None, coalesce_streams=True, kernel_name='python3',
                    extra_arguments=['--log-level=40'],
                    resources={'metadata': {'path': str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError as e:
        raise SystemExit(f'{path.name} is left as it was:\n{e}') from None
    make_small(nb)
    bad = dirt(nb)
    if bad: raise SystemExit(f'{path.name} is left as it was:\n  ' + '\n  '.join(bad))
    nbformat.write(nb, path)
    nbdev_clean.__wrapped__(str(path))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('pages', nargs='*', help='names such as 00_data (default: all)')
    ap.add_argument('--no-slow', action='store_true', help='keep the outputs of cells flagged slow')
    ap.add_argument('--keep', default='', help='keep the outputs of these flagged cells: ID,ID')
    ap.add_argument('--cuda', action='store_true', help='also run cells flagged cuda')
    ap.add_argument('--check', action='store_true', help='list the pages that need to be executed')
    args = ap.parse_args()

    if args.check:
        done = records(ROOT)
        bad = {p.stem: why for p in pages() if (why := why_stale(p, done))}
        for k, v in bad.items(): print(f'{k}: {v}')
        sys.exit(bool(bad))

    every = {p.stem: p for p in pages()}
    names = [o.removesuffix('.ipynb') for o in args.pages] or list(every)
    for o in names:
        if o not in every: raise SystemExit(f'no page {o} in nbs: there are {", ".join(every)}')
    data = find_cifar()
    if not data:
        print('no CIFAR-10 (CIFAR_CAM_DATA): cells that need it keep their outputs', flush=True)
    os.environ.update(CIFAR_CAM_DATA=str(data or '/no CIFAR-10'), NO_ALBUMENTATIONS_UPDATE='1',
                      JUPYTER_PREFER_ENV_PATH='1', PATH=f"{sys.prefix}/bin:{os.environ['PATH']}")
    for o in ['MPLBACKEND', 'IN_TEST']: os.environ.pop(o, None)
    os.chdir(ROOT)

    skip = {'study'} | ({'slow'} if args.no_slow else set()) | (set() if args.cuda else {'cuda'})
    if not data: skip.add('cifar10')
    keep = set(args.keep.split(','))
    def skips(c): return bool(flags(c) & skip) or c['id'] in keep and bool(flags(c))
    done = records(ROOT)
    md5 = {o.name: hashlib.md5(o.read_bytes()).hexdigest() for o in (batches(data) if data else ())}
    for name in [o for o in every if o in names]:
        path, start, today = every[name], time.time(), datetime.date.today().isoformat()
        kept = kept_cells(read(path), skips, done.get(name, {}))
        execute(path, skips)
        nb = read(path)
        fresh = {c['id']: {'code': code_sha(c), 'executed': today} for c in code_cells(nb)
                 if flags(c) & {'slow', 'cuda', 'cifar10'} and not skips(c)
                 and 'eval' not in directives(c)}
        versions = {'python': platform.python_version(),
                    **{o: importlib.metadata.version(o) for o in LIBS}}
        done = records(ROOT) # another page may have been executed meanwhile
        used = md5 or done.get(name, {}).get('cifar10', {})
        done[name] = {'code': code_sha(*run_cells(nb)), 'outputs': outputs_sha(nb), 'date': today,
                      'seconds': round(time.time() - start),
                      'flagged': kept | fresh, 'kept': sorted(kept), 'weights': weights(nb, ROOT),
                      'logs': logs(nb, ROOT), 'cifar10': used,
                      'versions': versions, 'hardware': hardware()}
        done = {o: done[o] for o in every if o in done}
        record_path(ROOT).write_text(json.dumps(done, indent=1) + '\n', encoding='utf-8')
        slow = f', the outputs of {len(kept)} cells kept' if kept else ''
        print(f"{name}: {done[name]['seconds']} s{slow}", flush=True)


if __name__ == '__main__': main()
