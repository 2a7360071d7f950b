# SPDX-License-Identifier: Apache-2.0
"Links within a built site that lead nowhere: `links.py FOLDER` lists them"
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class Page(HTMLParser):
    "Links and anchors of a page"
    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.anchors |= {a[k] for k in ('id', 'name') if a.get(k)}
        if (tag, a.get('rel')) != ('link', 'canonical'):
            self.links += filter(None, (a.get('href'), a.get('src')))


def broken(site):
    "Pairs of a page and a link in it that leads nowhere"
    files = {f.resolve(): Page(f) for f in Path(site).rglob('*.html')}
    for file, page in files.items():
        for link in page.links:
            path, anchor = urldefrag(link)
            if urlsplit(link).scheme or link.startswith('//'): continue
            to = (file.parent/unquote(path)).resolve() if path else file
            if to.is_dir(): to = to/'index.html'
            lost = anchor and to in files and unquote(anchor) not in files[to].anchors
            if lost or not to.exists(): yield file, link


if __name__ == '__main__':
    bad = list(broken(sys.argv[1]))
    for file, link in bad: print(f'{file.relative_to(Path(sys.argv[1]).resolve())}: {link}')
    sys.exit(bool(bad))
