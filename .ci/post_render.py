# SPDX-License-Identifier: Apache-2.0
"""After the pages: take the scripts of RequireJS and jQuery out of the site, which Quarto adds from
another host to each page with HTML outputs and no page uses; add a finished report to it"""
import os
import re
from pathlib import Path

HOSTED = r'<script\b[^>]*\bsrc="https?://[^"]*(?:require|jquery)[^"]*"[^>]*></script>\s*'
DEFINED = r"<script\b[^>]*>\s*define\('jquery'.*?</script>\s*"


def cleaned(page):
    "The HTML of a page without these scripts"
    return re.sub(f'{HOSTED}|{DEFINED}', '', page, flags=re.S)


def write_example(folder, n=None):
    "A report on the packaged model for shapes, and the first `n` of its test images, in `folder`"
    from cifar_cam.report import packaged_run, write_report
    from cifar_cam.shapes import shapes10
    model, training = packaged_run('shapes10')
    write_report(folder, model, shapes10().test[:n], training=training, layer='layer3',
                 weights_name='packaged, shapes10')


if __name__ == '__main__':
    write_example(Path(os.environ['QUARTO_PROJECT_OUTPUT_DIR'])/'example')
    for name in os.environ['QUARTO_PROJECT_OUTPUT_FILES'].splitlines():
        file = Path(name)
        if file.suffix == '.html':
            file.write_text(cleaned(file.read_text(encoding='utf-8')), encoding='utf-8')
