"Render nbs/index.ipynb to README.md and its figures to nbs/images, from stored outputs, without executing anything"
import argparse
import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

from notebooks import ROOT, directives, settings, without_directives

TEMPLATE = """{% extends 'markdown/index.md.j2' %}
{% block input %}{% if cell.source %}{{ super() }}{% endif %}{% endblock %}
{% block data_png %}![{{ cell.metadata.alt }}]({{ cell.metadata.images }}/{{ output.metadata.filenames['image/png'] }})
{% endblock %}
"""


def absolute(link, cfg):
    "A link that works wherever the README is shown, from one that works in `nbs`"
    path, _, anchor = link.partition('#')
    if not path or re.match(r'[a-z]+:', path): return link
    anchor = '#' + anchor if anchor else ''
    if path.endswith(('.ipynb', '.html')):
        page = Path(path).with_name(re.sub(r'^\d+[a-zA-Z0-9]*_', '', Path(path).stem.lower()) + '.html').as_posix()
        return f"{cfg['doc_host']}{cfg['doc_baseurl']}/{page}{anchor}"
    where = (ROOT/'nbs'/path).resolve().relative_to(ROOT).as_posix()
    return f"{raw(cfg)}/{where}" if path.endswith('.png') else f"{cfg['git_url']}/blob/{cfg['branch']}/{where}{anchor}"


def raw(cfg): return cfg['git_url'].replace('https://github.com/', 'https://raw.githubusercontent.com/') + '/' + cfg['branch']


def shown(cells, cfg):
    "The cells that a reader of the README sees"
    for c in cells:
        d = directives(c)
        if c.cell_type == 'raw' or 'hide' in d or d.get('include') == 'false': continue
        if c.cell_type == 'markdown': c.source = re.sub(r'(?<=\]\()[^)\s]+', lambda m: absolute(m[0], cfg), c.source)
        else:
            c.metadata.update(alt=(d.get('fig-alt') or d.get('fig-cap') or '').strip('"\''), images=raw(cfg) + '/nbs/images')
            c.source = '' if d.get('echo') == 'false' else without_directives(c)
            if d.get('output') == 'false': c.outputs = []
        yield c


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--out', type=Path, default=ROOT, help='folder for README.md and nbs/images')
    out = ap.parse_args().out
    nb = nbformat.read(ROOT/'nbs'/'index.ipynb', as_version=4)
    nb.cells = [c for c in shown(nb.cells, settings()) if c.source or c.get('outputs')]
    nb.metadata.language_info = {'name': 'python'} # for the fences
    conf = Config()
    conf.ExtractOutputPreprocessor.output_filename_template = '{unique_key}-{cell_index}-{index}{extension}'
    conf.NbConvertBase.display_data_priority = ['image/png', 'text/markdown', 'text/plain'] # no HTML: PyPI drops most of it
    body, res = MarkdownExporter(config=conf, raw_template=TEMPLATE).from_notebook_node(nb, {'unique_key': 'index'})
    if m := re.search(r'^:::.*|\{\{<.*', body, re.M): raise SystemExit(f'index.ipynb: {m[0]!r} means nothing outside Quarto')
    images = out/'nbs'/'images'
    images.mkdir(parents=True, exist_ok=True)
    for o in images.glob('index-*.png'): o.unlink()
    for name, data in res['outputs'].items(): (images/name).write_bytes(data)
    body = '\n'.join(o.rstrip() for o in re.sub(r'\n{3,}', '\n\n', body).strip().splitlines())
    (out/'README.md').write_text(f'{body}\n', encoding='utf-8')


if __name__ == '__main__': main()
