# SPDX-License-Identifier: Apache-2.0
"""nbs/images/report.png, the picture of a report in README: two parts of the example on the site,
drawn by headless Chromium side by side. The file holds the checksum of what it shows: `source`"""
import hashlib
import io
import subprocess
import tempfile
from pathlib import Path

from browser import chromium
from notebooks import ROOT
from PIL import Image, PngImagePlugin
from post_render import write_example

FILE = ROOT/'nbs'/'images'/'report.png'
SIZE = 870, 880   # of each part, in pixels
PARTS = [         # what is left out: the help and all links; all before the errors
    '.help, nav { display: none }',
    'main > :not(#errors):not(#errors ~ *) { display: none } #errors { margin-top: 0 }']


def source():
    "Checksum of the templates and of the weights of a report: another report has another one"
    package = ROOT/'cifar_cam'
    files = [package/'templates'/f'{name}.html' for name in ('report', 'explanation')]
    files += [package/'weights'/'shapes10.safetensors']
    return hashlib.sha256(b''.join(f.read_bytes() for f in files)).hexdigest()


def drawn(browser, html, style, folder):
    "A part of a report, as an image"
    page, png = folder/'page.html', folder/'page.png'
    page.write_text(html.replace('</head>', f'<style>{style}</style></head>'), encoding='utf-8')
    width, height = SIZE
    subprocess.run([browser, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
                    f'--window-size={width},{height}', f'--screenshot={png}', page.as_uri()],
                   check=True, capture_output=True, timeout=120)
    return Image.open(io.BytesIO(png.read_bytes())).convert('RGB')


def main():
    browser = chromium()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp:
        write_example(Path(tmp)/'example')
        html = (Path(tmp)/'example'/'index.html').read_text(encoding='utf-8')
        parts = [drawn(browser, html, style, Path(tmp)) for style in PARTS]
    width, height = SIZE
    picture = Image.new('RGB', (len(parts)*width, height))
    for i, part in enumerate(parts): picture.paste(part, (i*width, 0))
    info = PngImagePlugin.PngInfo()
    info.add_text('source', source())
    picture.quantize(128).save(FILE, optimize=True, pnginfo=info)
    print(f'{FILE.relative_to(ROOT)}: {FILE.stat().st_size//1024} kB')


if __name__ == '__main__': main()
