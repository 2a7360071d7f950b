# SPDX-License-Identifier: Apache-2.0
"""The site without Quarto, to look at: what nbdev prepares, rendered by pandoc into FOLDER.

Code folds, captions, references and citations are as on the site; themes, search and navigation
are not there."""
import argparse
import base64
import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pypandoc
import yaml

from notebooks import ROOT, pages, read, relative, source, text, without_directives

sys.path.append(str(ROOT/'tests'))
from tools import copy  # noqa: E402

SITE = '''
import sys
from pathlib import Path
if __name__ == '__main__':
    from nbdev.doclinks import _build_modidx
    from nbdev.quarto import nbdev_sidebar, refresh_quarto_yml
    from nbdev.serve import proc_nbs
    refresh_quarto_yml()
    _build_modidx()
    nbdev_sidebar.__wrapped__()
    for page in Path('nbs').rglob('*.ipynb'):
        if len(sys.argv) > 1 and page.stem not in sys.argv: page.unlink()
    proc_nbs(force=True)
'''
NUMBER = r'^[0-9]+[a-zA-Z0-9]*_' # which nbdev takes out of the names of pages
TEMPLATE = '''<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>$pagetitle$</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$up$preview.css"><link rel="stylesheet" href="$up$styles.css">
<body><script>
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
document.body.classList.toggle('quarto-dark', dark);
</script><main id="quarto-document-content">
<h1 class="title">$title$</h1>
$if(subtitle)$<p class="subtitle">$subtitle$</p>$endif$
$if(description)$<p class="description">$description$</p>$endif$
$body$</main></body></html>'''


def prepare(tree, *names):
    "A copy of the repository in `tree`, with these pages, or all, as nbdev prepares them"
    copy(tree)
    site = tree/'site.py'
    site.write_text(SITE)
    subprocess.run([sys.executable, site, *names], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return tree/'_proc'


def rendered_name(where):
    "Name of a page on the site, without .html, from that of its notebook within nbs"
    folder, _, name = str(where).rpartition('/')
    return re.sub(r'\.[a-z]*$', '', f"{folder}/{re.sub(NUMBER, '', name)}".lstrip('/'))


def options(cell):
    "The `#| name: value` lines of a cell, as YAML reads them"
    lines = re.findall(r'^\s*#\s*\|\s*([\w-]+:\s.*)', source(cell), re.M)
    return yaml.safe_load('\n'.join(lines)) or {} if lines else {}


def shown(out, opts, images):
    "An output as Markdown"
    data = out.get('data', {'text/plain': out.get('text', '')})
    asis = opts.get('output') == 'asis'
    if 'image/png' in data:
        name = f"{opts.get('label', 'image')}.png"
        (images/name).write_bytes(base64.b64decode(text(data['image/png'])))
        size = out.get('metadata', {}).get('image/png', {}).get('width')
        width = f' width={size}px' if size else ''
        alt = str(opts.get('fig-alt', '')).replace('"', "'")
        label = f"#{opts['label']} " if 'label' in opts else ''
        return f'![{opts.get("fig-cap", "")}]({images.name}/{name}){{{label}alt="{alt}"{width}}}'
    if 'text/markdown' in data: return text(data['text/markdown'])
    if 'text/html' in data: return f"```{{=html}}\n{text(data['text/html'])}\n```"
    plain = text(data.get('text/plain', ''))
    return plain if asis else f'````\n{plain}\n````'


def markdown(nb, images):
    "A prepared notebook as Markdown for pandoc"
    for cell in nb['cells']:
        if cell['cell_type'] != 'code':
            yield source(cell)
            continue
        opts, code = options(cell), without_directives(cell)
        if opts.get('include') is False: continue
        yield '::: {.cell}'
        if code and opts.get('echo') is not False:
            block = f'````{{.python .cell-code}}\n{code}\n````'
            if opts.get('code-fold') is True:
                summary = html.escape(str(opts.get('code-summary', 'Code')))
                block = (f'<details class="code-fold"><summary>{summary}</summary>\n\n'
                         f'{block}\n\n</details>')
            yield block
        if opts.get('output') is not False:
            for out in cell['outputs']:
                yield f'::: {{.cell-output .cell-output-display}}\n{shown(out, opts, images)}\n:::'
        yield ':::'


def render(page, proc, out):
    "One page of `proc` as HTML in `out`"
    to = out/f'{rendered_name(page.relative_to(proc))}.html'
    images = to.with_name(f'{to.stem}_files')
    images.mkdir(parents=True, exist_ok=True)
    if page.suffix == '.qmd': body = page.read_text(encoding='utf-8')
    else: body = '\n\n'.join(markdown(read(page), images))
    figures = {o: i for i, o in enumerate(re.findall(r'\{#(fig-[\w-]+)', body), 1)}
    body = re.sub(r'@(fig-[\w-]+)', lambda m: f'[Figure {figures.get(m[1], "?")}](#{m[1]})', body)
    up = '../'*(len(to.relative_to(out).parts)-1)
    template = proc/'template.html'
    template.write_text(TEMPLATE)
    result = pypandoc.convert_text(body, 'html', format='markdown', extra_args=[
        '-s', '--mathml', f"--lua-filter={proc/'site.lua'}",
        '--citeproc', f"--bibliography={proc/'references.bib'}",
        '--syntax-highlighting=pygments', f'--template={template}', '-V', f'up={up}'])
    result = re.sub(r'href="([^":#]+\.)(?:ipynb|qmd)(?=[#"])',
                    lambda m: f'href="{rendered_name(m[1])}.html', result)
    to.write_text(result, encoding='utf-8')
    return to


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('out', type=Path)
    ap.add_argument('pages', nargs='*', help='names such as data (default: all)')
    args = ap.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        chosen = [p.stem for p in pages()
                  if {p.stem, Path(rendered_name(relative(p))).name} & set(args.pages)]
        proc = prepare(Path(tmp)/'tree', *chosen)
        shutil.copy(ROOT/'.ci'/'preview.css', args.out)
        shutil.copy(proc/'styles.css', args.out)
        for name in ['fonts', 'images']:
            shutil.copytree(proc/name, args.out/name, dirs_exist_ok=True)
        for page in sorted([*proc.rglob('*.ipynb'), *proc.glob('*.qmd')]):
            if not args.pages or page.stem in [*chosen, *args.pages]:
                print(render(page, proc, args.out))


if __name__ == '__main__': main()
