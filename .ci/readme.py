# SPDX-License-Identifier: Apache-2.0
"""What is made from the notebooks without executing anything: README.md from nbs/index.ipynb, its
figures, the image for shared links, and for the site llms.txt, a list of its pages for language
models, the changelog, and api.qmd, all public names"""
import argparse
import base64
import importlib
import inspect
import io
import re
import textwrap
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from PIL import Image
from traitlets.config import Config

from notebooks import (ROOT, directives, module_name, pages, read, relative, settings, source, text,
                       without_directives)

NOTEBOOKS = 'Every page is a notebook; code, text and tests of a module are on its page.'
TEMPLATE = """{% extends 'markdown/index.md.j2' %}
{% block input %}{% if cell.source %}{{ super() }}{% endif %}{% endblock %}
{% block data_png -%}
![{{ cell.metadata.alt }}]({{ cell.metadata.images }}/{{ output.metadata.filenames['image/png'] }})
{% endblock %}
"""


def address(page, cfg):
    "Where the site has a page of `nbs`"
    name = re.sub(r'^[0-9]+[a-zA-Z0-9]*_', '', Path(page).stem.lower())
    html = Path(page).with_name(f'{name}.html').as_posix()
    return f"{cfg['doc_host']}{cfg['doc_baseurl']}/{html}"


def absolute(link, cfg):
    "A link that works wherever the README is shown, from one that works in `nbs`"
    path, _, anchor = link.partition('#')
    if not path or re.match(r'[a-z]+:', path): return link
    anchor = '#' + anchor if anchor else ''
    if path.endswith(('.ipynb', '.html')): return address(path, cfg) + anchor
    where = (ROOT/'nbs'/path).resolve().relative_to(ROOT).as_posix()
    if path.endswith('.png'): return f'{raw(cfg)}/{where}'
    return f"{cfg['git_url']}/blob/{cfg['branch']}/{where}{anchor}"


def raw(cfg):
    "Where GitHub has the files themselves"
    files = cfg['git_url'].replace('//github.com/', '//raw.githubusercontent.com/')
    return f"{files}/{cfg['branch']}"


def shown(cells, cfg):
    "The cells that a reader of the README sees"
    for c in cells:
        d = directives(c)
        if d.get('readme') == 'false' or c.source.startswith('<!-- site only -->'): continue
        if c.cell_type == 'raw' or 'hide' in d: continue
        if d.get('include') == 'false' and d.get('readme') != 'true': continue
        if c.cell_type == 'markdown':
            c.source = re.sub(r'(?<=\]\()[^)\s]+', lambda m: absolute(m[0], cfg), c.source)
        else:
            alt = d.get('fig-alt') or d.get('fig-cap') or ''
            c.metadata.update(alt=alt.strip('"\''), images=raw(cfg) + '/nbs/images')
            c.source = '' if d.get('echo') == 'false' else without_directives(c)
            if d.get('output') == 'false': c.outputs = []
        yield c


def card(nb):
    "The image for shared links: what the cell labelled fig-card has drawn, PNG"
    cell = next(c for c in nb.cells if directives(c).get('label') == 'fig-card')
    figure = next(o for o in cell.outputs if 'image/png' in o.get('data', {}))
    return base64.b64decode(text(figure['data']['image/png']))


def thumbnails(nb, height=272):
    "Figures of the gallery on the home page, by name: the figures with these labels, made small"
    wanted = set(re.findall(r'images/gallery-(fig-[\w-]+)\.png', '\n'.join(map(source, nb.cells))))
    for c in (c for p in pages() for c in read(p)['cells'] if c['cell_type'] == 'code'):
        label = directives(c).get('label')
        if label not in wanted: continue
        png = next(o['data']['image/png'] for o in c['outputs'] if 'image/png' in o.get('data', {}))
        image = Image.open(io.BytesIO(base64.b64decode(text(png)))).convert('RGB')
        image.thumbnail((10*height, height), Image.Resampling.LANCZOS)
        small = io.BytesIO()
        image.quantize(128).save(small, 'png', optimize=True)
        yield f'gallery-{label}.png', small.getvalue()


def badges(cfg):
    "What GitHub itself says of the last test and of the site"
    at = f"{cfg['git_url']}/actions/workflows"
    return ' '.join(f'[![{o}]({at}/{o}.yml/badge.svg)]({at}/{o}.yml)' for o in ('test', 'docs'))


def for_models(cfg):
    "llms.txt, in the form of https://llmstxt.org"
    def line(p):
        title, about = re.match(r'# (.*)\n\n> (.*)', source(read(p)['cells'][0])).groups()
        notebook = f'{raw(cfg)}/nbs/{relative(p)}'
        return f'- [{title}]({address(relative(p), cfg)}): {about}; as a notebook: {notebook}\n'
    return f"""# {cfg['title']}

> {cfg['description']}

Install: `pip install {cfg['lib_name']}`. {NOTEBOOKS}

## Pages

{''.join(map(line, pages()))}"""


def changes():
    "CHANGELOG.md as a page of the site"
    log = (ROOT/'CHANGELOG.md').read_text(encoding='utf-8')
    title, body = log.removeprefix('# ').split('\n', 1)
    return f'---\ntitle: "{title}"\n---\n\n<!-- Made from CHANGELOG.md by `make readme` -->\n{body}'


def signature(name, o):
    "How a name is called, without types; for a dictionary its keys"
    if isinstance(o, dict): return textwrap.fill(f"{name}: {', '.join(map(repr, o))}", 88)
    if not callable(o): return f'{name} = {o!r}'

    def default(v):
        return v.__name__ if hasattr(v, '__name__') else '{…}' if isinstance(v, dict) else repr(v)
    try: parameters = inspect.signature(o).parameters.values()
    except ValueError: return name # a class that is made by a function only
    each = [(p, p.default is not p.empty) for p in parameters]
    args = [f'{p.name}={default(p.default)}' if has else str(p.replace(annotation=p.empty))
            for p, has in each]
    one = f"{name}({', '.join(args)})"
    return one if len(one) < 90 else f'{name}(\n    ' + ',\n    '.join(args) + ')'


def by_name(cfg):
    "The public names in alphabetical order: how each is called, what it is, and its page"
    entries = {}
    for p in pages():
        module = module_name(read(p))
        if module in (None, 'all'): continue
        mod = importlib.import_module(f"{cfg['lib_path']}.{module}")
        title = re.match(r'# (.*)', source(read(p)['cells'][0]))[1]
        for name in mod.__all__:
            o = getattr(mod, name)
            about = (inspect.getdoc(o) or '').partition('\n')[0] if callable(o) else ''
            if not inspect.isclass(o) and hasattr(o, 'paper'): about = f'[{o.name}]({o.paper})'
            anchor = f'#{name.lower()}' if inspect.isroutine(o) or inspect.isclass(o) else ''
            entries[name] = f"""## {name}

```python
from {cfg['lib_path']}.{module} import {name}
{signature(name, o)}
```

{about + '. ' if about else ''}See [{title}]({relative(p)}{anchor})
"""
    head = """---
title: "API by name"
subtitle: "All public names in alphabetical order: how each is called, and its page"
toc: false
---

<!-- Made from the package by `make readme` -->
"""
    return '\n'.join([head, *(entries[o] for o in sorted(entries, key=str.lower))])


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--out', type=Path, default=ROOT, help='folder for README.md and nbs')
    out = ap.parse_args().out
    nb = nbformat.read(ROOT/'nbs'/'index.ipynb', as_version=4)
    cfg, shared, small = settings(), card(nb), dict(thumbnails(nb))
    nb.cells = [c for c in shown(nb.cells, cfg) if c.source or c.get('outputs')]
    nb.metadata.language_info = {'name': 'python'} # for the fences
    conf = Config()
    filename = '{unique_key}-{cell_index}-{index}{extension}'
    conf.ExtractOutputPreprocessor.output_filename_template = filename
    # no HTML: PyPI drops most of it
    conf.NbConvertBase.display_data_priority = ['image/png', 'text/markdown', 'text/plain']
    exporter = MarkdownExporter(config=conf, raw_template=TEMPLATE)
    body, res = exporter.from_notebook_node(nb, {'unique_key': 'index'})
    quarto = re.search(r'^:::.*|\{\{<.*', body, re.M)
    if quarto: raise SystemExit(f'index.ipynb: {quarto[0]!r} means nothing outside Quarto')
    images = out/'nbs'/'images'
    images.mkdir(parents=True, exist_ok=True)
    for kind in ['index', 'gallery']:
        for o in images.glob(f'{kind}-*.png'): o.unlink()
    for name, data in (res['outputs'] | small).items(): (images/name).write_bytes(data)
    body = '\n'.join(o.rstrip() for o in re.sub(r'\n{3,}', '\n\n', body).strip().splitlines())
    body = re.sub(r'\A(# .*\n\n> .*\n)', lambda m: f'{m[0]}\n{badges(cfg)}\n', body)
    (images/'card.png').write_bytes(shared)
    made = {'README.md': body + '\n', 'nbs/llms.txt': for_models(cfg),
            'nbs/changelog.qmd': changes(), 'nbs/api.qmd': by_name(cfg)}
    for name, content in made.items(): (out/name).write_text(content, encoding='utf-8')


if __name__ == '__main__': main()
