# SPDX-License-Identifier: Apache-2.0
"""What is made from the notebooks without executing anything: README.md from nbs/index.ipynb, its figures, the picture for
shared links, and for the site llms.txt, a list of its pages for language models, and the changelog as a page"""
import argparse
import base64
import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

from notebooks import ROOT, directives, pages, read, relative, settings, source, text, without_directives

TEMPLATE = """{% extends 'markdown/index.md.j2' %}
{% block input %}{% if cell.source %}{{ super() }}{% endif %}{% endblock %}
{% block data_png %}![{{ cell.metadata.alt }}]({{ cell.metadata.images }}/{{ output.metadata.filenames['image/png'] }})
{% endblock %}
"""


def address(page, cfg):
    "Where the site has a page of `nbs`"
    return f"{cfg['doc_host']}{cfg['doc_baseurl']}/{Path(page).with_name(re.sub(r'^[0-9]+[a-zA-Z0-9]*_', '', Path(page).stem.lower()) + '.html').as_posix()}"


def absolute(link, cfg):
    "A link that works wherever the README is shown, from one that works in `nbs`"
    path, _, anchor = link.partition('#')
    if not path or re.match(r'[a-z]+:', path): return link
    anchor = '#' + anchor if anchor else ''
    if path.endswith(('.ipynb', '.html')): return address(path, cfg) + anchor
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


def card(nb):
    "The picture for shared links: what the cell labelled fig-card has drawn, PNG"
    cell = next(c for c in nb.cells if c.cell_type == 'code' and directives(c).get('label') == 'fig-card')
    return base64.b64decode(next(text(o['data']['image/png']) for o in cell.outputs if 'image/png' in o.get('data', {})))


def badges(cfg):
    "What GitHub itself says of the last test and of the site"
    at = f"{cfg['git_url']}/actions/workflows"
    return ' '.join(f'[![{o}]({at}/{o}.yml/badge.svg)]({at}/{o}.yml)' for o in ('test', 'docs'))


def for_models(cfg):
    "llms.txt, in the form of https://llmstxt.org"
    def line(p):
        title, about = re.match(r'# (.*)\n\n> (.*)', source(read(p)['cells'][0])).groups()
        return f'- [{title}]({address(relative(p), cfg)}): {about}; as a notebook: {raw(cfg)}/nbs/{relative(p)}'
    head = f"# {cfg['title']}\n\n> {cfg['description']}\n\nInstall: `pip install {cfg['lib_name']}`. "
    return head + 'Every page is a notebook; code, text and tests of a module are on its page.\n\n## Pages\n\n' + '\n'.join(map(line, pages())) + '\n'


def changes():
    "CHANGELOG.md as a page of the site"
    title, body = (ROOT/'CHANGELOG.md').read_text(encoding='utf-8').removeprefix('# ').split('\n', 1)
    return f'---\ntitle: "{title}"\n---\n\n<!-- Made from CHANGELOG.md by `make readme` -->\n{body}'


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--out', type=Path, default=ROOT, help='folder for README.md and nbs')
    out = ap.parse_args().out
    nb = nbformat.read(ROOT/'nbs'/'index.ipynb', as_version=4)
    cfg, shared = settings(), card(nb)
    nb.cells = [c for c in shown(nb.cells, cfg) if c.source or c.get('outputs')]
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
    body = re.sub(r'\A(# .*\n\n> .*\n)', lambda m: f'{m[0]}\n{badges(cfg)}\n', body)
    (images/'card.png').write_bytes(shared)
    for name, content in {'README.md':body + '\n', 'nbs/llms.txt':for_models(cfg), 'nbs/changelog.qmd':changes()}.items():
        (out/name).write_text(content, encoding='utf-8')


if __name__ == '__main__': main()
