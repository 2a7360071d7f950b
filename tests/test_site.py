# SPDX-License-Identifier: Apache-2.0
"What nbdev prepares for Quarto, looked at before it is rendered"
import ast
import re

import post_render
import pypandoc
import pytest

from notebooks import ROOT, code_cells, pages, read, relative, source, text, without_directives
from preview import options, prepare, rendered_name
from tools import CFG

HOST = CFG['doc_host'] + CFG['doc_baseurl']
WIDEST = 95        # characters of a line in the column of the site
MOST_WORDS = 2200  # of prose on a page: a quarter of an hour
BEFORE = 170       # words before the first result: the first screen


@pytest.fixture(scope='session')
def proc(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp('site')/'tree')


@pytest.fixture
def nb(page, proc): return read(proc/relative(page))


def documented(cell): return source(cell).rstrip().endswith(')') and 'show_doc(' in source(cell)


def outputs(cell):
    "Text and Markdown that a prepared cell shows"
    if options(cell).get('include') is False or options(cell).get('output') is False: return []
    shown = [o.get('data', {'text/plain': o.get('text', '')}) for o in cell['outputs']]
    return [text(d.get('text/markdown', d.get('text/plain', ''))) for d in shown
            if not {'text/html', 'image/png'} & set(d)]


def typewritten(cell):
    "Outputs whose lines do not flow"
    return outputs(cell | {'outputs': [o for o in cell['outputs']
                                       if 'text/markdown' not in o.get('data', {})]})


def code(cell):
    "What a reader sees of the code of a prepared cell without a click"
    opts = options(cell)
    folded = opts.get('code-fold') is True or opts.get('include') is False
    return '' if folded or opts.get('echo') is False else without_directives(cell)


def prose(nb): return [source(c) for c in nb['cells'] if c['cell_type'] == 'markdown']
def words(s): return len(re.sub(r'<!--.*?-->|\$\$.*?\$\$|\]\([^)]*\)', ' ', s, flags=re.S).split())


def test_nbdev_prepares_the_site(proc):
    beside = '''sidebar.yml site.lua theme.scss styles.css fonts/stix-two-math.woff2
        references.bib llms.txt api.qmd images/card.png'''.split()
    assert [o for o in [*map(relative, pages()), *beside] if not (proc/o).exists()] == []


def test_lines_fit_the_column(nb):
    seen = [s for c in code_cells(nb) if not documented(c) for s in [code(c), *typewritten(c)]]
    lines = [o for s in seen for o in s.splitlines()]
    assert [o for o in lines if len(o) > WIDEST] == []


def test_shows_no_address_in_memory(nb):
    shown = '\n'.join(o for c in code_cells(nb) for o in outputs(c))
    assert re.findall(r'.{0,40}\b0x[0-9a-f]{8,}', shown) == []


def test_links_are_not_nested(nb):
    "nbdev links a name in backticks, even within the text of a link"
    assert re.findall(r'\[\[`[^\]]*\]\([^)]*\)[^\]]*\]\([^)]*\)', '\n'.join(prose(nb))) == []


def test_links_to_names_lead_to_where_they_are_explained(nb, proc):
    shown = {}
    for p in pages():
        heads = re.findall(r'^#+ (.*)', '\n'.join(o for c in code_cells(read(proc/relative(p)))
                                                  for o in outputs(c)), re.M)
        shown[rendered_name(relative(p))] = {o.lower().replace('`', '') for o in heads}
    everything = '\n'.join([*prose(nb), *(o for c in code_cells(nb) for o in outputs(c))])
    links = re.findall(rf'\({re.escape(HOST)}/([\w/]+)\.html#([\w.]+)\)', everything)
    assert sorted({o for o in links if o[1].lower() not in shown.get(o[0], set())}) == []


def test_result_is_in_the_first_screen(nb):
    "A figure, a table or a card before a page has said much"
    before = 0
    for c in nb['cells']:
        if c['cell_type'] == 'markdown':
            if re.search(r'^\|[:-]', source(c), re.M): break
            before += words(source(c))
        if c['cell_type'] == 'code' and options(c).get('output') != 'asis':
            kinds = {k for o in c['outputs'] for k in o.get('data', {})}
            if kinds & {'image/png', 'text/html', 'text/markdown'}: break
    else: before = float('inf')
    assert before <= BEFORE


def test_is_short(nb): assert sum(map(words, prose(nb))) <= MOST_WORDS


def test_walls_of_tests_are_folded(nb):
    "More than four assertions in a row are for those who unfold them"
    def is_test(o):
        f = getattr(getattr(o, 'value', None), 'func', None)
        return isinstance(o, ast.Assert) or getattr(f, 'id', '').startswith('test_')
    walls = []
    for c in code_cells(nb):
        body = ast.parse(re.sub(r'^\s*[%!].*', '', code(c), flags=re.M)).body
        if sum(map(is_test, body)) > 4: walls.append(c['id'])
    assert walls == []


def test_bibliography_has_no_comment_in_a_title():
    bib = (ROOT/'nbs'/'references.bib').read_text(encoding='utf-8')
    assert [o for o in bib.splitlines() if o.startswith('@') and re.search(r'(?<!\\)%', o)] == []


def test_signatures_show_no_source_of_links(proc):
    doc = '''```python
def f(
    x:int, # See [`g`](https://example.org/g.html#g)
):
```

```python
def Pair(
    *args, **kwargs
):
```

```{.python .cell-code}
class Pair(NamedTuple): a:int
```
'''
    html = pypandoc.convert_text(doc, 'html', format='markdown',
                                 extra_args=[f"--lua-filter={proc/'site.lua'}"])
    assert '`g`' in html and 'example.org' not in html
    assert 'kwargs' not in html and 'NamedTuple' in html
    long = f"def f(x:int, {', '.join(f'name{i}:int={i}' for i in 'abcdefghijkl')}):"
    html = pypandoc.convert_text(f'```\n{long}\n```', 'html', format='markdown',
                                 extra_args=[f"--lua-filter={proc/'site.lua'}"])
    assert len(html.splitlines()) == 13


def test_scripts_of_other_hosts_are_taken_out():
    html = '''<script src="site_libs/quarto-nav/quarto-nav.js"></script>
<script src="https://cdn.jsdelivr.net/npm/requirejs@2.3.6/require.min.js" crossorigin="x"></script>
<script src="https://cdn.jsdelivr.net/npm/jquery@3.5.1/dist/jquery.min.js"></script>
<script type="application/javascript">define('jquery', [],function() {})</script>
<p>text</p>'''
    assert post_render.cleaned(html) == html.splitlines()[0] + '\n<p>text</p>'


def test_a_finished_report_is_part_of_it(tmp_path):
    post_render.write_example(tmp_path/'example', 60)
    assert 'Report on shapes10 test' in (tmp_path/'example'/'index.html').read_text()
    assert '(https://cifar-cam.github.io/cifar_cam/example/)' in (ROOT/'README.md').read_text()
